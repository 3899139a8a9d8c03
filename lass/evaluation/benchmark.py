"""How fast, how much memory, how exact: measured on this machine, by ``python -m lass benchmark``.

Times are medians over repetitions. Each report carries the machine's speed at one fixed convolution, so that figures
from two machines can be compared as ratios. Two variants of a model are timed in turn, and compared pair by pair: on
a machine that does other work too, only such ratios mean something.
"""

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from lass.ensemble import Ensemble
from lass.errors import LassError
from lass.evaluation.variants import Variant, open_model, runner
from lass.models.kernels import has_fast_bfloat16
from lass.separation import Separator

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT = 120.0
QUERY = "a dog barking"

_EMPTY_PAGE = """
import os
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
import gradio
with gradio.Blocks() as page:
    gradio.Markdown("empty")
page.launch(server_port={port}, quiet=True, ssr_mode=False)
"""

_OUR_PAGE = """
import os, runpy, sys
os.environ.update(GRADIO_SERVER_PORT="{port}", LASS_DATA_DIR={folder!r})
sys.path.insert(0, os.path.dirname({app!r}))
runpy.run_path({app!r}, run_name="__main__")
"""


# A plain pass over more is not made for the sake of comparing alone: it may need more memory than there is.
MOST_PLAIN_SECONDS = 120.0


@dataclass(frozen=True)
class Timing:
    """One duration of audio, separated in one variant. Seconds, except where the name says otherwise.

    ``peak_mib`` is the most memory at any moment of the first separation, above what was in use before it: the
    device's on a GPU. ``agreement_db`` is the energy of the difference from one plain float32 pass over everything,
    under the energy of that pass; None for an ensemble, and for recordings too long for such a pass.
    """

    audio_seconds: float
    variant: str
    first: float
    steady: float
    real_time_factor: float
    peak_mib: float
    agreement_db: float | None


@dataclass(frozen=True)
class Comparison:
    """Two variants timed in turn: how many times as long ``against`` took, pair by pair."""

    audio_seconds: float
    variant: str
    against: str
    ratios: tuple[float, ...]
    median: float


@dataclass(frozen=True)
class Benchmark:
    """Everything measured for one model on one device."""

    model: str
    device: str
    threads: int
    calibration_gflops: float
    load: float
    timings: tuple[Timing, ...]
    comparisons: tuple[Comparison, ...] = ()
    page: float | None = None
    empty_page: float | None = None

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=2)

    def to_table(self) -> str:
        """For people."""
        lines = [
            f"{self.model} on {self.device}, {self.threads} threads, {self.calibration_gflops:.0f} GFLOP/s at a fixed "
            "convolution",
            f"load: {self.load:.2f} s",
        ]
        if self.page is not None and self.empty_page is not None:
            lines.append(
                f"start to usable page: {self.page:.2f} s, {self.page / self.empty_page:.2f} times an empty page's "
                f"{self.empty_page:.2f} s"
            )
        lines.append("  audio  variant     first    steady  real-time factor  peak memory  against one plain pass")
        for timing in self.timings:
            agreement = "" if timing.agreement_db is None else f"{timing.agreement_db:.1f} dB"
            lines.append(
                f"{timing.audio_seconds:5.0f} s  {timing.variant:7}  {timing.first:6.2f} s  {timing.steady:6.2f} s  "
                f"{timing.real_time_factor:16.4f}  {timing.peak_mib:7.0f} MiB  {agreement:>22}"
            )
        for one in self.comparisons:
            pairs = ", ".join(f"{ratio:.2f}" for ratio in one.ratios)
            lines.append(
                f"{one.audio_seconds:5.0f} s: {one.variant} is {one.median:.2f} times as fast as {one.against} "
                f"(in pairs: {pairs})"
            )
        return "\n".join(lines)


def benchmark(
    name: str,
    *,
    device: str = "cpu",
    sample_rate: int | None = None,
    cache_dir: Path | None = None,
    durations: tuple[float, ...] = (10.0, 60.0),
    repetitions: int = 5,
    variant: Variant = "float32",
    against: Variant | None = None,
    page: bool = False,
) -> Benchmark:
    """Measure a model.

    Args:
        name: a model's name, a checkpoint's path, or one of :data:`lass.evaluation.variants.ARCHITECTURES`.
        sample_rate: hertz, for a published checkpoint that does not say.
        durations: seconds of audio to separate.
        repetitions: of each duration, after the first.
        variant: what is measured.
        against: another variant, timed in turn with it.
        page: also start the application, and an empty Gradio page beside it, and time both until they answer.

    Raises:
        LassError: the model cannot be loaded, has no such variant, or the application does not start.
    """
    if "fast" in (variant, against) and not (device == "cpu" and has_fast_bfloat16()):
        raise LassError("The fast mode needs a processor that computes in bfloat16, and the device cpu.")
    empty, ours = (_start_page(empty=True), _start_page(empty=False)) if page else (None, None)
    begun = time.perf_counter()
    separator = open_model(name, device=device, sample_rate=sample_rate, cache_dir=cache_dir)
    load = time.perf_counter() - begun
    variants = (variant,) if against in (None, variant) else (variant, against)
    timings: list[Timing] = []
    comparisons: list[Comparison] = []
    for seconds in durations:
        times = _time(separator, torch.device(device), seconds, repetitions, variants, timings)
        if len(variants) == 2:
            ratios = tuple(other / own for own, other in zip(*times, strict=True))
            comparisons.append(Comparison(seconds, variants[0], variants[1], ratios, statistics.median(ratios)))
    return Benchmark(
        separator.name, device, torch.get_num_threads(), _calibrate(device), load, tuple(timings),
        tuple(comparisons), ours, empty,
    )  # fmt: skip


