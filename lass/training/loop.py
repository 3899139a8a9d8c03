"""The training loop: resumable to the bit, one process, any device.

A run lives in one folder: ``state.pt`` (everything needed to go on), ``best.safetensors`` and ``last.safetensors``
(checkpoints of the averaged weights, loadable by :func:`lass.load_separator`) and ``log.jsonl``.
"""

import copy
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lass.checkpoints.bundled import save_bundled
from lass.errors import LassError
from lass.models import build, config_to_dict
from lass.queries import Query, QueryEncoder
from lass.training.files import unwritable, whole
from lass.training.losses import silence, weighted
from lass.training.mixing import Batch, Captions, Mixtures, read_captions
from lass.training.recipe import Optimisation, Recipe
from lass.training.sources import Clip, Pool, open_pool
from lass.training.start import take_over
from lass.training.state import load_state, save_state

Log = Callable[[str], None]
LOG_FILE = "log.jsonl"
REPORT_EVERY = 20
# Of the fixed mixtures: they are the same for every recipe on the same recordings.
VALIDATION_SEED = 20240607
VALIDATION_BATCH = 10


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
    """Mean SDR improvement in decibels over fixed mixtures, and the output's level for absent sounds.

    Either is NaN where no mixture was of the kind.
    """

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
        log: told what happens, a line at a time.
        checkpoints: where downloaded checkpoints are, for a recipe that starts from one of them.

    Raises:
        LassError: recordings or captions cannot be used, or the folder cannot be written to.
    """

    def __init__(
        self,
        recipe: Recipe,
        encoder: QueryEncoder,
        data: Path,
        folder: Path,
        device: str,
        workers: int,
        log: Log,
        checkpoints: Path | None = None,
    ) -> None:
        self.recipe, self.folder, self.workers, self.log = recipe, folder, workers, log
        self.checkpoints = checkpoints
        self.started: dict[str, Any] | None = None
        self.device = torch.device(device)
        if workers < 0:
            raise LassError(f"There cannot be {workers} loader processes; give 0 or more.")
        _make(folder)
        settings = recipe.optimisation
        if recipe.model.condition_size != encoder.size:
            raise LassError(
                f"The recipe's network takes queries of {recipe.model.condition_size} values and the encoder gives "
                f"{encoder.size}; set model.condition_size to {encoder.size}."
            )
        rate, cache = recipe.model.sample_rate, folder.parent / "cache"
        pools = [open_pool(source, data, cache, rate, log) for source in recipe.data.sets]
        table = read_captions(recipe.captions_file, _labels(pools, worded=False))
        captions = Captions.of(pools, table, lambda texts: _encode(encoder, texts))
        self.known_sounds = captions.known_sounds(_labels(pools))
        self.mixtures = Mixtures(pools, captions, recipe.mixing, recipe.data.same_sound, settings.batch, recipe.seed)
        held_out = open_pool(recipe.data.validation, data, cache, rate, log)
        self.validation = _fixed_mixtures(recipe, held_out, encoder)
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
        self.losses: list[float] = []

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Train to the last step, or until ``stop()``; the state is saved either way."""
        if self.recipe.start and self.step == 0:
            self._start()
        settings, started = self.recipe.optimisation, time.monotonic()
        before = self.seconds
        if self.step >= settings.steps:
            self.log(f"the run has its {settings.steps} steps already")
        for batch in self._batches():
            self.losses.append(self._train_step(batch))
            self.step += 1
            self.seconds = before + time.monotonic() - started
            if self.step % REPORT_EVERY == 0:
                self._report()
            if self.step % self.recipe.validate_every == 0 or self.step == settings.steps:
                self._validate()
            if self.step % self.recipe.save_every == 0 or self.step == settings.steps:
                self.save()
            if stop():
                self.save()
                return

    def _start(self) -> None:
        """Take over what fits of the checkpoint that the recipe starts from; a resumed run has it in its state."""
        start = take_over(self.recipe.start, self.model, self.recipe.model.sample_rate, self.checkpoints)
        self.average.model.load_state_dict(self.model.state_dict())
        self.started = start.facts()
        self.log(start.in_words())

    def save(self) -> None:
        """Write the state; the file is replaced in one move, so a kill leaves the old one or the new one.

        Raises:
            LassError: the folder cannot be written to, or the disk is full.
        """
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "losses": self.losses,
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict(),
            "updates": self.average.updates,
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
        }
        if self.started is not None:
            state["start"] = self.started
        save_state(self.folder, self.recipe, state)

    def resume(self) -> None:
        """Go on where the last saved state stopped; what was logged after it is taken out of the log.

        Raises:
            LassError: there is no state, it is damaged, or it belongs to another recipe.
        """
        state = load_state(self.folder, self.recipe, self.device)
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
        self.losses = list(state.get("losses", []))
        self.model.load_state_dict(state["model"])
        self.average.model.load_state_dict(state["average"])
        self.average.updates = state["updates"]
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"].cpu())
        self.started = state.get("start")
        _cut_log(self.folder / LOG_FILE, self.step)

    def _batches(self) -> Iterator[Batch]:
        numbers = range(self.step, self.recipe.optimisation.steps)
        # A generator of its own: the loader would take a number from the one that the network draws from.
        own = torch.Generator()
        loader = DataLoader(self.mixtures, None, sampler=numbers, num_workers=self.workers, generator=own)
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
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        if not bool(torch.isfinite(norm)):
            raise LassError(
                f"Step {self.step + 1} of {self.recipe.name} gave a gradient that is not finite; lower "
                "optimisation.rate or raise optimisation.warmup, and start the run anew."
            )
        self.optimiser.step()
        self.average.update(self.model)
        return float(loss.detach())

    def _report(self) -> None:
        left = (self.recipe.optimisation.steps - self.step) * self.seconds / self.step
        audio = self.step * self.recipe.optimisation.batch * self.recipe.mixing.seconds
        self._record(
            step=self.step,
            loss=round(float(np.mean(self.losses)), 3),
            audio_per_second=round(audio / self.seconds, 1),
            minutes=round(self.seconds / 60, 1),
            minutes_left=round(left / 60, 1),
        )
        self.losses = []

    def _validate(self) -> None:
        result = self.evaluate()
        scores = {"sdri": round(result.sdri, 3), "absent_db": round(result.absent_db, 2)}
        self._record(step=self.step, **{name: score for name, score in scores.items() if math.isfinite(score)})
        self.export("last")
        if not result.sdri <= self.best:
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
        """Write the averaged weights as a checkpoint that :func:`lass.load_separator` reads.

        Raises:
            LassError: the folder cannot be written to, or the disk is full.
        """
        file = self.folder / f"{name}.safetensors"
        training = {"steps": self.step, "seconds": round(self.seconds), "device": self.device.type}
        card = {
            "name": self.recipe.name,
            "architecture": self.recipe.model.title,
            "config": config_to_dict(self.recipe.model),
            "encoder": self.recipe.encoder,
            "summary": self.recipe.summary.strip(),
            "licence": "MIT",
            "levels": self.recipe.mixing.level,
            "training": training | ({} if self.started is None else {"start": self.started}),
        }
        try:
            save_bundled(file, self.average.model, card, self.known_sounds)
        except (OSError, SafetensorError) as error:
            raise unwritable(file, error) from error

    def _record(self, **values: Any) -> None:
        file = self.folder / LOG_FILE
        try:
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(values) + "\n")
        except OSError as error:
            raise unwritable(file, error) from error
        self.log("  ".join(f"{name} {value}" for name, value in values.items()))


