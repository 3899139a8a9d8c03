"""What a separation leaves on disk: names that are safe anywhere, and a report that tells how it was made."""

import dataclasses
import json
import stat
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from lass import results
from lass.audio import Audio
from lass.errors import LassError
from lass.queries.known import Understanding
from lass.separation import Separation
from lass.stems import Stem, Stems

RATE = 8_000


@pytest.fixture
def recording(rng: np.random.Generator) -> Audio:
    return Audio(rng.normal(0, 0.1, (2, RATE)).astype(np.float32), RATE)


@pytest.fixture
def separation(recording: Audio) -> Separation:
    target = 0.1 * recording.waveform
    understanding = Understanding("dog bark", 0.71239, True)
    return Separation(target, recording.waveform - target, RATE, "a dog barking", "tiny", understanding)


def write(
    folder: Path, recording: Audio, separation: Separation, name: str = "yard.wav", **arguments: object
) -> results.Files:
    facts = results.report(recording, name, separation, seconds_taken=0.25)
    return results.write(folder, name, recording, separation, facts, **arguments)  # type: ignore[arg-type]


def test_names_say_recording_query_and_model() -> None:
    assert results.stem("/home/me/My Yard.final.wav", "A dog, barking!", "resunet-compact") == (
        "my-yard-final-a-dog-barking-resunet-compact"
    )


def test_a_name_says_that_the_sound_was_taken_away() -> None:
    assert results.stem("yard.wav", "a dog", "tiny", removed=True) == "yard-without-a-dog-tiny"


def test_names_keep_letters_of_any_script() -> None:
    assert results.stem("Straße.wav", "雨の音", "tiny") == "straße-雨の音-tiny"


@pytest.mark.parametrize(
    "hostile",
    [
        "../../etc/passwd",
        "..",
        "/",
        "\\..\\..\\x",
        "a\0b",
        "-rf",
        "~",
        "CON",
        ".hidden",
        "a\nb",
        "$(reboot)",
        "\udcff",
        "🐕",
        "",
        "x" * 900,
        "雨" * 400,
    ],
)
def test_no_name_leaves_its_folder(tmp_path: Path, recording: Audio, separation: Separation, hostile: str) -> None:
    folder = tmp_path / "inside"
    changed = dataclasses.replace(separation, query=hostile, model=hostile)
    files = write(folder, recording, changed, hostile, picture=False)
    assert [file.name for file in tmp_path.iterdir()] == ["inside"]
    assert {file.resolve().parent for file in folder.iterdir()} == {folder.resolve()}
    assert len(list(folder.iterdir())) == 3
    assert json.loads(files.report.read_text(encoding="utf-8"))["files"]["target"] == files.target.name


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=400))
def test_names_are_plain(recording: str, query: str, model: str) -> None:
    name = results.stem(recording, query, model)
    assert len(name.encode()) <= 3 * 60 + 2
    assert not set(name) & set('/\\:*?"<>|\0\n\r\t .')
    assert name[0] != "-"
    assert len([part for part in name.split("-") if part]) >= 3


@pytest.mark.parametrize(
    ("facts", "titles"),
    [
        ({}, ["Mixture", "Target: a dog barking", "Residual"]),
        ({"removed": True}, ["Mixture", "Without: a dog barking", "Removed: a dog barking"]),
        ({"part": {}}, ["Mixture", "Part with only: a dog barking", "Removed"]),
    ],
)
def test_the_panels_of_the_picture_say_what_they_show(
    tmp_path: Path, recording: Audio, separation: Separation, monkeypatch: pytest.MonkeyPatch,
    facts: dict[str, object], titles: list[str],
) -> None:  # fmt: skip
    drawn: list[Figure] = []
    monkeypatch.setattr(results, "save", lambda figure, path: drawn.append(figure) or path)
    report = results.report(recording, "yard.wav", separation, seconds_taken=0.25)
    results.write(tmp_path, "yard.wav", recording, separation, report | facts)
    assert [axes.get_title(loc="left") for axes in drawn[0].axes if axes.images] == titles


def test_everything_is_written(tmp_path: Path, recording: Audio, separation: Separation) -> None:
    files = write(tmp_path / "a" / "b", recording, separation)
    assert {file.name for file in (tmp_path / "a" / "b").iterdir()} == {
        f"yard-a-dog-barking-tiny-{end}" for end in ("target.wav", "residual.wav", "spectrograms.png", "report.json")
    }
    for path, waveform in ((files.target, separation.target), (files.residual, separation.residual)):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        np.testing.assert_array_equal(samples.T, waveform)
        assert rate == RATE
        assert soundfile.info(path).subtype == "FLOAT"
        assert stat.S_IMODE(path.stat().st_mode) & 0o444 == 0o444
    assert files.picture is not None
    assert files.picture.read_bytes().startswith(b"\x89PNG")


