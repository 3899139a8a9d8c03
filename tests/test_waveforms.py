"""Waveforms that do not lie in memory read like arrays, and leave nothing behind."""

from pathlib import Path

import numpy as np
import pytest

from lass import waveforms
from lass.waveforms import Computed, Scratch, blocks, cut, difference, mean_square, padded


@pytest.fixture
def noise(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, 0.1, (2, 1001)).astype(np.float32)


def test_a_spool_reads_like_the_array_it_was_written_from(noise: np.ndarray, tmp_path: Path) -> None:
    with Scratch(tmp_path / "deep" / "folder") as scratch:
        spool = scratch.spool(2)
        for first in range(0, 1001, 300):
            spool.append(noise[:, first : first + 300])
        assert spool.shape == noise.shape
        for part in (slice(None), slice(0, 0), slice(7, 8), slice(290, 910), slice(900, 5000)):
            np.testing.assert_array_equal(spool[..., part], noise[..., part])
        spool[..., 100:200] += 1
        noise[..., 100:200] += 1
        np.testing.assert_array_equal(spool[..., :], noise)
        assert spool[..., 0:10].flags.writeable


def test_a_spool_of_zeros_takes_no_room(tmp_path: Path) -> None:
    with Scratch(tmp_path) as scratch:
        spool = scratch.spool(2, 10**10)
        assert not spool[..., 10**10 - 5 :].any()
        assert spool[..., 10**10 - 5 :].shape == (2, 5)


def test_nothing_is_left_and_nothing_has_a_name(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "folder")
    with scratch:
        assert not (tmp_path / "folder").exists()
        spool = scratch.spool(1)
        spool.append(np.ones((1, 10), np.float32))
        # Not even while it is there: a process that is killed leaves nothing either.
        assert list((tmp_path / "folder").iterdir()) == []
    with pytest.raises(ValueError, match="closed"):
        _ = spool[..., 0:1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_when_it_matters_and_not_when_the_room_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Scratch(tmp_path) as scratch:
        spool = scratch.spool(1)
        spool._file.close()
        spool._file = Path("/dev/full").open("r+b")  # noqa: SIM115 - closed with the spool
        with pytest.raises(OSError, match="No space left"):
            spool.append(np.ones((1, 10**6), np.float32))


def test_parts_and_differences_are_computed_where_they_are_read(noise: np.ndarray) -> None:
    read: list[tuple[int, int]] = []

    def half(first: int, last: int) -> np.ndarray:
        read.append((first, last))
        return noise[..., first:last] / 2

    part = cut(difference(noise, Computed(noise.shape, half)), 10, 500)
    assert part.shape == (2, 490)
    assert read == []
    np.testing.assert_array_equal(part[..., 480:1000], noise[:, 490:500] / 2)
    assert read == [(490, 500)]


def test_blocks_make_up_the_whole(noise: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waveforms, "BLOCK", 100)
    assert max(block.shape[1] for block in blocks(noise)) == 100
    np.testing.assert_array_equal(np.concatenate(list(blocks(noise)), axis=1), noise)
    assert mean_square(noise) == pytest.approx(float(np.mean(np.square(noise, dtype=np.float64))))


@pytest.mark.parametrize(("begin", "end"), [(-3, 2), (2, 4), (3, 9), (-2, 9), (-5, -1), (7, 9), (5, 5)])
@pytest.mark.parametrize("shape", [(5,), (2, 5)])
def test_beyond_its_ends_a_waveform_is_silent(begin: int, end: int, shape: tuple[int, ...]) -> None:
    waveform = np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)
    around = np.concatenate([np.zeros((*shape[:-1], 20)), waveform, np.zeros((*shape[:-1], 20))], axis=-1)
    np.testing.assert_array_equal(padded(waveform, begin, end), around[..., 20 + begin : 20 + end])
