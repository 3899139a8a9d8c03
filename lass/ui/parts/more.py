"""More than one description, removing, and a part of the recording: what the Separate page offers beyond its own."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from lass.ui.parts import fragments
from lass.ui.parts.picker import Updates
from lass.ui.parts.player import Picture, Remix, Track, chosen_part, player, player_value, recording_value
from lass.ui.words.texts import Texts
from lass.ui.work.service import Outcome
from lass.ui.work.wish import Choices

MOST = 5
"""Descriptions beyond the first one."""

MARK_PART = """(start, end) => {
  document.querySelector("#lass-wave lass-player")?.markPart(start ?? 0, end ?? 0);
}"""
"""The part as the fields have it, shown on the waveform."""


class MoreChoices:
    """The components and what each event does to them. Make it inside a ``gr.Blocks`` context.

    Their values come in the order of ``inputs``; :meth:`choices` makes sense of them.
    """

    def __init__(self, texts: Texts) -> None:
        words = self.words = texts.pages.more
        self.player_words = texts.player
        self.count = gr.State(0)
        with gr.Accordion(words.heading, open=False, elem_id="lass-more") as self.accordion:
            self.fields = [
                gr.Textbox(
                    label=words.another.format(number=number), lines=1, max_lines=1, max_length=300, visible=False,
                    elem_id=f"lass-query-{number}",
                )
                for number in range(2, MOST + 2)
            ]
            with gr.Row(elem_classes="lass-downloads"):
                self.add = gr.Button(words.add, size="md", elem_id="lass-add")
                self.take_back = gr.Button(words.take_back, size="md", visible=False, elem_id="lass-take-back")
            self.action = gr.Radio(
                [(words.keep_it, "keep"), (words.remove_it, "remove")], value="keep", label=words.keep,
                elem_id="lass-action",
            )  # fmt: skip
            gr.HTML(fragments.section(words.part, words.part_hint))
            self.wave = player(elem_id="lass-wave")
            # No minimum: what is below one, Gradio refuses in words of its own, where the region has ours.
            with gr.Row(elem_id="lass-part"):
                self.start = gr.Number(0, label=words.start, step=0.1, min_width=120, elem_id="lass-from")
                self.end = gr.Number(0, label=words.end, step=0.1, min_width=120, elem_id="lass-to")
        self.inputs: list[Any] = [*self.fields, self.action, self.start, self.end]
        self.shown: list[Any] = [self.count, self.add, self.take_back, *self.inputs]

    def listen(self, in_order: dict[str, Any], recording: gr.Audio) -> None:
        """Connect the components.

        Args:
            in_order: the settings of events that are answered one after the other.
            recording: what is drawn as a waveform, to mark a part on.
        """
        recording.change(self._drawn, [recording], [self.wave], **in_order)
        self.wave.select(chosen_part, None, [self.start, self.end], **in_order)
        gr.on(
            [self.start.change, self.end.change], None, [self.start, self.end], None, js=MARK_PART,
            api_visibility="private",
        )  # fmt: skip
        changed = [self.count, *self.fields, self.add, self.take_back, self.action]
        self.add.click(lambda count: self._with(count + 1), [self.count], changed, **in_order)
        self.take_back.click(lambda count: self._with(count - 1), [self.count], changed, **in_order)

    def take_part(self, result: gr.HTML, in_order: dict[str, Any]) -> Any:
        """The part that is marked on a result becomes the part to separate; returns what ``success`` follows on."""

        def take(event: gr.EventData) -> Updates:
            start, end = chosen_part(event)
            return {self.start: start, self.end: end, self.accordion: gr.update(open=True)}

        return result.select(take, None, [self.start, self.end, self.accordion], **in_order)

    def choices(self, *values: Any) -> Choices:
        """What the values of ``inputs`` say."""
        more, (action, start, end) = values[: len(self.fields)], values[len(self.fields) :]
        further = tuple(words for words in more if words and words.strip())
        # Several descriptions are kept; what is left of them is a stem of its own.
        return Choices(further, action == "remove" and not further, start or None, end or None)

    def reset(self) -> Updates:
        """As on a page just opened."""
        return {**self._with(0), self.action: "keep", self.start: 0, self.end: 0}

    def _drawn(self, recording: str | None) -> dict[str, Any] | None:
        return recording_value(self.player_words, Path(recording), title=self.words.part) if recording else None

    def _with(self, count: int) -> Updates:
        count = max(0, min(count, MOST))
        updates: Updates = {
            field: gr.update(visible=True) if number < count else gr.update(visible=False, value="")
            for number, field in enumerate(self.fields)
        }
        updates[self.count] = count
        updates[self.add] = gr.update(visible=count < MOST)
        updates[self.take_back] = gr.update(visible=count > 0)
        updates[self.action] = gr.update(visible=count == 0)
        return updates


def is_plain(outcome: Outcome) -> bool:
    """Whether an outcome is that of one description, kept, of a whole recording."""
    report = outcome.report
    return not (outcome.stems or report["removed"] or "part" in report)


def residual_button(texts: Texts, outcome: Outcome) -> str:
    """What the button says that downloads everything else."""
    plain = outcome.stems or is_plain(outcome)
    return texts.download_residual if plain else texts.pages.more.download_removed


def understanding(texts: Texts, outcome: Outcome) -> str:
    """How the model understood each description; see :func:`lass.ui.parts.fragments.understanding`."""
    report = outcome.report
    if not outcome.stems:
        return fragments.understanding(texts, report)
    levels, notices = report["levels_dbfs"], []
    for stem in report["stems"]:
        one = {**stem, "levels_dbfs": {"recording": levels["recording"], "target": stem["level_dbfs"]}}
        notices.append(fragments.understanding(texts, one))
    if report["share_of_the_energy_that_was_claimed_twice"] > 1e-4:
        notices.append(f'<p class="lass-details">{escape(texts.pages.more.shared)}</p>')
    return "".join(notices)


def sounds(texts: Texts, outcome: Outcome) -> dict[str, Any]:
    """What the player shows of an outcome that is not plain."""
    return _stems(texts, outcome) if outcome.stems else _edited(texts, outcome)


def _stems(texts: Texts, outcome: Outcome) -> dict[str, Any]:
    """Every stem, the rest, and the recording, which is their sum; each can be heard alone and left out of the mix."""
    words, queries = texts.pages.more, outcome.report["queries"]
    stems = [
        Track(f"stem-{number}", words.stem.format(query=query), path)
        for number, (query, path) in enumerate(zip(queries, outcome.stems, strict=True), start=1)
    ]
    keys = [*(stem.key for stem in stems), "rest"]
    tracks = [
        *stems,
        Track("rest", words.rest, outcome.residual),
        Track("mixture", texts.mixture, sum_of=tuple(keys)),
    ]
    alt = words.picture_alt.format(queries=", ".join(stem.label for stem in stems))
    panels = ("mixture", *keys)
    return player_value(
        texts.player, tracks, title=texts.result_of.format(query=", ".join(queries)),
        name=outcome.residual.stem.removesuffix("-rest"), picture=_picture(outcome, alt, panels), parts=keys, part=True,
    )  # fmt: skip


def _edited(texts: Texts, outcome: Outcome) -> dict[str, Any]:
    """The edited recording, the recording as it was, and what the edit took away."""
    words, report = texts.pages.more, outcome.report
    query = report["query"]
    if report["removed"]:
        label = words.without.format(query=query)
        left, right = words.without_end, texts.player.only_target
    else:
        part = report["part"]
        label = words.only_there.format(query=query, start=part["start_seconds"], end=part["end_seconds"])
        left, right = words.only_there_end, words.removed
    tracks = [
        Track("target", label, outcome.target),
        Track("mixture", texts.mixture, sum_of=("target", "residual")),
        Track("residual", words.removed, outcome.residual),
    ]
    alt = words.edited_alt.format(change=label)
    ends = replace(texts.player, only_target=left, only_residual=right)
    return player_value(
        ends, tracks, title=label, name=outcome.target.stem.removesuffix("-target"),
        picture=_picture(outcome, alt, ("mixture", "target", "residual")), remix=Remix(), part=True,
    )  # fmt: skip


def _picture(outcome: Outcome, alt: str, panels: tuple[str, ...]) -> Picture | None:
    return None if outcome.picture is None else Picture(outcome.picture, alt, panels)