def _time(
    separator: Separator | Ensemble, device: torch.device, seconds: float, repetitions: int,
    variants: tuple[Variant, ...], timings: list[Timing],
) -> list[list[float]]:  # fmt: skip
    """Time the variants in turn and append their timings; returns the times after the first, by variant."""
    mixture = _mixture(int(seconds * separator.sample_rate))
    runs = [runner(separator, variant, QUERY) for variant in variants]
    firsts, peaks, targets = [], [], []
    for run in runs:
        _forget_peak(device)
        before = _resident_mib(device)
        begun = time.perf_counter()
        targets.append(run(mixture))
        firsts.append(time.perf_counter() - begun)
        peaks.append(_peak_mib(device) - before)
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(repetitions):
        for run, taken in zip(runs, times, strict=True):
            begun = time.perf_counter()
            run(mixture)
            taken.append(time.perf_counter() - begun)
    plain = _reference(separator, mixture, seconds, dict(zip(variants, targets, strict=True)))
    for variant, first, taken, peak, target in zip(variants, firsts, times, peaks, targets, strict=True):
        steady = statistics.median(taken)
        agreement = None if plain is None else _decibels(target, plain)
        timings.append(Timing(seconds, variant, first, steady, steady / seconds, peak, agreement))
    return times


def _mixture(samples: int) -> np.ndarray:
    """Noise with a spectrum like most sounds', 3 dB an octave, at a tenth of full scale."""
    noise = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    spectrum = np.fft.rfft(noise) / np.sqrt(np.arange(samples // 2 + 1) + 1.0)
    mixture = np.fft.irfft(spectrum, samples).astype(np.float32)
    mixture *= np.float32(0.1 / mixture.std())
    return mixture


def _reference(
    separator: Separator | Ensemble, mixture: np.ndarray, seconds: float, targets: dict[Variant, np.ndarray]
) -> np.ndarray | None:
    if "plain" in targets:
        return targets["plain"]
    if isinstance(separator, Ensemble) or seconds > MOST_PLAIN_SECONDS:
        return None
    return runner(separator, "plain", QUERY)(mixture)


def _decibels(target: np.ndarray, reference: np.ndarray) -> float:
    difference = np.square(target - reference, dtype=np.float64).sum()
    return float(10 * np.log10(max(difference, 1e-30) / np.square(reference, dtype=np.float64).sum()))


def _calibrate(device: str) -> float:
    """GFLOP/s at one fixed convolution: 64 to 64 channels, 3x3, on 512 x 512 positions."""
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(1, 64, 512, 512, device=device).contiguous(memory_format=torch.channels_last)
    times = []
    with torch.inference_mode():
        for _ in range(8):
            begun = time.perf_counter()
            float(convolution(x).mean())
            times.append(time.perf_counter() - begun)
    return 2 * 9 * 64 * 64 * 512 * 512 / statistics.median(times[2:]) / 1e9


def _start_page(*, empty: bool) -> float:
    """Seconds from starting the process to the page's answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        program = (_EMPTY_PAGE if empty else _OUR_PAGE).format(port=port, app=str(ROOT / "app.py"), folder=folder)
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while time.perf_counter() - begun < START_LIMIT and process.poll() is None:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                        answer.read()
                    return time.perf_counter() - begun
                except OSError:
                    time.sleep(0.02)
        finally:
            process.terminate()
            process.wait(20)
    raise LassError("The application did not start; run `python app.py` to see why.")


def _resident_mib(device: torch.device) -> float:
    return torch.cuda.memory_allocated(device) / 2**20 if device.type == "cuda" else _status("VmRSS")


def _peak_mib(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else _status("VmHWM")


def _forget_peak(device: torch.device) -> None:
    """Let the high-water mark start anew; where the kernel cannot, the peak is that of the whole process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    except OSError:
        return


def _status(field: str) -> float:
    """A size from Linux's process status in MiB; NaN on other systems."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return float("nan")
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))
