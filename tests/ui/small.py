"""A service around the smallest network there is: it lets half of every recording through."""

from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

from lass.checkpoints import ModelEntry
from lass.checkpoints.loading import Loaded
from lass.models.resunet import ResUNetConfig
from lass.queries import CompactEncoder, Query
from lass.separation import Separator
from lass.ui.words.texts import ENGLISH
from lass.ui.work.service import Limits, Service
from lass.ui.work.shelf import Shelf

RATE = 16_000


class Half(nn.Module):
    """One parameter: the share of the mixture that is the target."""

    def __init__(self) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor(0.5))
        self.calls = 0

    def forward(self, mixture: Tensor, query: Query) -> Tensor:
        self.calls += 1
        return mixture * self.share


def entry(name: str = "half", **changes: object) -> ModelEntry:
    facts: dict = {
        "name": name, "title": name.capitalize(), "architecture": "Half", "encoder": "compact",
        "sample_rate": RATE, "parameters": 1, "size_bytes": 4, "licence": "MIT", "state": "bundled",
        "summary": "Lets half of everything through.", "source": "these tests",
    }  # fmt: skip
    return ModelEntry(**{**facts, **changes})


def small_service(scratch: Path, network: nn.Module | None = None, *, max_seconds: float = 120) -> Service:
    """A service with one model that is here and one that would have to be downloaded."""
    model = network or Half()

    def load(name: str) -> Separator:
        config = ResUNetConfig(sample_rate=RATE, window=512, hop=160)  # what the windows are cut by
        return Separator(Loaded(name=name, model=model, config=config, encoder=CompactEncoder()))

    entries = [entry("far-away", state="to download", size_bytes=2_000_000_000), entry("half")]
    limits = Limits(max_seconds=max_seconds, max_bytes=20_000_000, keep_minutes=60)
    return Service(Shelf(lambda: entries, load, ENGLISH), limits, scratch, ENGLISH)


def recording(path: Path, seconds: float = 1.0, *, rate: int = RATE, channels: int = 2, level: float = 0.1) -> str:
    """Noise of a known level in a file; the path as the page hands it on."""
    generator = np.random.default_rng(7)
    samples = generator.normal(0, level, (round(seconds * rate), channels)).astype(np.float32)
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return str(path)
