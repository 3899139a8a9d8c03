"""How fast, how much memory, how exact: measured on this machine, by ``python -m lass benchmark``.

Times are medians over repetitions. Each report carries the machine's speed at one fixed convolution, so that figures
from two machines can be compared as ratios.
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

import lass
from lass.ensemble import Ensemble
from lass.errors import LassError
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


@dataclass(frozen=True)
class Timing:
    """One duration of audio, separated. Seconds, except where the name says otherwise.

    ``agreement_db`` is the energy of the difference between the separator's output and one pass over everything,
    under the energy of that pass; None for an ensemble.
    """

    audio_seconds: float
    first: float
    steady: float
    real_time_factor: float
    peak_mib: float
    agreement_db: float | None


@dataclass(frozen=True)
class Benchmark:
    """Everything measured for one model on one device."""

    model: str
    device: str
    threads: int
    calibration_gflops: float
    load: float
    timings: tuple[Timing, ...]
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
            f"import and load: {self.load:.2f} s",
        ]
        if self.page is not None and self.empty_page is not None:
            lines.append(
                f"start to usable page: {self.page:.2f} s, {self.page / self.empty_page:.2f} times an empty page's "
                f"{self.empty_page:.2f} s"
            )
        lines.append("  audio     first    steady  real-time factor  peak memory  against one pass")
        for timing in self.timings:
            agreement = "" if timing.agreement_db is None else f"{timing.agreement_db:.0f} dB"
            lines.append(
                f"{timing.audio_seconds:6.0f} s  {timing.first:6.2f} s  {timing.steady:6.2f} s  "
                f"{timing.real_time_factor:16.4f}  {timing.peak_mib:7.0f} MiB  {agreement:>16}"
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
    page: bool = False,
) -> Benchmark:
    """Measure a model.

    Args:
        name: a model's name or a checkpoint's path.
        sample_rate: hertz, for a published checkpoint that does not say.
        durations: seconds of audio to separate.
        repetitions: of each duration, after the first.
        page: also start the application, and an empty Gradio page beside it, and time both until they answer.

    Raises:
        LassError: the model cannot be loaded, or the application does not start.
    """
    empty, ours = (_start_page(empty=True), _start_page(empty=False)) if page else (None, None)
    begun = time.perf_counter()
    separator = lass.load_separator(name, device=device, sample_rate=sample_rate, cache_dir=cache_dir)
    load = time.perf_counter() - begun
    timings = tuple(_time(separator, seconds, repetitions) for seconds in durations)
    return Benchmark(
        separator.name, device, torch.get_num_threads(), _calibrate(device), load, timings, ours, empty
    )


def _time(separator: Separator | Ensemble, seconds: float, repetitions: int) -> Timing:
    rate = separator.sample_rate
    noise = np.random.default_rng(0).standard_normal(int(seconds * rate)).astype(np.float32)
    # Noise with a spectrum like most sounds', 3 dB an octave, at a tenth of full scale.
    spectrum = np.fft.rfft(noise) / np.sqrt(np.arange(len(noise) // 2 + 1) + 1.0)
    mixture = np.fft.irfft(spectrum, len(noise)).astype(np.float32)
    mixture *= 0.1 / mixture.std()
    _forget_peak()
    before = _resident_mib()
    durations = []
    for _ in range(1 + repetitions):
        begun = time.perf_counter()
        target = separator.separate(mixture, rate, QUERY).target
        durations.append(time.perf_counter() - begun)
    peak = _peak_mib() - before
    steady = statistics.median(durations[1:])
    return Timing(seconds, durations[0], steady, steady / seconds, peak, _agreement(separator, mixture, target))


def _agreement(separator: Separator | Ensemble, mixture: np.ndarray, target: np.ndarray) -> float | None:
    if isinstance(separator, Ensemble):
        return None
    query = separator.settled(separator.encoder.encode([QUERY])).to(separator.device)
    with torch.inference_mode():
        whole = separator.model(torch.from_numpy(mixture[None, None]).to(separator.device), query)[0, 0].cpu().numpy()
    difference = np.square(target - whole, dtype=np.float64).sum()
    return float(10 * np.log10(max(difference, 1e-30) / np.square(whole, dtype=np.float64).sum()))


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


def _resident_mib() -> float:
    return _status("VmRSS")


def _peak_mib() -> float:
    return _status("VmHWM")


def _forget_peak() -> None:
    """Let the kernel's high-water mark start anew; where it cannot, the peak is that of the whole process."""
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