def test_the_report_tells_how_it_was_made(tmp_path: Path, recording: Audio, separation: Separation) -> None:
    report = json.loads(write(tmp_path, recording, separation, "/secret/yard.wav").report.read_text(encoding="utf-8"))
    assert report["recording"] == {"name": "yard.wav", "seconds": 1.0, "sample_rate_hz": RATE, "channels": 2}
    assert (report["query"], report["model"], report["removed"]) == ("a dog barking", "tiny", False)
    assert report["understood"] == {"nearest": "dog bark", "similarity": 0.712, "familiar": True}
    assert report["seconds_taken"] == 0.25
    levels = report["levels_dbfs"]
    assert levels["recording"] == pytest.approx(-20, abs=0.3)
    assert levels["target"] == pytest.approx(levels["recording"] - 20, abs=0.02)
    assert report["largest_difference_of_the_sum"] < 1e-7
    assert report["files"] == {
        "target": "yard-a-dog-barking-tiny-target.wav",
        "residual": "yard-a-dog-barking-tiny-residual.wav",
        "picture": "yard-a-dog-barking-tiny-spectrograms.png",
    }
    assert "/secret" not in json.dumps(report)


def test_the_report_would_tell_of_a_sum_that_is_off(recording: Audio, separation: Separation) -> None:
    wrong = dataclasses.replace(separation, residual=separation.residual + np.float32(0.25))
    facts = results.report(recording, "yard.wav", wrong, seconds_taken=1)
    assert facts["largest_difference_of_the_sum"] == pytest.approx(0.25, abs=1e-6)


def test_silence_and_an_unknown_query_are_plain_json(tmp_path: Path, recording: Audio, separation: Separation) -> None:
    silent = dataclasses.replace(
        separation, target=np.zeros_like(recording.waveform), residual=recording.waveform, understanding=None
    )
    text = write(tmp_path, recording, silent).report.read_text(encoding="utf-8")
    report = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert report["levels_dbfs"]["target"] == -200
    assert report["understood"] is None


def test_without_a_picture_none_is_drawn(tmp_path: Path, recording: Audio, separation: Separation) -> None:
    files = write(tmp_path, recording, separation, picture=False)
    assert files.picture is None
    assert not list(tmp_path.glob("*.png"))
    assert json.loads(files.report.read_text(encoding="utf-8"))["files"]["picture"] is None


def test_another_beginning_can_be_chosen(tmp_path: Path, recording: Audio, separation: Separation) -> None:
    files = write(tmp_path, recording, separation, beginning="second", picture=False)
    assert files.target.name == "second-target.wav"


@pytest.mark.parametrize("place", ["file", "file/below", "x" * 300])
def test_a_folder_that_cannot_be_is_one_sentence(
    tmp_path: Path, recording: Audio, separation: Separation, place: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(LassError, match="choose another folder") as caught:
        write(tmp_path / place, recording, separation)
    assert "\n" not in str(caught.value)


def test_stems_are_numbered_files_that_add_up_and_the_report_names_them(tmp_path: Path, recording: Audio) -> None:
    parts = [0.5 * recording.waveform, 0.25 * recording.waveform]
    found = [Stem("a dog", parts[0], Understanding("dog bark", 0.7, True)), Stem("rain", parts[1])]
    stems = Stems(tuple(found), recording.waveform - parts[0] - parts[1], RATE, "tiny", 0.125)
    facts = results.stems_report(recording, "yard.wav", stems, seconds_taken=0.5)
    files = results.write_stems(tmp_path, "yard.wav", recording, stems, facts)
    names = [file.name for file in files.stems]
    assert names == ["yard-stems-tiny-1-a-dog-stem.wav", "yard-stems-tiny-2-rain-stem.wav"]
    whole = sum(soundfile.read(file, dtype="float32")[0] for file in (*files.stems, files.rest))
    np.testing.assert_allclose(whole, recording.waveform.T, atol=1e-6)
    report = json.loads(files.report.read_text(encoding="utf-8"))
    assert report["files"]["stems"] == [file.name for file in files.stems]
    assert files.picture is not None
    assert report["files"]["picture"] == files.picture.name
    assert report["queries"] == ["a dog", "rain"]
    assert report["stems"][0]["understood"] == {"nearest": "dog bark", "similarity": 0.7, "familiar": True}
    assert report["levels_dbfs"]["rest"] == pytest.approx(report["levels_dbfs"]["recording"] - 12.04, abs=0.02)
    assert report["largest_difference_of_the_sum"] < 1e-6
