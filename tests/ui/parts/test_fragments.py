"""The sentences of the page."""

from pathlib import Path

import pytest

from lass.ui.parts import fragments, page_fragments
from lass.ui.words.french import FRENCH
from lass.ui.words.texts import ENGLISH
from lass.ui.work.service import Stage
from tests.ui.small import entry, small_service

REPORT = {
    "query": "<script>alert(1)</script>",
    "understood": {"nearest": "dog <bark>", "similarity": 0.9, "familiar": True},
    "levels_dbfs": {"recording": -20.0, "target": -23.0, "residual": -23.0},
}


def test_what_people_type_is_shown_and_never_run() -> None:
    unfamiliar = {**REPORT, "understood": {**REPORT["understood"], "familiar": False}}  # type: ignore[dict-item]
    for html in (
        fragments.alert("<script>alert(1)</script>"),
        fragments.understanding(ENGLISH, REPORT),
        fragments.understanding(ENGLISH, unfamiliar),
    ):
        assert "<script>" not in html
        assert "<bark>" not in html


def test_a_query_far_from_everything_is_a_warning_that_names_the_nearest_sound() -> None:
    familiar = fragments.understanding(ENGLISH, REPORT)
    warning = fragments.understanding(ENGLISH, {**REPORT, "understood": {"nearest": "rain", "familiar": False}})
    assert "Heard as" in familiar
    assert "lass-warning" not in familiar
    assert "lass-warning" in warning
    assert "rain" in warning


def test_a_model_that_cannot_say_leaves_no_note() -> None:
    assert fragments.understanding(ENGLISH, {**REPORT, "understood": None}) == ""


def test_a_target_that_is_hardly_there_is_said_to_be() -> None:
    faint = {**REPORT, "levels_dbfs": {"recording": -20.0, "target": -107.4, "residual": -20.0}}
    assert "87 dB quieter" in fragments.understanding(ENGLISH, faint)
    assert "quieter" not in fragments.understanding(ENGLISH, REPORT)


def test_of_a_removal_it_is_the_sound_taken_out_that_may_be_hardly_there() -> None:
    faint = {"recording": -20.0, "target": -20.0, "residual": -107.4}
    all_of_it = {"recording": -20.0, "target": -107.4, "residual": -20.0}
    removed = {**REPORT, "removed": True, "levels_dbfs": faint}
    assert "found: it is 87 dB quieter" in fragments.understanding(ENGLISH, removed)
    assert "c’est 87 dB plus faible" in fragments.understanding(FRENCH, removed)
    assert "quieter" not in fragments.understanding(ENGLISH, {**removed, "levels_dbfs": all_of_it})
    assert "quieter" not in fragments.understanding(ENGLISH, {**removed, "part": {}})


@pytest.mark.parametrize(("done", "value", "words"), [(0, "0", "part 1 of 4"), (3, "3", "part 4 of 4")])
def test_progress_shows_the_windows(done: int, value: str, words: str) -> None:
    html = page_fragments.progress(ENGLISH, Stage("separating", done, 4), ENGLISH.separating, ENGLISH.loading)
    assert words in html
    assert f'max="4" value="{value}"' in html


def test_a_model_line_says_size_and_where_the_model_is(tmp_path: Path) -> None:
    shelf = small_service(tmp_path).shelf
    here = fragments.model_line(ENGLISH, shelf, entry("half", size_bytes=8_900_000))
    away = fragments.model_line(ENGLISH, shelf, entry("far-away", state="to download", size_bytes=2_000_000_000))
    assert "8.9 MB" in here
    assert ENGLISH.model_here in here
    assert "2 GB" in away
    assert "lass download far-away" in away
    unknown = fragments.model_line(ENGLISH, shelf, entry("half", parameters=None, size_bytes=None))
    assert "None" not in unknown
