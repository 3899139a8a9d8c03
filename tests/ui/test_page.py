"""What the events of the page do, called as Gradio calls them."""

from pathlib import Path

import gradio as gr
import pytest

from lass.ui.pages.separate import SeparatePage
from lass.ui.words.texts import ENGLISH
from lass.ui.work.service import RESULT, Example, Ticket
from tests.ui.small import recording, small_service


@pytest.fixture
def page(tmp_path: Path) -> SeparatePage:
    examples = [Example(query, query, recording(tmp_path / f"{query}.wav")) for query in ("owl", "siren")]
    with gr.Blocks():
        return SeparatePage(small_service(tmp_path / "scratch"), ENGLISH, examples)


def results(page: SeparatePage) -> int:
    return len(list(page.service.scratch.glob(f"{RESULT}*")))


def test_a_run_that_waited_does_what_is_wanted_now_and_only_once(page: SeparatePage, tmp_path: Path) -> None:
    park = str(recording(tmp_path / "park.wav"))
    first = page.begin(park, "rain", "half", None)[page.ticket]
    page.stop(first)
    second = page.begin(park, "a dog barking", "half", first)[page.ticket]
    # Both runs are still queued, and Gradio hands each the ticket of now.
    updates = [update for _run in range(2) for update in page.run(second)]
    heard = [update[page.player]["title"] for update in updates if page.player in update and page.details in update]
    assert heard == [ENGLISH.result_of.format(query="a dog barking")]
    assert results(page) == 1


def test_late_words_of_an_example_do_not_stop_the_next(page: SeparatePage) -> None:
    ticket = Ticket("siren.wav", "siren", "half")
    page.retype("owl", ticket)
    assert not ticket.called_off
    page.retype("rain", ticket)
    assert ticket.called_off
