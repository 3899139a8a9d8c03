"""The training loop: resumable to the bit on a processor, any device, one process or several.

A run lives in one folder: ``state.pt`` (everything needed to go on), ``best.safetensors`` and ``last.safetensors``
(checkpoints of what the run gives: averaged weights, and a share of those it started from where the recipe asks for
one; loadable by :func:`lass.load_separator`), ``log.jsonl``, and TensorBoard's files and samples where they are asked
for.
"""

import copy
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.utils.data import DataLoader

from lass.checkpoints.bundled import save_bundled
from lass.errors import LassError
from lass.files import unwritable, whole
from lass.models import build, config_to_dict
from lass.queries import Query, QueryEncoder
from lass.training.average import Average, between
from lass.training.journal import Journal, Log
from lass.training.losses import MIXIT
from lass.training.mixing import Batch, Captions, Mixtures, read_captions
from lass.training.objective import Objective
from lass.training.optimisers import build_optimiser, learning_rate
from lass.training.processes import ALONE, Processes
from lass.training.recipe import Recipe
from lass.training.sources import open_pool
from lass.training.start import located, take_over
from lass.training.state import load_state, save_state
from lass.training.validation import Validation, fixed_mixtures, labels, validate
from lass.training.vectors import encode_all

REPORT_EVERY = 20
# Half precision scales its losses down while gradients overflow; below this they will not stop to.
SMALLEST_SCALE = 1e-3


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
        processes: which part of every batch is this process's.
        tensorboard: whether to write TensorBoard's files too.
        samples: how many validation mixtures to keep, as sound and picture, at every validation.

    Raises:
        LassError: recordings or captions cannot be used, the folder cannot be written to, or the device cannot
            compute as the recipe asks.
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
        *,
        processes: Processes = ALONE,
        tensorboard: bool = False,
        samples: int = 0,
    ) -> None:
        self.recipe, self.folder, self.workers = recipe, folder, workers
        self.checkpoints, self.processes, self.samples = checkpoints, processes, samples
        self.device = torch.device(device)
        self.started: dict[str, Any] | None = None
        self._check(encoder)
        self.journal = Journal(folder, log, tensorboard=tensorboard)
        with processes.in_turn():
            _make(folder)
            self._prepare(encoder, data)
        torch.manual_seed(recipe.seed)
        settings = recipe.optimisation
        self.model = build(recipe.model).to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = Average(self.model, settings.ema)
        # What the recipe starts from, which a share of what is exported goes back to.
        self.anchor: nn.Module | None = None
        processes.share_norms(self.model)
        if not processes.first:
            # What is dropped differs between the rows of a batch, and so between processes.
            torch.manual_seed(recipe.seed + processes.rank)
        self.optimiser = build_optimiser(self.model, settings)
        self.scaler = GradScaler(self.device.type, enabled=settings.precision == "float16")
        self.objective = Objective(settings)
        self.step = 0
        self.seconds = 0.0
        self.best = -math.inf
        self.losses: list[float] = []
        self.discarded = 0

    def _check(self, encoder: QueryEncoder) -> None:
        recipe, settings, count = self.recipe, self.recipe.optimisation, self.processes.count
        if self.workers < 0:
            raise LassError(f"There cannot be {self.workers} loader processes; give 0 or more.")
        if recipe.model.condition_size != encoder.size:
            raise LassError(
                f"The recipe's network takes queries of {recipe.model.condition_size} values and the encoder gives "
                f"{encoder.size}; set model.condition_size to {encoder.size}."
            )
        if settings.batch % count:
            raise LassError(
                f"Batches of {settings.batch} cannot be split over {count} processes; start as many as divide it."
            )
        if settings.precision == "float16" and self.device.type != "cuda":
            raise LassError("Half precision (float16) needs a CUDA device; set optimisation.precision to bfloat16.")

    def _prepare(self, encoder: QueryEncoder, data: Path) -> None:
        """Everything that is heard and read, from the cache where it is there."""
        recipe, processes = self.recipe, self.processes
        rate, cache, log = recipe.model.sample_rate, self.folder.parent / "cache", self._log

        def encode(texts: list[str]) -> Query:
            return encode_all(encoder, texts, tokens=recipe.mixing.tokens)

        pools = [open_pool(source, data, cache, rate, log) for source in recipe.data.sets]
        table = read_captions(recipe.captions_file, labels(pools, worded=False))
        captions = Captions.of(pools, table, encode)
        self.known_sounds = captions.known_sounds(labels(pools))
        self.mixtures = Mixtures(
            pools,
            captions,
            recipe.mixing,
            recipe.data.same_sound,
            recipe.optimisation.batch,
            recipe.seed,
            part=(processes.rank, processes.count),
            remix=MIXIT in recipe.optimisation.loss,
        )
        held_out = open_pool(recipe.data.validation, data, cache, rate, log)
        self.validation = fixed_mixtures(recipe, held_out, encode)

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Train to the last step, or until ``stop()``; the state is saved either way.

        A run that has all its steps already writes its checkpoint anew, with the words of the captions as they are now.
        """
        if self.step == 0:
            if self.processes.first:
                self.journal.cut(0)  # what a run said that was killed before its first save
            if self.recipe.start:
                self._start()
        settings, started = self.recipe.optimisation, time.monotonic()
        before = self.seconds
        if self.step >= settings.steps:
            self._log(f"the run has its {settings.steps} steps already; its checkpoint learns the words of today")
            if self.processes.first:
                self.export("last")
        for batch in self._batches():
            self.losses.append(self._train_step(batch.to(self.device)))
            self.discarded += batch.discarded
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
                break
        self.journal.close()

    def _start(self) -> None:
        """Take over what fits of the checkpoint that the recipe starts from; a resumed run has it in its state."""
        path = located(self.recipe.start, self.folder.parent)
        start = take_over(path, self.model, self.recipe.model.sample_rate, self.checkpoints)
        self.average.model.load_state_dict(self.model.state_dict())
        if self.recipe.optimisation.start_share:
            if start.left:
                raise LassError(
                    f"The checkpoint {start.name} is not of the recipe's network, so nothing lies between the two; "
                    "set optimisation.start_share to 0."
                )
            self.anchor = copy.deepcopy(self.average.model)
        self.started = start.facts()
        self._log(start.in_words())

    def result(self) -> nn.Module:
        """The network that is measured and exported."""
        if self.anchor is None:
            return self.average.model
        return between(self.average.model, self.anchor, self.recipe.optimisation.start_share)

    def save(self) -> None:
        """Write the state; the file is replaced in one move, so a kill leaves the old one or the new one.

        All processes of a run call it together, and the first one writes.

        Raises:
            LassError: the folder cannot be written to, or the disk is full.
        """
        generators = self.processes.gather(self._generators())
        if not self.processes.first:
            return
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "losses": self.losses,
            "discarded": self.discarded,
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict(),
            "updates": self.average.updates,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "generators": generators,
        }
        if self.started is not None:
            state["start"] = self.started
        if self.anchor is not None:
            state["anchor"] = self.anchor.state_dict()
        save_state(self.folder, self.recipe, state)

    def resume(self) -> None:
        """Go on where the last saved state stopped; what was logged after it is taken out of the log.

        Raises:
            LassError: there is no state, it is damaged, or it belongs to another recipe.
        """
        state = load_state(self.folder, self.recipe)
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
        self.losses = list(state.get("losses", []))
        self.discarded = int(state.get("discarded", 0))
        self.model.load_state_dict(state["model"])
        self.average.model.load_state_dict(state["average"])
        self.average.updates = state["updates"]
        self.optimiser.load_state_dict(state["optimiser"])
        if state.get("scaler"):
            self.scaler.load_state_dict(state["scaler"])
        # A run of one process used to keep the one generator that it had.
        generators = state["generators"] if "generators" in state else [{"cpu": state["random"]}]
        if self.processes.rank < len(generators):
            self._set_generators(generators[self.processes.rank])
        self.started = state.get("start")
        if self.recipe.optimisation.start_share and self.step:
            self.anchor = copy.deepcopy(self.average.model)
            self.anchor.load_state_dict(state["anchor"])
        if self.processes.first:
            self.journal.cut(self.step)

    def _generators(self) -> dict[str, Tensor]:
        """The states of what dropout draws from."""
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return states

    def _set_generators(self, states: dict[str, Tensor]) -> None:
        torch.set_rng_state(states["cpu"].cpu())
        if "cuda" in states and self.device.type == "cuda":
            torch.cuda.set_rng_state(states["cuda"].cpu(), self.device)

    def _batches(self) -> Iterator[Batch]:
        numbers = range(self.step, self.recipe.optimisation.steps)
        # A generator of its own: the loader would take a number from the one that the network draws from.
        own = torch.Generator()
        loader = DataLoader(
            self.mixtures, None, sampler=numbers, num_workers=self.workers, generator=own, worker_init_fn=_stays
        )
        yield from loader

    def _autocast(self) -> AbstractContextManager[Any]:
        precision = self.recipe.optimisation.precision
        half = torch.float16 if precision == "float16" else torch.bfloat16
        return torch.autocast(self.device.type, dtype=half, enabled=precision != "float32")

    def _separate(self, model: nn.Module) -> Callable[[Tensor, Query], Tensor]:
        def separate(mixture: Tensor, query: Query) -> Tensor:
            with self._autocast():
                return model(mixture[:, None], query)[:, 0]

        return separate

    def _train_step(self, batch: Batch) -> float:
        settings = self.recipe.optimisation
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, settings)
        self.model.train()
        loss = self.objective(self._separate(self.model), batch).mean()
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.processes.average_gradients(self.model)
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip or math.inf)
        hopeless = not self.scaler.is_enabled() or self.scaler.get_scale() < SMALLEST_SCALE
        if hopeless and not bool(torch.isfinite(norm)):
            raise LassError(
                f"Step {self.step + 1} of {self.recipe.name} gave a gradient that is not finite; lower "
                "optimisation.rate or raise optimisation.warmup, and start the run anew."
            )
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.average.update(self.model)
        return float(self.processes.average(loss.detach()))

    def _report(self) -> None:
        left = (self.recipe.optimisation.steps - self.step) * self.seconds / self.step
        audio = self.step * self.recipe.optimisation.batch * self.recipe.mixing.seconds
        values = {
            "loss": round(float(np.mean(self.losses)), 3),
            "audio_per_second": round(audio / self.seconds, 1),
            "minutes": round(self.seconds / 60, 1),
            "minutes_left": round(left / 60, 1),
        }
        if self.recipe.mixing.similarity < 1:
            kept = len(self.losses) * len(self.mixtures.rows)
            values["discarded"] = round(self.discarded / (self.discarded + kept), 3)
        self._record(**values)
        self.losses, self.discarded = [], 0

    def _validate(self) -> None:
        if not self.processes.first:
            return
        result = self.evaluate(keep=True)
        scores = {"sdri": round(result.sdri, 3), "absent_db": round(result.absent_db, 2)}
        self._record(**{name: score for name, score in scores.items() if math.isfinite(score)})
        self.export("last")
        if not result.sdri <= self.best:
            self.best = result.sdri
            self.export("best")

    @torch.inference_mode()
    def evaluate(self, *, keep: bool = False) -> Validation:
        """Score the averaged weights on the recipe's fixed validation mixtures; with ``keep``, leave samples."""
        batches = (batch.to(self.device) for batch in self.validation)
        wanted = self.samples if keep else 0
        result, samples = validate(self._separate(self.result()), batches, wanted)
        if samples:
            self.journal.keep(self.step, samples, self.recipe.model.sample_rate)
        return result

    def export(self, name: str) -> None:
        """Write the averaged weights as a checkpoint that :func:`lass.load_separator` reads.

        Raises:
            LassError: the folder cannot be written to, or the disk is full.
        """
        file = self.folder / f"{name}.safetensors"
        recipe = self.recipe
        training = {"steps": self.step, "seconds": round(self.seconds), "device": self.device.type}
        if self.processes.count > 1:
            training["processes"] = self.processes.count
        card = {
            "name": recipe.name,
            "architecture": recipe.model.title,
            "config": config_to_dict(recipe.model),
            "encoder": recipe.encoder,
            "summary": recipe.summary.strip(),
            "licence": "MIT",
            "levels": recipe.mixing.level if recipe.mixing.levels == "drawn" else None,
            "training": training | ({} if self.started is None else {"start": self.started}),
        }
        try:
            save_bundled(file, self.result(), card, self.known_sounds)
        except (OSError, SafetensorError) as error:
            raise unwritable(file, error) from error

    def _record(self, **values: Any) -> None:
        if self.processes.first:
            self.journal.record(step=self.step, **values)

    def _log(self, line: str) -> None:
        if self.processes.first:
            self.journal.log(line)


def _stays(_worker: int) -> None:
    """What ends a whole group of processes spares the loader's: the step that is being done needs what they load."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()  # SIGTERM itself they must heed: it is how their parent ends them


def _make(folder: Path) -> None:
    """The folder of a run, tried out: better to hear now than at the first save that it cannot be written to."""
    with whole(folder / ".writable"):
        pass
    (folder / ".writable").unlink(missing_ok=True)
