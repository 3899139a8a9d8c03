"""The page "Compare": one recording and query through several models, heard blind, named after the vote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from lass.ui.parts import fragments, page_fragments
from lass.ui.parts.drafting import Collect, DraftButton, Rateable
from lass.ui.parts.errand import IN_ORDER, QUIET, Errand
from lass.ui.parts.layout import SHOW_RESULTS, columns, example_buttons
from lass.ui.parts.picker import AWAY, Updates, shown, there
from lass.ui.parts.player import Picture, Track, player, player_value
from lass.ui.parts.recording import recording_input
from lass.ui.words.texts import Texts
from lass.ui.work.comparing import LETTERS, Comparing, Comparison, Contest
from lass.ui.work.service import Example


class ComparePage:
    """The components of the page and what each event does to them. Make it inside a ``gr.Blocks`` context."""

    def __init__(
        self, comparing: Comparing, texts: Texts, examples: list[Example], collect: Collect | None = None
    ) -> None:
        self.comparing = comparing
        self.collect = collect
        self.texts = texts
        self.words = texts.pages.compare
        self.examples = examples
        gr.HTML(page_fragments.intro(self.words.title, self.words.intro))
        columns(self._give, self._get)
        self._events()

    def _give(self) -> None:
        texts, words = self.texts, self.words
        self.recording = recording_input(
            label=texts.recording, sources=["upload", "microphone"], editable=False, buttons=[],
            elem_id="lass-recording", elem_classes="lass-recording",
        )  # fmt: skip
        gr.HTML(
            fragments.too_large(texts, self.comparing.service.limits.max_bytes), elem_id="lass-upload-limit"
        )
        self.query = gr.Textbox(
            label=texts.query, placeholder=texts.query_placeholder, lines=1, max_lines=1, max_length=300,
            elem_id="lass-query",
        )  # fmt: skip
        choices = self.comparing.models()
        self.models = gr.CheckboxGroup(
            label=words.models, info=words.models_hint, choices=list(choices),
            value=[name for _, name in choices[:4]], elem_id="lass-models",
        )  # fmt: skip
        self.alone = gr.HTML(self._about(len(choices)), visible=len(choices) < 2, elem_id="lass-alone")
        with gr.Accordion(words.truth, open=False, elem_id="lass-truth-part"):
            self.truth = recording_input(
                label=words.truth, sources=["upload"], editable=False, buttons=[], elem_id="lass-truth",
                elem_classes="lass-recording",
            )  # fmt: skip
            gr.HTML(f'<p class="lass-details">{words.truth_hint}</p>')
        self.errand = Errand(
            self.comparing.service, words.start, "compare", separating=words.separating, loading=words.loading
        )

    def _get(self) -> None:
        words = self.words
        self.comparison = gr.State(None)
        with gr.Column(elem_classes=AWAY, elem_id="lass-results") as self.results:
            gr.HTML(fragments.section(words.answers, words.answers_hint))
            self.player = player(elem_id="lass-player")
            with gr.Column(elem_id="lass-vote") as self.voting:
                gr.HTML(fragments.section(words.vote, words.vote_hint))
                with gr.Row(elem_id="lass-votes"):
                    self.votes = [
                        _small_button(words.vote_for.format(letter=letter), f"lass-vote-{letter.lower()}")
                        for letter in LETTERS
                    ]
                    self.no_preference = _small_button(words.no_preference, "lass-vote-none")
            self.names = gr.HTML(visible=False, elem_id="lass-names")
            self.get_all = gr.DownloadButton(words.download, size="md", elem_classes=AWAY, elem_id="lass-get-all")
            self.draft = DraftButton(self.texts, self.collect)
        with gr.Column(elem_classes="lass-beside", visible=bool(self.examples)):
            gr.HTML(fragments.section(self.texts.examples))
            self.example_buttons = example_buttons(self.texts, self.examples)

    def _events(self) -> None:
        given = [self.recording, self.query, self.models, self.truth]
        outputs = [
            self.results, self.player, self.voting, *self.votes, self.names, self.get_all, self.comparison,
            *self.draft.outputs,
        ]  # fmt: skip
        self.errand.listen(
            [(self.errand.start.click, self._wish), (self.query.submit, self._wish)], given,
            work=self.comparing.run, show=self._show, clear=self._clear, outputs=outputs, after=SHOW_RESULTS,
        )  # fmt: skip
        for example, button in zip(self.examples, self.example_buttons, strict=True):
            button.click(_picker(example), None, [self.recording, self.query], **IN_ORDER)
        after = [self.voting, self.names, self.get_all]
        for letter, button in [*zip(LETTERS, self.votes, strict=True), ("", self.no_preference)]:
            button.click(self.voter(letter), [self.comparison], after, trigger_mode="once", **IN_ORDER)

    def refresh_on_load(self, blocks: gr.Blocks) -> None:
        """A page that is opened offers the models of now."""

        def refresh() -> tuple[Any, Any]:
            choices = self.comparing.models()
            return (
                gr.update(choices=choices, value=[name for _, name in choices[:4]]),
                gr.update(value=self._about(len(choices)), visible=len(choices) < 2),
            )

        blocks.load(refresh, None, [self.models, self.alone], queue=False, **QUIET)

    def _about(self, models: int) -> str:
        return fragments.warning(self.words.only_one) if models < 2 else ""

    def _wish(self, recording: str | None, query: str | None, models: list[str] | None, truth: str | None) -> Contest:
        contest = Contest(recording or "", query or "", tuple(models or ()), truth or None)
        self.comparing.check(contest)
        return contest

    def _show(self, comparison: Comparison) -> Updates:
        words = self.words
        tracks = [Track("mixture", words.mixture, comparison.mixture)]
        tracks += [
            Track(answer.letter.lower(), words.answer.format(letter=answer.letter), answer.target)
            for answer in comparison.entrants
        ]
        panels = [track.key for track in tracks]
        if comparison.truth is not None:
            tracks.append(Track("clean", words.clean, comparison.truth))
        letters = ", ".join(answer.letter for answer in comparison.entrants)
        picture = Picture(comparison.picture, words.picture_alt.format(letters=letters), tuple(panels))
        value = player_value(
            self.texts.player, tracks, title=words.answers, name="compared", selected="a", picture=picture
        )
        count = len(comparison.entrants)
        return {
            self.results: there(True),
            self.player: value,
            self.voting: there(True),
            **{button: gr.update(visible=number < count) for number, button in enumerate(self.votes)},
            self.names: shown(""),
            self.get_all: there(False, value=None),
            self.comparison: comparison,
            **self.draft.offer(*_rateable(comparison)),
        }

    def _clear(self) -> Updates:
        return {
            self.results: there(False),
            self.player: None,
            self.names: shown(""),
            self.get_all: there(False, value=None),
            self.comparison: None,
            **self.draft.offer(),
        }

    def voter(self, letter: str) -> Callable[[Comparison | None], Updates]:
        """What answers the button of a letter, or of none: the names, or why the vote could not be kept."""

        def vote(comparison: Comparison | None) -> Updates:
            if comparison is None:
                return {self.names: gr.skip()}
            try:
                # The vote last: where the files are gone, the button can be pressed again without voting twice.
                archive = self.comparing.archive(comparison)
                self.comparing.vote(comparison, letter or None)
            except Exception as error:  # noqa: BLE001 - every error becomes a sentence on the page
                return {self.names: shown(fragments.alert(self.comparing.service.sentence(error)))}
            return {
                self.voting: there(False),
                self.names: shown(page_fragments.revealed(self.texts, comparison, letter or None)),
                self.get_all: there(True, value=str(archive)),
            }

        return vote


def _rateable(comparison: Comparison) -> list[Rateable]:
    return [
        Rateable((comparison.mixture,), answer.target, comparison.query, answer.model) for answer in comparison.entrants
    ]


def _small_button(words: str, elem_id: str) -> gr.Button:
    return gr.Button(words, size="md", min_width=90, elem_id=elem_id)


def _picker(example: Example) -> Any:
    def pick() -> tuple[str, str]:
        return str(example.path), example.query

    return pick
