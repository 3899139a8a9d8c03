"""Lists of recordings, and the pool they are decoded into."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lass import audio
from lass.errors import LassError
from lass.training.collection import read_collection
from lass.training.recipe import SourceSet
from lass.training.sources import Pool, open_pool
from tests.training.small import LABELS, RATE, sound, write_collection, write_table

ALL = SourceSet(folder="tones")


class Log(list[str]):
    """Remembers lines."""

    def __call__(self, line: str) -> None:
        self.append(line)


def opened(data: Path, source: SourceSet = ALL, rate: int = RATE) -> tuple[Pool, Log]:
    log = Log()
    return open_pool(source, data, data / "cache", rate, log), log


def files(data: Path) -> set[str]:
    return {file.name for file in (data / "cache").iterdir()}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_collection(tmp_path)


def test_clips_are_the_recordings_at_full_level(data: Path) -> None:
    pool, _ = opened(data)
    assert pool.labels == sorted(LABELS)
    assert {len(clips) for clips in pool.clips.values()} == {3}
    clip = pool.clips["whistle"][1]
    stored = pool.samples[clip.start : clip.stop] / 32767
    recording = audio.read(data / "tones" / "clips" / "whistle-2.wav").waveform[0]
    np.testing.assert_allclose(stored, recording / np.abs(recording).max(), atol=1e-4)


def test_folds_are_chosen_and_other_rates_resampled(data: Path) -> None:
    pool, _ = opened(data, SourceSet(folder="tones", folds=(2,), weight=0.5), rate=4000)
    assert {len(clips) for clips in pool.clips.values()} == {1}
    assert pool.weight == 0.5
    assert {clip.stop - clip.start for clips in pool.clips.values() for clip in clips} == {6400}
    # Resampled rightly, the tone is where it was.
    clip = pool.clips["hum"][0]
    spectrum = np.abs(np.fft.rfft(pool.samples[clip.start : clip.stop].astype(float)))
    assert int(spectrum.argmax()) * 4000 / 6400 == pytest.approx(120, rel=0.11)


def test_the_pool_is_decoded_once(data: Path) -> None:
    first, log = opened(data)
    assert log == [f"decoding 12 clips of tones at {RATE} Hz"]
    before = files(data)
    second, log = opened(data)
    assert log == []
    assert files(data) == before
    assert second.clips == first.clips
    np.testing.assert_array_equal(first.samples, second.samples)


def test_words_and_weights_decode_nothing_again(data: Path) -> None:
    opened(data)
    table = data / "tones" / "clips.csv"
    table.write_text(table.read_text("utf-8").replace(",hum,", ",humming,"), "utf-8")
    pool, log = opened(data, SourceSet(folder="tones", weight=7.0))
    assert log == []
    assert pool.labels == ["hiss", "humming", "ticking", "whistle"]


@pytest.mark.parametrize("change", ["content", "time", "list", "rate"])
def test_changed_recordings_are_decoded_again(data: Path, change: str) -> None:
    opened(data)
    recording = data / "tones" / "clips" / "hum-1.wav"
    table = data / "tones" / "clips.csv"
    rate = RATE
    if change == "content":
        audio.write(recording, sound("hum", 1.2, 99)[None], RATE)
    elif change == "time":
        os.utime(recording, (1, 1))
    elif change == "list":
        table.write_text("".join(table.read_text("utf-8").splitlines(True)[:-1]), "utf-8")
    else:
        rate = 4000
    pool, log = opened(data, rate=rate)
    assert len(log) == 1
    clip = pool.clips["hum"][0]
    assert clip.stop - clip.start == {"content": 9600, "rate": 6400}.get(change, 12800)


def test_a_kill_while_decoding_leaves_nothing_half(data: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from lass import audio
from lass.training import sources
from lass.training.recipe import SourceSet
read, seen = audio.read, []
def read_or_die(path):
    seen.append(path)
    if len(seen) == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(path)
sources.audio.read = read_or_die
data = Path({str(data)!r})
sources.open_pool(SourceSet(folder="tones"), data, data / "cache", {RATE}, print)
"""
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.run([sys.executable, "-c", script], cwd=root, check=False, capture_output=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    left = files(data)
    assert left
    assert all(name.endswith(".partial") for name in left)
    for name in left:
        os.utime(data / "cache" / name, (1, 1))
    pool, log = opened(data)
    assert len(log) == 1
    assert sum(len(clips) for clips in pool.clips.values()) == 12
    assert not any(name.endswith(".partial") for name in files(data)), "what the kill left is cleared away"


@pytest.mark.parametrize("damage", ["samples cut", "samples gone", "index cut", "index nonsense"])
def test_a_damaged_cache_is_made_again(data: Path, damage: str) -> None:
    whole, _ = opened(data)
    wanted = np.array(whole.samples)
    samples, index = (next((data / "cache").glob(f"*.{kind}")) for kind in ("pcm", "json"))
    match damage:
        case "samples cut":
            samples.write_bytes(samples.read_bytes()[:-10])
        case "samples gone":
            samples.unlink()
        case "index cut":
            index.write_text(index.read_text()[:-5])
        case _:
            index.write_text('{"a": 1}')
    pool, log = opened(data)
    assert len(log) == 1
    np.testing.assert_array_equal(pool.samples, wanted)


def anti_phase(path: Path) -> None:
    audio.write(path, np.stack([sound("hum", 1, 0), -sound("hum", 1, 0)]), RATE)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"RIFF not a recording" * 50), "not a recording in a format that can be read"),
        (lambda path: audio.write(path, np.zeros((1, 8000), np.float32), RATE), "silent"),
        (anti_phase, "silent as a mono recording"),
    ],
    ids=["empty", "damaged", "silent", "silent as mono"],
)
def test_a_broken_recording_costs_a_sentence(data: Path, spoil: Callable[[Path], object], reason: str) -> None:
    spoil(data / "tones" / "clips" / "hiss-2.wav")
    with pytest.raises(LassError) as caught:
        opened(data)
    assert str(caught.value).startswith("A recording of tones cannot be used: hiss-2.wav")
    assert reason in str(caught.value)
    assert files(data) == set()


