"""Several models as one."""

from pathlib import Path

import numpy as np
import pytest
import torch

import lass
from lass.checkpoints import catalogue
from lass.checkpoints.loading import Loaded, load_checkpoint
from lass.ensemble import Ensemble
from lass.errors import Cancelled, ModelError
from lass.models import ResUNetConfig, build
from lass.separation import Progress, Separation, Separator

RATE = 16_000


@pytest.fixture
def members(tiny_checkpoint: Path) -> list[Separator]:
    """The tiny checkpoint, and an untrained network of another size at half its rate."""
    config = ResUNetConfig(
        sample_rate=8_000, window=256, hop=80, condition_size=384, channels=(4,), pooling=((2, 2),), vestigial=False
    )
    torch.manual_seed(1)
    first = load_checkpoint(tiny_checkpoint)
    return [Separator(first), Separator(Loaded("other", build(config), config, first.encoder))]


def test_the_target_is_the_mean_of_the_members(members: list[Separator], rng: np.random.Generator) -> None:
    mixture = rng.standard_normal((2, RATE)).astype(np.float32) * 0.1
    targets = [member.separate(mixture, RATE, "rain").target for member in members]
    assert np.abs(targets[0] - targets[1]).max() > 1e-4
    result = Ensemble("both", members).separate(mixture, RATE, "rain")
    np.testing.assert_allclose(result.target, (targets[0] + targets[1]) / 2, atol=1e-6)
    np.testing.assert_allclose(result.target + result.residual, mixture, atol=1e-6)
    assert result.model == "both"


def test_members_may_work_at_different_rates(members: list[Separator], rng: np.random.Generator) -> None:
    assert len({member.sample_rate for member in members}) == 2
    mixture = rng.standard_normal(44_100).astype(np.float32) * 0.1
    result = Ensemble("both", members).separate(mixture, 44_100, "rain")
    assert result.target.shape == mixture.shape


def test_progress_never_goes_back_and_ends_complete(members: list[Separator], rng: np.random.Generator) -> None:
    mixture = rng.standard_normal(25 * RATE).astype(np.float32) * 0.1
    *progress, last = Ensemble("both", members).steps(mixture, RATE, "rain")
    shares = [step.done / step.total for step in progress if isinstance(step, Progress)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert isinstance(last, Separation)


def test_cancelling_stops_before_the_next_member(members: list[Separator], rng: np.random.Generator) -> None:
    mixture = rng.standard_normal(RATE).astype(np.float32) * 0.1
    seen: list[int] = []
    with pytest.raises(Cancelled):
        Ensemble("both", members).separate(
            mixture, RATE, "rain", progress=lambda done, _total: seen.append(done), cancelled=lambda: True
        )
    assert seen == [1]


def test_the_catalogue_fetches_an_ensembles_members_and_what_they_need() -> None:
    entry = catalogue.ENSEMBLES[0]
    names = [part.name for part in catalogue.parts(entry.name)]
    assert names == [*entry.members, "roberta-tokenizer"]
    assert entry.name in catalogue.names()


def test_an_ensemble_whose_members_are_not_here_says_which(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="audiosep-dp-32k"):
        lass.load_separator(catalogue.ENSEMBLES[0].name, cache_dir=tmp_path)
