"""What a run leaves to read, look at and listen to: its log, TensorBoard's copy of it, and samples."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lass import audio, plots
from lass.files import unwritable, whole

LOG_FILE = "log.jsonl"
TENSORBOARD = "tensorboard"
SAMPLES = "samples"

Log = Callable[[str], None]


@dataclass(frozen=True)
class Sample:
    """A validation mixture ``(samples,)``, what was wanted of it and what came out, with what was asked for."""

    asked: str
    mixture: np.ndarray
    target: np.ndarray
    estimate: np.ndarray


class Journal:
    """The log of one run.

    Args:
        folder: of the run.
        log: told every line.
        tensorboard: whether to write scalars and samples for TensorBoard too.
    """

    def __init__(self, folder: Path, log: Log, *, tensorboard: bool = False) -> None:
        self.folder = folder
        self.log = log
        self.tensorboard = tensorboard
        self._board: Any = None

    def record(self, **values: Any) -> None:
        """Write one line; ``step`` is among the values.

        Raises:
            LassError: the folder cannot be written to.
        """
        file = self.folder / LOG_FILE
        try:
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(values) + "\n")
        except OSError as error:
            raise unwritable(file, error) from error
        self.log("  ".join(f"{name} {value}" for name, value in values.items()))
        if self.tensorboard:
            board = self._writer(values["step"])
            for name, value in values.items():
                if name != "step":
                    board.add_scalar(name, value, values["step"])
            board.flush()

    def keep(self, step: int, samples: list[Sample], sample_rate: int) -> None:
        """Write samples as WAV files with a picture of each, in a folder of their step.

        Raises:
            LassError: the folder cannot be written to.
        """
        for number, sample in enumerate(samples, start=1):
            name = re.sub(r"[^\w-]+", "-", sample.asked).strip("-")[:60] or "sample"
            folder = self.folder / SAMPLES / f"step-{step:06d}" / f"{number:02d}-{name}"
            parts = {"mixture": sample.mixture, "target": sample.target, "estimate": sample.estimate}
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise unwritable(folder, error) from error
            for part, waveform in parts.items():
                audio.write(folder / f"{part}.wav", waveform, sample_rate)
            rows = [("Mixture", "", sample.mixture), ("Target", sample.asked, sample.target),
                    ("Estimate", "", sample.estimate)]  # fmt: skip
            picture = plots.panels(rows, sample_rate)
            plots.save(picture, folder / "spectrograms.png")
            if self.tensorboard:
                self._show(step, f"{number:02d}-{name}", parts, picture, sample_rate)

    def cut(self, step: int) -> None:
        """Take out what was logged after ``step``, and a last line that a kill cut short."""
        file = self.folder / LOG_FILE
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

    def close(self) -> None:
        """End TensorBoard's file."""
        if self._board is not None:
            self._board.close()
            self._board = None

    def _show(self, step: int, name: str, parts: dict[str, np.ndarray], picture: Any, sample_rate: int) -> None:
        board = self._writer(step)
        for part, waveform in parts.items():
            board.add_audio(f"{name}/{part}", waveform[:, None], step, sample_rate)
        picture.canvas.draw()
        pixels = np.asarray(picture.canvas.buffer_rgba())[..., :3]
        board.add_image(f"{name}/spectrograms", pixels, step, dataformats="HWC")
        board.flush()

    def _writer(self, step: int) -> Any:
        if self._board is None:
            from tensorboardX import SummaryWriter  # takes a second to import, and most runs do without

            # What an interrupted run wrote from this step on comes again.
            self._board = SummaryWriter(str(self.folder / TENSORBOARD), purge_step=step)
        return self._board