def test_all_broken_recordings_are_counted_at_once(data: Path) -> None:
    for number in (1, 2, 3):
        (data / "tones" / "clips" / f"hum-{number}.wav").write_bytes(b"")
    with pytest.raises(LassError, match=r"cannot be used \(2 more cannot either\): hum-1.wav is empty"):
        opened(data)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"file": "gone.wav", "label": "hum"}], "names a recording that is not in .*: gone.wav"),
        ([{"file": f"{n}.wav", "label": "hum"} for n in "ab"], "names 2 recordings that are not in .*: a.wav"),
        ([{"file": "hum-1.wav"}], "row 1: hum-1.wav has neither a label nor a caption"),
        ([{"label": "hum"}], "row 1: the name of the recording is missing"),
        ([{"file": "", "label": "hum"}], "row 1: the name of the recording is missing"),
    ],
)
def test_a_wrong_row_is_named(data: Path, rows: list[dict[str, Any]], sentence: str) -> None:
    write_table(data / "tones" / "clips.csv", rows)
    with pytest.raises(LassError, match=f"clips.csv,? {sentence}"):
        opened(data)


def test_folds_must_be_there_when_they_are_chosen(data: Path) -> None:
    with pytest.raises(LassError, match=r"clips.csv lists no recordings in fold 9; choose others"):
        opened(data, SourceSet(folder="tones", folds=(9,)))
    write_table(data / "tones" / "clips.csv", [{"file": "hum-1.wav", "label": "hum"}])
    with pytest.raises(LassError, match="row 1: the recipe chooses folds, and '' is no number of one"):
        opened(data, SourceSet(folder="tones", folds=(1,)))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x01", b"{", b'{"rows": []}', b"[1]"])
def test_a_list_that_is_none_costs_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.json").write_bytes(content)
    with pytest.raises(LassError, match=r"^[^\n]*list.json is not a list of recordings[^\n]*\.$"):
        read_collection(SourceSet(folder="list.json"), tmp_path)


def test_a_folder_that_is_not_there_costs_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LassError, match=r"clips.csv cannot be read \(No such file or directory\)"):
        opened(tmp_path)


