"""The training loop: resumable to the bit, one process, any device.

A run lives in one folder: ``state.pt`` (everything needed to go on), ``best.safetensors`` and ``last.safetensors``
(checkpoints of the averaged weights, loadable by :func:`lass.load_separator`) and ``log.jsonl``.
"""

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lass.checkpoints.bundled import save_bundled
from lass.errors import LassError
from lass.models import build, config_to_dict
from lass.queries import Query, QueryEncoder
from lass.training.losses import silence, weighted
from lass.training.mixing import Batch, Captions, Mixtures, read_captions
from lass.training.recipe import Optimisation, Recipe, SourceSet
from lass.training.sources import open_pool

Log = Callable[[str], None]


def learning_rate(step: int, settings: Optimisation) -> float:
    """Linear warm-up, then a cosine from ``rate`` down to ``final * rate`` at the last step."""
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.rate * (settings.final + (1 - settings.final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


class Average:
    """Exponential moving average of a network's weights; its buffers are taken over as they are."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards ``model``; the first updates move faster, so that the random start is soon forgotten."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for weight, newest in zip(self.model.parameters(), model.parameters(), strict=True):
            weight.lerp_(newest, 1 - decay)
        for buffer, latest in zip(self.model.buffers(), model.buffers(), strict=True):
            buffer.copy_(latest)


@dataclass(frozen=True)
class Validation:
    """Mean SDR improvement in decibels over fixed mixtures, and the output's level for absent sounds."""

    sdri: float
    absent_db: float


class Trainer:
    """One run of a recipe.

    Args:
        recipe: what to learn.
        encoder: the frozen query encoder.
        data: root of the recordings.
        folder: where the run lives; its parent holds the cache of decoded sounds.
        device: a torch device.
        workers: loader processes; the result does not depend on it.
    """

    def __init__(
        self, recipe: Recipe, encoder: QueryEncoder, data: Path, folder: Path, device: str, workers: int, log: Log
    ) -> None:
        self.recipe, self.folder, self.workers, self.log = recipe, folder, workers, log
        self.device = torch.device(device)
        folder.mkdir(parents=True, exist_ok=True)
        rate, cache = recipe.model.sample_rate, folder.parent / "cache"
        pools = [open_pool(source, data, cache, rate, log) for source in recipe.data.sets]
        labels = sorted({label for pool in pools for label in pool.labels})
        texts = read_captions(Path(__file__).parent / recipe.data.captions, labels)
        captions = Captions(texts, _encode(encoder, [text for wordings in texts.values() for text in wordings]))
        self.known_sounds = captions.known_sounds()
        same = recipe.data.same_sound
        settings = recipe.optimisation
        self.mixtures = Mixtures(pools, captions, recipe.mixing, same, settings.batch, recipe.seed)
        self.validation = _fixed_mixtures(recipe, data, cache, encoder, log)
        torch.manual_seed(recipe.seed)
        self.model = build(recipe.model).to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = Average(self.model, settings.ema)
        weights = list(self.model.parameters())
        groups: list[dict[str, Any]] = [
            {"params": [weight for weight in weights if weight.ndim > 1]},
            {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=settings.rate, weight_decay=settings.weight_decay)
        self.loss = weighted(settings.loss)
        self.step = 0
        self.seconds = 0.0
        self.best = -math.inf

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Train to the last step, or until ``stop()``; the state is saved either way."""
        settings, started, losses = self.recipe.optimisation, time.monotonic(), []
        before = self.seconds
        for batch in self._batches():
            losses.append(self._train_step(batch))
            self.step += 1
            self.seconds = before + time.monotonic() - started
            if self.step % 20 == 0:
                self._report(losses)
                losses = []
            if self.step % self.recipe.validate_every == 0 or self.step == settings.steps:
                self._validate()
            if self.step % self.recipe.save_every == 0 or self.step == settings.steps:
                self.save()
            if stop():
                self.save()
                return

    def save(self) -> None:
        """Write the state; the file is replaced in one move, so a kill leaves the old one or the new one."""
        state = {
            "recipe": repr(self.recipe),
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict(),
            "updates": self.average.updates,
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
        }
        partial = self.folder / "state.partial"
        torch.save(state, partial)
        partial.replace(self.folder / "state.pt")

    def resume(self) -> None:
        """Go on where the last saved state stopped.

        Raises:
            LassError: there is no state, or it belongs to another recipe.
        """
        file = self.folder / "state.pt"
        if not file.exists():
            raise LassError(f"{self.folder} holds no state to resume; start the run without --resume.")
        state = torch.load(file, map_location=self.device, weights_only=True)
        if state["recipe"] != repr(self.recipe):
            raise LassError(f"{file} was made by another recipe; resume with the recipe it was started with.")
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
        self.model.load_state_dict(state["model"])
        self.average.model.load_state_dict(state["average"])
        self.average.updates = state["updates"]
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"].cpu())

    def _batches(self) -> Iterator[Batch]:
        numbers = range(self.step, self.recipe.optimisation.steps)
        loader = DataLoader(self.mixtures, batch_size=None, sampler=numbers, num_workers=self.workers)
        yield from loader

    def _autocast(self) -> AbstractContextManager[Any]:
        half = self.recipe.optimisation.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half)

    def _train_step(self, batch: Batch) -> float:
        settings = self.recipe.optimisation
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, settings)
        self.model.train()
        mixture, target = batch.mixture.to(self.device), batch.target.to(self.device)
        with self._autocast():
            estimate = self.model(mixture[:, None], batch.query.to(self.device))[:, 0]
        absent = batch.absent.to(self.device)
        present = self.loss(estimate, target)
        loss = torch.where(absent, settings.absent_weight * silence(estimate, mixture), present).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        self.optimiser.step()
        self.average.update(self.model)
        return float(loss.detach())

    def _report(self, losses: list[float]) -> None:
        left = (self.recipe.optimisation.steps - self.step) * self.seconds / self.step
        audio = self.step * self.recipe.optimisation.batch * self.recipe.mixing.seconds
        self._record(
            step=self.step,
            loss=round(float(np.mean(losses)), 3),
            audio_per_second=round(audio / self.seconds, 1),
            minutes=round(self.seconds / 60, 1),
            minutes_left=round(left / 60, 1),
        )

    def _validate(self) -> None:
        result = self.evaluate()
        self._record(step=self.step, sdri=round(result.sdri, 3), absent_db=round(result.absent_db, 2))
        self.export("last")
        if result.sdri > self.best:
            self.best = result.sdri
            self.export("best")

    @torch.inference_mode()
    def evaluate(self) -> Validation:
        """Score the averaged weights on the recipe's fixed validation mixtures."""
        gains: list[Tensor] = []
        absent: list[Tensor] = []
        for batch in self.validation:
            mixture, target = batch.mixture.to(self.device), batch.target.to(self.device)
            with self._autocast():
                estimate = self.average.model(mixture[:, None], batch.query.to(self.device))[:, 0]
            gain = -10 * torch.log10(_energy(target - estimate) / _energy(target - mixture))
            level = 10 * torch.log10(_energy(estimate) / _energy(mixture))
            gains.append(gain[~batch.absent])
            absent.append(level[batch.absent])
        return Validation(float(torch.cat(gains).mean()), float(torch.cat(absent).mean()))

    def export(self, name: str) -> None:
        """Write the averaged weights as a checkpoint that :func:`lass.load_separator` reads."""
        save_bundled(
            self.folder / f"{name}.safetensors",
            self.average.model,
            {
                "name": self.recipe.name,
                "architecture": self.recipe.model.title,
                "config": config_to_dict(self.recipe.model),
                "encoder": self.recipe.encoder,
                "summary": self.recipe.summary,
                "licence": "MIT",
                "levels": self.recipe.mixing.level,
                "training": {"steps": self.step, "seconds": round(self.seconds), "device": self.device.type},
            },
            self.known_sounds,
        )

    def _record(self, **values: Any) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
        self.log("  ".join(f"{name} {value}" for name, value in values.items()))


def _energy(waveform: Tensor) -> Tensor:
    return waveform.square().sum(-1) + 1e-8


def _encode(encoder: QueryEncoder, texts: list[str]) -> Query:
    """Many texts in batches that fit in memory; pooled vectors only."""
    return Query(pooled=torch.cat([encoder.encode(texts[i : i + 64]).pooled for i in range(0, len(texts), 64)]))


def _fixed_mixtures(recipe: Recipe, data: Path, cache: Path, encoder: QueryEncoder, log: Log) -> list[Batch]:
    """0 dB mixtures of held-out recordings, queried by label; one in five asks for a sound that is not there."""
    source: SourceSet = recipe.data.validation
    pool = open_pool(source, data, cache, recipe.model.sample_rate, log)
    texts = {label: [label] for label in pool.labels}
    captions = Captions(texts, _encode(encoder, pool.labels))
    settings = replace(
        recipe.mixing,
        snr=(0.0, 0.0),
        interferers=(1.0,),
        level=(-23.0, -23.0),
        speed=(1.0, 1.0),
        equaliser=0.0,
        caption_blend=0.0,
        query_noise=0.0,
        absent=0.2,
    )
    size = 10
    mixtures = Mixtures([pool], captions, settings, recipe.data.same_sound, size, seed=20240607)
    return [mixtures[number] for number in range(math.ceil(recipe.data.validation_mixtures / size))]
