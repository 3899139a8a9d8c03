"""Errors from the rooms below, in French: each is provoked where it is raised."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lass import audio
from lass.audio import isolated
from lass.audio.isolated import Isolation
from lass.errors import Cancelled, LassError
from lass.queries import check_query
from lass.region import Region, heard
from lass.stems import check_queries
from lass.ui.machine.faults import DeviceLostError
from lass.ui.machine.memory import MemoryShortError
from lass.ui.machine.space import Space
from lass.ui.words.french import FRENCH
from lass.ui.words.sentences import told
from lass.ui.words.texts import ENGLISH
from lass.ui.work.workbench import StoppingError
from tests.ui.small import small_service

RATE = 16_000


@pytest.fixture
def recording(tmp_path: Path, rng: np.random.Generator) -> Callable[..., Path]:
    """Writes a recording of noise."""

    def write(name: str = "bruit.wav", seconds: float = 1.0, level: float = 0.1, channels: int = 1) -> Path:
        path = tmp_path / name
        samples = level * rng.standard_normal((round(seconds * RATE), channels))
        soundfile.write(path, samples, RATE, subtype="PCM_16")
        return path

    return write


def complaint(work: Callable[[], object]) -> str:
    with pytest.raises(LassError) as caught:
        work()
    return str(caught.value)


def in_french(sentence: str) -> str:
    """The French of a sentence; fails where there is none."""
    translation = told(FRENCH, sentence)
    assert translation != sentence, f"nobody translated: {sentence}"
    assert told(ENGLISH, sentence) == sentence
    return translation


def test_a_recording_that_is_too_long(recording: Callable[..., Path]) -> None:
    sentence = in_french(complaint(lambda: audio.read(recording(), max_seconds=0.5)))
    assert sentence.startswith("bruit.wav dure plus de 0.5 secondes")


def test_a_file_that_is_too_large(recording: Callable[..., Path]) -> None:
    assert "bruit.wav fait" in in_french(complaint(lambda: audio.read(recording(), max_bytes=100)))


def test_recordings_that_hold_nothing_to_hear(recording: Callable[..., Path]) -> None:
    assert "silencieux" in in_french(complaint(lambda: audio.read(recording(level=0.0))))
    assert "ne dure que" in in_french(complaint(lambda: audio.read(recording(seconds=0.01))))
    assert "canaux" in in_french(complaint(lambda: audio.read(recording(channels=audio.MOST_CHANNELS + 1))))


def test_files_that_are_no_recordings(tmp_path: Path) -> None:
    (tmp_path / "vide.wav").touch()
    (tmp_path / "texte.wav").write_text("bonjour " * 100)
    assert "vide.wav est vide" in in_french(complaint(lambda: audio.read(tmp_path / "vide.wav")))
    assert "format lisible" in in_french(complaint(lambda: audio.read(tmp_path / "texte.wav")))
    assert "n’est plus là" in in_french(complaint(lambda: audio.read(tmp_path / "rien.wav")))


def test_a_recording_that_cannot_be_read_any_more(recording: Callable[..., Path]) -> None:
    path = recording("coupe.flac" if "FLAC" in soundfile.available_formats() else "coupe.wav")
    path.write_bytes(path.read_bytes()[:60])
    in_french(complaint(lambda: audio.read(path)))


def test_descriptions() -> None:
    assert "vide" in in_french(complaint(lambda: check_query("  ")))
    assert "caractères" in in_french(complaint(lambda: check_query("bruit " * 200)))
    assert "descriptions" in in_french(complaint(lambda: check_queries(f"a dog {number}" for number in range(20))))


def test_parts_of_a_recording() -> None:
    assert "commence à 5 s" in in_french(complaint(lambda: heard(RATE, RATE, Region(5.0, None))))
    assert "trop courte" in in_french(complaint(lambda: heard(RATE, RATE, Region(0.5, 0.5001))))
    assert "début" in in_french(complaint(lambda: heard(RATE, RATE, Region(-1.0, None))))


def test_results_that_do_not_fit(tmp_path: Path) -> None:
    space = Space(tmp_path, keep_seconds=60, most_result_bytes=1000, most_bytes=2000)
    assert "Les résultats prendraient" in in_french(complaint(lambda: space.make(1001)))
    full = Space(tmp_path, keep_seconds=60, most_result_bytes=1000, most_bytes=10)
    assert "pas de place" in in_french(complaint(lambda: full.make(900)))


def test_work_that_is_over() -> None:
    assert "redémarre" in in_french(str(StoppingError()))
    assert "annulé" in in_french(str(Cancelled()))


def test_models_that_are_not_here(tmp_path: Path) -> None:
    shelf = small_service(tmp_path).shelf  # one for all languages, so it speaks English
    assert "Il n’y a pas de modèle nommé «\u00a0rien\u00a0»" in in_french(complaint(lambda: shelf.entry("rien")))
    away = in_french(complaint(lambda: shelf.separator("far-away")))
    assert "n’est pas encore sur cette machine" in away
    assert "la personne qui fait tourner l’application" in away
    assert "python -m lass download far-away" in away


def test_a_sentence_that_nobody_knows_stays_as_it_is() -> None:
    assert told(FRENCH, "Something else happened; try again.") == "Something else happened; try again."


def test_a_file_name_cannot_pretend_to_be_a_pattern(recording: Callable[..., Path]) -> None:
    name = "{most} is empty; choose (.*).wav"
    assert in_french(complaint(lambda: audio.read(recording(name), max_seconds=0.5))).startswith(name)


def test_what_a_machine_at_its_limits_says(recording: Callable[..., Path], tmp_path: Path) -> None:
    for error in (MemoryShortError(), DeviceLostError()):
        assert "essayez" in in_french(str(error))

    def result() -> None:
        with Space(recording(), keep_seconds=9, most_result_bytes=9, most_bytes=9).result():
            pass

    assert "ne peuvent pas être écrits" in in_french(complaint(result))


def test_what_a_decoder_that_fails_says(recording: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = recording()
    slow = Isolation(workers=1, seconds=0)
    assert "n’a pas pu être lu en 0 secondes" in in_french(complaint(lambda: slow.read(path)))
    slow.close()
    assert "s’arrête" in in_french(complaint(lambda: slow.read(path)))
    monkeypatch.setattr(isolated, "_PROGRAM", "pass")
    failing = Isolation(workers=1)
    assert "décodeur a échoué" in in_french(complaint(lambda: failing.read(path)))
    failing.close()
    monkeypatch.setattr(sys, "executable", str(path))
    assert "en ce moment" in in_french(complaint(lambda: Isolation(workers=1).read(path)))
