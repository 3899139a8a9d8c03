"""The page "Mix & measure": two sounds and a ratio make a mixture whose truth is known."""

from __future__ import annotations

from typing import Any

import gradio as gr

from lass.ui.parts import fragments, page_fragments
from lass.ui.parts.errand import IN_ORDER, Errand
from lass.ui.parts.layout import SHOW_RESULTS, columns, refresh_on_load, usable_models
from lass.ui.parts.picker import AWAY, Updates, shown, there
from lass.ui.parts.player import Picture, Track, player, player_value
from lass.ui.parts.recording import recording_input
from lass.ui.words.texts import Texts
from lass.ui.work.measuring import (
    SWEEP_DB,
    SWEEP_SECONDS,
    Experiment,
    Measured,
    Measuring,
    Mixed,
    Shipped,
    Sweep,
    shipped,
)
from lass.ui.work.wish import Ticket

OWN = "own"
MOST_DB = 20
MOST_OFFSET = 30
"""Decibels and seconds that can be chosen, in both directions."""


class MeasurePage:
    """The components of the page and what each event does to them. Make it inside a ``gr.Blocks`` context."""

    def __init__(self, measuring: Measuring, texts: Texts) -> None:
        self.measuring = measuring
        self.texts = texts
        self.words = texts.pages.measure
        self.sounds = {sound.key: sound for sound in shipped()}
        gr.HTML(page_fragments.intro(self.words.title, self.words.intro))
        columns(self._give, self._get)
        self._events()

    def _give(self) -> None:
        words, keys = self.words, list(self.sounds)
        self.first, self.first_file = self._sound(words.first, "first", keys[0])
        self.second, self.second_file = self._sound(words.second, "second", keys[1])
        gr.HTML(page_fragments.hint(words.shipped_hint), elem_id="lass-shipped-hint")
        self.snr = _slider(MOST_DB, step=1, label=words.snr, elem_id="lass-snr")
        self.offset = _slider(MOST_OFFSET, step=0.1, label=words.offset, elem_id="lass-offset")
        self.wanted = gr.Radio(
            [(words.wanted_first, "first"), (words.wanted_second, "second")], value="first", label=words.wanted,
            elem_id="lass-wanted",
        )  # fmt: skip
        self.query = gr.Textbox(
            self.sounds[keys[0]].query, label=words.query, placeholder=self.texts.query_placeholder, lines=1,
            max_lines=1, max_length=300, elem_id="lass-query",
        )  # fmt: skip
        self.model = usable_models(self.texts, self.measuring.service.shelf)
        self.errand = Errand(self.measuring.service, words.start, "measure", separating=words.sweeping)
        with gr.Row(elem_classes="lass-downloads"):
            self.listen = gr.Button(words.listen, size="md", elem_id="lass-listen")
            self.sweep = gr.Button(words.sweep, size="md", elem_id="lass-sweep")

    def _sound(self, label: str, prefix: str, key: str) -> tuple[gr.Dropdown, gr.Audio]:
        choices = [(_title(self.texts, sound), sound.key) for sound in self.sounds.values()]
        with gr.Group():
            chosen = gr.Dropdown(
                label=label, choices=[*choices, (self.words.own, OWN)], value=key, filterable=False,
                elem_id=f"lass-{prefix}",
            )  # fmt: skip
            file = recording_input(
                label=self.words.own_file, sources=["upload", "microphone"], editable=False, buttons=[], visible=False,
                elem_id=f"lass-{prefix}-file", elem_classes="lass-recording",
            )  # fmt: skip
        return chosen, file

    def _get(self) -> None:
        words = self.words
        gr.HTML(page_fragments.beside(words.beside), elem_classes="lass-beside")
        with gr.Column(elem_classes=AWAY, elem_id="lass-results") as self.results:
            self.measures = gr.HTML(elem_id="lass-measures")
            self.player = player(elem_id="lass-player")
            self.get_all = gr.DownloadButton(words.download, size="md", elem_classes=AWAY, elem_id="lass-get-all")
        with gr.Column(elem_classes=AWAY, elem_id="lass-swept") as self.swept:
            hint = words.sweep_hint.format(seconds=f"{SWEEP_SECONDS:g}", count=len(SWEEP_DB))
            gr.HTML(fragments.section(words.sweep_heading, hint))
            self.sweep_picture = gr.Image(
                label=words.sweep_heading, show_label=False, interactive=False, buttons=["fullscreen"],
                elem_id="lass-sweep-picture",
            )  # fmt: skip
            self.sweep_table = gr.HTML(elem_id="lass-sweep-table")
            self.get_table = gr.DownloadButton(words.sweep_table, size="md", elem_id="lass-get-table")

    def _events(self) -> None:
        given = [
            self.first, self.first_file, self.second, self.second_file, self.snr, self.offset, self.wanted, self.query,
            self.model,
        ]  # fmt: skip
        outputs = [
            self.results, self.measures, self.player, self.get_all,
            self.swept, self.sweep_picture, self.sweep_table, self.get_table,
        ]  # fmt: skip
        self.errand.listen(
            [(self.errand.start.click, self._wish), (self.query.submit, self._wish),
             (self.listen.click, self._mixture_wish), (self.sweep.click, self._sweep_wish)],
            given, work=self._work, show=self._show, clear=self._clear, outputs=outputs, after=SHOW_RESULTS,
        )  # fmt: skip
        for event in (self.first.input, self.second.input, self.wanted.input):
            event(
                self._chosen, [self.first, self.second, self.wanted], [self.first_file, self.second_file, self.query],
                **IN_ORDER,
            )  # fmt: skip

    def refresh_on_load(self, blocks: gr.Blocks) -> None:
        """A page that is opened offers the models of now."""
        refresh_on_load(blocks, self.model, self.measuring.service.shelf)

    def _chosen(self, first: str | None, second: str | None, wanted: str | None) -> Updates:
        """Other sounds: the upload of one's own, and the words that ask for the wanted one."""
        sound = self.sounds.get((first if wanted == "first" else second) or "")
        return {
            self.first_file: gr.update(visible=first == OWN),
            self.second_file: gr.update(visible=second == OWN),
            self.query: gr.skip() if sound is None else sound.query,
        }

    def _experiment(
        self, first: str | None, first_file: str | None, second: str | None, second_file: str | None,
        snr: float | None, offset: float | None, wanted: str | None, query: str | None, model: str | None,
    ) -> Experiment:  # fmt: skip
        return Experiment(
            (first_file if first == OWN else first if first in self.sounds else "") or "",
            (second_file if second == OWN else second if second in self.sounds else "") or "",
            float(snr or 0), float(offset or 0), "second" if wanted == "second" else "first",
            query or "", model or "",
        )  # fmt: skip

    def _wish(self, *values: Any) -> tuple[str, Experiment]:
        experiment = self._experiment(*values)
        self.measuring.check(experiment)
        return "measure", experiment

    def _sweep_wish(self, *values: Any) -> tuple[str, Experiment]:
        return "sweep", self._wish(*values)[1]

    def _mixture_wish(self, *values: Any) -> tuple[str, Experiment]:
        experiment = self._experiment(*values)
        self.measuring.check(experiment, separate=False)
        return "mixture", experiment

    def _work(self, wish: tuple[str, Experiment], ticket: Ticket) -> Any:
        kind, experiment = wish
        if kind == "sweep":
            yield from self.measuring.sweep(experiment, ticket)
        elif kind == "measure":
            yield from self.measuring.run(experiment, ticket)
        else:
            yield from self.measuring.mixture(experiment, ticket)

    def _show(self, result: Measured | Sweep | Mixed) -> Updates:
        if isinstance(result, Measured):
            return self._measured(result)
        if isinstance(result, Sweep):
            picture = gr.update(value=str(result.picture), alt_text=page_fragments.sweep_alt(self.texts, result))
            return {
                self.results: there(False),
                self.swept: there(True),
                self.sweep_picture: picture,
                self.sweep_table: page_fragments.sweep_rows(self.texts, result),
                self.get_table: str(result.table),
            }
        track = Track("mixture", self.words.mixture, result.mixture)
        return {
            self.results: there(True),
            self.measures: shown(fragments.status(self.words.mixed)),
            self.player: player_value(self.texts.player, [track], title=self.words.mixture, name="mixture"),
            self.get_all: there(False, value=None),
        }

    def _measured(self, result: Measured) -> Updates:
        words = self.words
        tracks = [
            Track("mixture", words.mixture, result.mixture),
            Track("truth", words.truth, result.truth),
            Track("target", words.target, result.target),
            Track("residual", words.residual, result.residual),
            Track("other", words.other, result.other),
        ]
        picture = Picture(result.picture, words.picture_alt, ("mixture", "truth", "target"))
        value = player_value(
            self.texts.player, tracks, title=words.results, name="mix-and-measure", selected="target", picture=picture
        )
        return {
            self.results: there(True),
            self.measures: shown(fragments.section(words.results) + page_fragments.measured(self.texts, result)),
            self.player: value,
            self.get_all: there(True, value=str(result.archive)),
        }

    def _clear(self) -> Updates:
        return {
            self.results: there(False),
            self.player: None,
            self.measures: shown(""),
            self.get_all: there(False, value=None),
            self.swept: there(False),
            self.sweep_picture: None,
            self.sweep_table: "",
            self.get_table: None,
        }


def _slider(most: float, **settings: Any) -> gr.Slider:
    """From ``-most`` to ``most``; a number beyond, which can be typed, stands for the end that it is nearer to.

    So it does in the browser as soon as the field is left, but Gradio hands on what was typed before that, and would
    refuse it in words of its own.
    """
    slider = gr.Slider(-most, most, value=0, **settings)
    take = slider.preprocess

    def nearest(payload: float | None) -> float:
        return take(min(max(payload or 0, -most), most))

    # On the instance: for a subclass, Gradio would write a stub file beside this one at every start.
    slider.preprocess = nearest  # type: ignore[method-assign]
    return slider


def _title(texts: Texts, sound: Shipped) -> str:
    title = texts.titles.get(sound.title, sound.title)
    return title[:1].upper() + title[1:]
