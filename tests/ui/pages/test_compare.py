"""The vote on the page Compare: it shows the names, or says why it could not be kept."""

import shutil
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from lass.errors import LassError
from lass.ui.pages.compare import ComparePage
from lass.ui.words.french import FRENCH
from lass.ui.words.sentences import told
from lass.ui.work.comparing import Comparing, Comparison, Entrant
from tests.ui.small import recording, small_service


class Votes:
    """Keeps votes while there is room."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.full = False

    def keep(self, kind: str, values: dict[str, Any]) -> None:
        if self.full:
            raise LassError("The ratings cannot be saved; try again later.")
        self.kept.append(values)


@pytest.fixture
def votes() -> Votes:
    return Votes()


@pytest.fixture
def page(tmp_path: Path, votes: Votes) -> ComparePage:
    service = small_service(tmp_path / "scratch").speaking(FRENCH)
    with gr.Blocks():
        return ComparePage(Comparing(service, votes.keep), FRENCH, [])


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    folder = tmp_path / "scratch" / "lass-1"
    folder.mkdir(parents=True)
    sounds = [Path(recording(folder / f"{name}.wav")) for name in ("mixture", "a", "a-rest", "b", "b-rest")]
    (folder / "spectrograms.png").touch()
    entrants = (
        Entrant("A", "half", "Half", sounds[1], sounds[2], None, 1.0),
        Entrant("B", "whole", "Whole", sounds[3], sounds[4], None, 1.0),
    )
    return Comparison("rain", 1.0, sounds[0], None, folder / "spectrograms.png", entrants)


def test_a_vote_shows_the_names_and_gives_the_files(page: ComparePage, comparison: Comparison, votes: Votes) -> None:
    updates = page.voter("B")(comparison)
    assert "Whole" in updates[page.names]["value"]
    assert Path(updates[page.get_all]["value"]).is_file()
    assert [vote["chosen"] for vote in votes.kept] == ["whole"]


def test_a_vote_that_cannot_be_kept_says_so_and_shows_no_names(
    page: ComparePage, comparison: Comparison, votes: Votes
) -> None:
    votes.full = True
    updates = page.voter("A")(comparison)
    assert set(updates) == {page.names}
    assert "cannot be saved" in updates[page.names]["value"]


def test_results_that_are_gone_are_a_sentence_in_the_language_of_the_page_and_no_vote(
    page: ComparePage, comparison: Comparison, votes: Votes
) -> None:
    shutil.rmtree(comparison.folder)
    updates = page.voter("A")(comparison)
    assert told(FRENCH, "A result is no longer there; separate again.") in updates[page.names]["value"]
    assert not votes.kept
