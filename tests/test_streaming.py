"""From disk to disk: the answer is the one in memory, and memory does not grow with the recording."""

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from lass import audio, region, stems
from lass.checkpoints.loading import Loaded, load_checkpoint
from lass.ensemble import Ensemble
from lass.errors import QueryError
from lass.models import ResUNetConfig, build
from lass.region import Region, Within
from lass.separation import Progress, Result, Separation, Separator, Streamed
from lass.waveforms import Scratch

RATE = 16_000


@pytest.fixture(scope="module")
def separator(tiny_checkpoint: Path) -> Separator:
    return Separator.load(tiny_checkpoint)


@pytest.fixture(scope="module")
def windowed(separator: Separator, tiny_checkpoint: Path) -> Separator:
    """The same network without an engine, in windows."""

    class Windowed(Separator):
        def engine(self) -> None:
            return None

    return Windowed(load_checkpoint(tiny_checkpoint))


@pytest.fixture(scope="module")
def ensemble(tiny_checkpoint: Path) -> Ensemble:
    """The tiny checkpoint, and a network at half its rate."""
    first = load_checkpoint(tiny_checkpoint)
    config = ResUNetConfig(
        sample_rate=8_000, window=256, hop=80, condition_size=384, channels=(4,), pooling=((2, 2),), vestigial=False
    )
    return Ensemble("both", [Separator(first), Separator(Loaded("other", build(config), config, first.encoder))])


def noise(seconds: float, rate: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 0.05, (channels, round(seconds * rate))).astype(np.float32)


def last(steps: Generator[Progress | Result, None, None]) -> tuple[list[Progress], Result]:
    *progress, result = steps
    assert not isinstance(result, Progress)
    return [step for step in progress if isinstance(step, Progress)], result


def assert_same(streamed: Streamed, separation: Separation) -> None:
    assert (streamed.query, streamed.model, streamed.sample_rate, streamed.understanding) == (
        separation.query, separation.model, separation.sample_rate, separation.understanding,
    )  # fmt: skip
    for one, other in ((streamed.target, separation.target), (streamed.residual, separation.residual)):
        assert one.shape == other.shape
        # Roundings only: blocks are resampled with other sizes of kernels.
        np.testing.assert_allclose(one[..., :], other, rtol=0, atol=2e-6)
    assert np.abs(separation.target).max() > 1e-3


@pytest.mark.parametrize("kind", ["separator", "windowed", "ensemble"])
@pytest.mark.parametrize(("rate", "seconds"), [(16_000, 23), (44_100, 7), (8_000, 0.1)])
def test_it_is_the_answer_in_memory(
    kind: str, rate: int, seconds: float, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    worker: Separator | Ensemble = request.getfixturevalue(kind)
    mixture = noise(seconds, rate)
    with Scratch(tmp_path) as scratch:
        progress, streamed = last(worker.stream(mixture, rate, " rain ", scratch))
        assert isinstance(streamed, Streamed)
        expected, separation = last(worker.steps(mixture, rate, "rain"))
        assert isinstance(separation, Separation)
        assert progress == expected
        assert_same(streamed, separation)


@pytest.mark.parametrize("remove", [False, True])
def test_a_region_is_the_one_in_memory(separator: Separator, tmp_path: Path, remove: bool) -> None:
    mixture, part = noise(12, 22_050), Region(4, 6.5)
    begin, end = region.heard(mixture.shape[1], 22_050, part)
    piece = separator.separate(mixture[:, begin:end], 22_050, "rain")
    with Scratch(tmp_path) as scratch:
        _, streamed = last(region.stream(separator, mixture, 22_050, "rain", scratch, part, remove=remove))
        assert isinstance(streamed, Streamed)
        whole = (region.removing if remove else region.keeping)(mixture, piece, part)
        assert_same(streamed, whole)


def test_stems_are_those_in_memory(separator: Separator, tmp_path: Path) -> None:
    mixture, queries = noise(7, RATE), ["rain", "a dog barking"]
    found = stems.separate_stems(separator, mixture, RATE, queries)
    with Scratch(tmp_path) as scratch:
        _, streamed = last(stems.stream(separator, mixture, RATE, queries, scratch))
        assert isinstance(streamed, stems.StreamedStems)
        for one, other in zip(streamed.stems, found.stems, strict=True):
            assert (one.query, one.understanding) == (other.query, other.understanding)
            np.testing.assert_allclose(one.waveform[..., :], other.waveform, rtol=0, atol=2e-6)
        np.testing.assert_allclose(streamed.rest[..., :], found.rest, rtol=0, atol=2e-6)
        assert streamed.shared == pytest.approx(found.shared, rel=1e-3)
        assert (streamed.model, streamed.sample_rate) == (found.model, RATE)


def test_stems_of_a_region_are_silent_elsewhere(separator: Separator, tmp_path: Path) -> None:
    mixture = noise(6, RATE)
    with Scratch(tmp_path) as scratch:
        within = Within(separator, Region(2, 4))
        _, streamed = last(stems.stream(within, mixture, RATE, ["rain", "a dog barking"], scratch))
        assert isinstance(streamed, stems.StreamedStems)
        outside = np.r_[0 : 2 * RATE, 4 * RATE : 6 * RATE]
        for stem in streamed.stems:
            assert not stem.waveform[..., :][:, outside].any()
            assert np.abs(stem.waveform[..., 2 * RATE : 4 * RATE]).max() > 1e-3
        np.testing.assert_array_equal(streamed.rest[..., :][:, outside], mixture[:, outside])


def test_what_is_no_query_is_refused(separator: Separator, tmp_path: Path) -> None:
    with Scratch(tmp_path) as scratch, pytest.raises(QueryError):
        next(separator.stream(noise(1, RATE), RATE, "  ", scratch))


def in_a_process(program: str, *arguments: object) -> list[int]:
    """The numbers that a program prints."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return [int(line) for line in run.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's process status")
def test_memory_on_the_command_line_does_not_grow_with_the_recording(tmp_path: Path, tiny_checkpoint: Path) -> None:
    """Twenty minutes hold as much as two; three copies of the rest in memory would be 99 MiB more.

    A run after another takes some 10 MiB more, whatever its length: what the allocator keeps.
    """
    for seconds in (120, 1_200):
        audio.write(tmp_path / f"{seconds}.wav", noise(seconds, 8_000), 8_000)
    program = """
import sys
from pathlib import Path
from lass.batch import Job, separate_file
from lass.separation import Separator
from tests.memory import peak_bytes
separator = Separator.load(sys.argv[1])
folder = Path(sys.argv[2])
for seconds in (120, 120, 1_200):
    separate_file(separator, Job(folder / f"{seconds}.wav", "rain", f"{seconds}"), folder / "out")
    print(peak_bytes())
"""
    _, short, long = in_a_process(program, tiny_checkpoint, tmp_path)
    assert long - short < 50 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's process status")
def test_memory_does_not_grow_with_the_number_of_separations(tiny_checkpoint: Path) -> None:
    program = """
import sys
import numpy as np
from lass.separation import Separator
from tests.memory import peak_bytes
separator = Separator.load(sys.argv[1])
mixture = np.random.default_rng(0).normal(0, 0.1, (2, 32_000)).astype(np.float32)
for number in range(60):
    separator.separate(mixture, 16_000, f"rain number {number}")
    if number in (9, 59):
        print(peak_bytes())
"""
    early, late = in_a_process(program, tiny_checkpoint)
    # Fifty recordings, or what the network made of fifty of them, would be 12 MiB at the least.
    assert late - early < 6 * 2**20