def _energy(waveform: Tensor) -> Tensor:
    return waveform.square().sum(-1) + 1e-8


def _make(folder: Path) -> None:
    """The folder of a run, tried out: better to hear now than at the first save that it cannot be written to."""
    with whole(folder / ".writable"):
        pass
    (folder / ".writable").unlink(missing_ok=True)


def _cut_log(file: Path, step: int) -> None:
    """Take out what was logged after ``step``, and a last line that a kill cut short."""
    if not file.exists():
        return
    kept = []
    for line in file.read_text("utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue
    with whole(file) as output:
        output.write("".join(kept).encode())


def _labels(pools: Sequence[Pool], *, worded: bool = True) -> list[str]:
    """Labels of all recordings that have one; without ``worded``, of those that have no captions of their own."""

    def counts(clip: Clip) -> bool:
        return bool(clip.label) and (worded or not clip.wordings)

    return sorted({label for pool in pools for label in pool.labels if any(map(counts, pool.clips[label]))})


def _encode(encoder: QueryEncoder, texts: list[str]) -> Query:
    """Many texts in batches that fit in memory; pooled vectors only."""
    return Query(pooled=torch.cat([encoder.encode(texts[i : i + 64]).pooled for i in range(0, len(texts), 64)]))


def _fixed_mixtures(recipe: Recipe, pool: Pool, encoder: QueryEncoder) -> list[Batch]:
    """0 dB mixtures of held-out recordings; one in five asks for a sound that is not there.

    Queries are labels, or the captions of recordings that have their own.
    """
    table = {label: [label] for label in _labels([pool], worded=False)}
    captions = Captions.of([pool], table, lambda texts: _encode(encoder, texts))
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
    same = recipe.data.same_sound
    mixtures = Mixtures([pool], captions, settings, same, VALIDATION_BATCH, VALIDATION_SEED)
    return [mixtures[number] for number in range(math.ceil(recipe.data.validation_mixtures / VALIDATION_BATCH))]