def test_caption_lists_give_every_recording_its_own_words(data: Path) -> None:
    rows = [
        {"file_name": "hum-1.wav", "caption_1": "a low drone", "caption_2": "a hum goes on"},
        {"file_name": "hiss-1.wav", "caption_1": "air escapes\u2028from a\x0c tyre", "caption_2": ""},
        {"file_name": "hum-1.wav", "caption_1": "mains", "caption_2": "a low drone"},
    ]
    table = write_table(data / "tones" / "clotho.csv", rows)
    pool, _ = opened(data, SourceSet(folder="tones/clotho.csv"))
    assert pool.labels == ["hiss-1.wav", "hum-1.wav"]
    [clip] = pool.clips["hum-1.wav"]
    assert clip.wordings == ("a low drone", "a hum goes on", "mains")
    assert clip.label == ""
    assert len(pool.clips["hiss-1.wav"]) == 1, "a line ends where CSV says so, not wherever Unicode may"
    as_json = {"data": [{"wav": str(data / "tones" / "clips" / "hum-1.wav"), "caption": ["a low drone", "mains"]}]}
    (data / "clips.json").write_text(json.dumps(as_json), "utf-8")
    [recording] = read_collection(SourceSet(folder="."), data)
    assert recording.wordings == ("a low drone", "mains")
    assert table.exists()


@pytest.mark.parametrize("name", ["list.csv", "list.json"])
def test_names_may_lack_their_ending(data: Path, name: str) -> None:
    rows = [{"fname": "hum-1", "caption": "a low drone"}, {"fname": "hiss-1", "caption": "air escapes"}]
    file = data / "tones" / name
    if name.endswith(".csv"):
        write_table(file, rows)
    else:
        file.write_text(json.dumps({"num_captions_per_audio": 1, "data": rows}), "utf-8")
    first, second = read_collection(SourceSet(folder=f"tones/{name}"), data)
    assert [first.path.name, second.path.name] == ["hum-1.wav", "hiss-1.wav"]
    assert first.wordings == ("a low drone",)


def test_captions_may_stand_beside_labels(data: Path) -> None:
    rows = [
        {"file": "hum-1.wav", "label": "hum", "caption": "a low drone"},
        {"file": "hum-2.wav", "label": "hum", "caption": ""},
    ]
    write_table(data / "tones" / "clips.csv", rows)
    pool, _ = opened(data)
    assert [clip.words for clip in pool.clips["hum"]] == [("a low drone",), "hum"]


def test_crops_are_active(tmp_path: Path) -> None:
    # A tenth of a second of sound in five seconds of silence.
    wave = np.zeros(5 * RATE, np.float32)
    wave[31_000:31_800] = sound("whistle", 0.1, 0)
    (tmp_path / "tones").mkdir()
    audio.write(tmp_path / "tones" / "short.wav", wave[None], RATE)
    audio.write(tmp_path / "tones" / "tiny.wav", sound("hum", 0.2, 0)[None], RATE)
    rows = [{"file": "short.wav", "label": "whistle"}, {"file": "tiny.wav", "label": "hum"}]
    write_table(tmp_path / "tones" / "clips.csv", rows)
    pool, _ = opened(tmp_path)
    offsets = set()
    for seed in range(60):
        crop, clip = pool.draw("whistle", RATE, np.random.default_rng(seed))
        assert crop.shape == (RATE,)
        assert clip == pool.clips["whistle"][0]
        assert np.square(crop).sum() > 0.4 * np.square(wave / 0.3).sum()
        offsets.add(int(np.abs(crop).argmax()) // 400)
        padded, _ = pool.draw("hum", RATE, np.random.default_rng(seed))
        assert np.count_nonzero(padded) == pytest.approx(1600, abs=20)
    assert len(offsets) > 10, "and not always in the same place"


def test_generated_sounds_are_the_same_every_time(tmp_path: Path) -> None:
    source = SourceSet(generated=1)
    first, log = opened(tmp_path / "a", source)
    assert log == [f"decoding 14 clips of generated sounds at {RATE} Hz"]
    second, _ = opened(tmp_path / "b", source)
    np.testing.assert_array_equal(first.samples, second.samples)
    assert "owl hooting" in first.labels


def test_a_cache_that_cannot_be_written_costs_a_sentence(data: Path) -> None:
    (data / "cache").write_text("a file")
    with pytest.raises(LassError, match=r"cannot be written \(.*\); free some space, or choose another folder\.$"):
        opened(data)
