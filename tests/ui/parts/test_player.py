"""What a player is told: tracks, sums, picture, words; and that its scripts are whole."""

import re
from dataclasses import fields
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio_client.utils import is_file_obj_with_meta

from lass.audio import write
from lass.errors import AudioError
from lass.plots import save, spectrograms
from lass.ui.parts.player import (
    HERE,
    SCRIPTS,
    Picture,
    Remix,
    Track,
    chosen_part,
    player,
    player_value,
    recording_value,
)
from lass.ui.words.player_texts import ENGLISH, PlayerTexts

RATE = 8000


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    sound = np.sin(np.arange(2 * RATE)).astype(np.float32)
    return write(tmp_path / "a.wav", 0.5 * sound, RATE), write(tmp_path / "b.wav", 0.1 * sound, RATE)


def three(files: tuple[Path, Path]) -> list[Track]:
    return [
        Track("target", "The sound", files[0]),
        Track("mixture", "All", sum_of=("target", "residual")),
        Track("residual", "The rest", files[1]),
    ]


def test_files_are_gradios_to_serve_and_a_sum_has_none(files: tuple[Path, Path]) -> None:
    value = player_value(ENGLISH, three(files), title="Result", name="park", remix=Remix())
    target, mixture, residual = value["tracks"]
    assert is_file_obj_with_meta(target["file"])
    assert is_file_obj_with_meta(residual["file"])
    assert mixture["file"] is None
    assert mixture["sum_of"] == ["target", "residual"]
    assert (value["seconds"], value["rate"], value["selected"]) == (2.0, RATE, "target")


def test_the_picture_comes_with_the_place_of_its_panels(files: tuple[Path, Path], tmp_path: Path) -> None:
    sound = np.ones(RATE, dtype=np.float32)
    drawn = save(spectrograms(sound, sound, sound, RATE, query="x"), tmp_path / "picture.png")
    picture = Picture(drawn, "Spectrograms", ("mixture", "target", "residual"))
    value = player_value(ENGLISH, three(files), title="Result", name="park", picture=picture)
    assert [panel["key"] for panel in value["picture"]["panels"]] == ["mixture", "target", "residual"]
    assert all(0 < panel["left"] < panel["right"] < 1 for panel in value["picture"]["panels"])
    assert len(value["picture"]["bars"]) == 1


@pytest.mark.parametrize(
    "tracks",
    [
        [Track("a", "A", Path("a.wav")), Track("a", "B", Path("b.wav"))],
        [Track("a", "A", Path("a.wav")), Track("b", "B")],
        [Track("a", "A", Path("a.wav")), Track("b", "B", Path("b.wav"), sum_of=("a",))],
        [Track("a", "A", Path("a.wav")), Track("b", "B", sum_of=("c",))],
    ],
)
def test_tracks_that_make_no_sense_are_refused(tracks: list[Track]) -> None:
    with pytest.raises(ValueError):
        player_value(ENGLISH, tracks, title="Result", name="park")


def test_a_result_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no longer there"):
        player_value(ENGLISH, [Track("a", "A", tmp_path / "gone.wav")], title="Result", name="park")


def test_a_recording_is_opened_by_the_browser_alone(files: tuple[Path, Path], tmp_path: Path) -> None:
    value = recording_value(ENGLISH, tmp_path / "anything.mp3", title="Recording")
    assert value.keys() == player_value(ENGLISH, three(files), title="A", name="a").keys()
    assert value["wave"]
    assert [is_file_obj_with_meta(track["file"]) for track in value["tracks"]] == [True]


@pytest.mark.parametrize(
    ("told", "part"),
    [
        ({"start": 1.2345, "end": 3}, (1.23, 3.0)),
        ({"start": 0, "end": 2.5}, (0.0, 2.5)),
        ({"start": None, "end": None}, (0.0, 0.0)),
        ({"start": 3, "end": 1}, (0.0, 0.0)),
        ({"start": -1, "end": 1}, (0.0, 0.0)),
        ({"start": 1, "end": float("inf")}, (0.0, 0.0)),
        ({"start": "1", "end": [2]}, (0.0, 0.0)),
        ({}, (0.0, 0.0)),
    ],
)
def test_a_marked_part_is_two_places_in_order_or_none(told: dict[str, object], part: tuple[float, float]) -> None:
    assert chosen_part(gr.EventData(None, told)) == part


def test_every_word_that_the_scripts_ask_for_is_there_and_none_is_idle() -> None:
    scripts = "".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    known = {field.name for field in fields(PlayerTexts)}
    assert set(re.findall(r"words\.(\w+)", scripts)) <= known
    assert [word for word in known if not re.search(rf"\b{word}\b", scripts)] == []
    assert "</script" not in scripts


def test_the_component_starts_empty() -> None:
    component = player(elem_id="player", visible=False)
    assert component.value is None
    assert component.visible is False
    assert "customElements.define" in component.head
