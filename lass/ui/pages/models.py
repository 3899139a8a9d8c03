"""The page "Models & method": what does the work, what it learnt from, what it knows, and where it ends."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import gradio as gr

from lass.ui.parts import fragments, page_fragments
from lass.ui.parts.errand import QUIET
from lass.ui.parts.picker import shown
from lass.ui.words.texts import Texts
from lass.ui.work import knowing
from lass.ui.work.service import Service

if TYPE_CHECKING:
    from lass.checkpoints import ModelEntry


class ModelsPage:
    """The components of the page and what each event does to them. Make it inside a ``gr.Blocks`` context."""

    def __init__(self, service: Service, texts: Texts) -> None:
        self.service = service
        self.texts = texts
        self.words = words = texts.pages.models
        gr.HTML(page_fragments.intro(words.title, words.intro))
        with gr.Row(elem_id="lass-columns", equal_height=False):
            with gr.Column(scale=6, min_width=320, elem_id="lass-get"):
                self._cards()
            with gr.Column(scale=5, min_width=320, elem_id="lass-give"):
                self._known()
                gr.HTML(prose(words.method, words.method_words), elem_id="lass-method")
                gr.HTML(prose(words.limits, words.limits_words), elem_id="lass-limits")
                gr.HTML(prose(words.budget, words.budget_words) + self._budgets(), elem_id="lass-budget")
                gr.HTML(listed(words.citations, words.citations_words), elem_id="lass-citations")

    def _cards(self) -> None:
        words = self.words
        gr.HTML(fragments.section(words.cards, level=3))
        self.cards = gr.HTML(self._all_cards(), elem_id="lass-cards")
        for entry in knowing.knowing(self.service.shelf):
            text = knowing.card(entry)
            if text:
                with gr.Accordion(f"{entry.title}. {words.whole_card}", open=False, elem_classes="lass-card-text"):
                    # Sanitised, because it is a file; a blank line ends the markup and lets the Markdown begin.
                    gr.Markdown(f'<div lang="en">\n\n{text}\n\n</div>', sanitize_html=True)

    def _known(self) -> None:
        words = self.words
        models = knowing.knowing(self.service.shelf)
        gr.HTML(fragments.section(words.known, words.known_hint, level=3))
        if not models:
            gr.HTML(f'<p class="lass-details">{escape(words.none_known)}</p>')
            return
        with gr.Group():
            self.model = gr.Dropdown(
                label=words.known_model, choices=[(entry.title, entry.name) for entry in models],
                value=models[0].name, filterable=False, elem_id="lass-known-model",
            )  # fmt: skip
            self.query = gr.Textbox(
                label=words.known_query, placeholder=self.texts.query_placeholder, lines=1, max_lines=1,
                max_length=300, elem_id="lass-known-query",
            )  # fmt: skip
        self.search = gr.Button(words.search, size="md", elem_id="lass-search")
        self.found = gr.HTML(visible=False, elem_id="lass-found")
        gr.on(
            [self.search.click, self.query.submit], self.look, [self.model, self.query], [self.found],
            concurrency_id="search", concurrency_limit=4, **QUIET,
        )  # fmt: skip

    def refresh_on_load(self, blocks: gr.Blocks) -> None:
        """A page that is opened shows the states of now."""
        blocks.load(self._all_cards, None, [self.cards], queue=False, **QUIET)

    def look(self, model: str | None, query: str | None) -> object:
        """The known sounds that words come nearest to; without words, all of them."""
        try:
            if not (query or "").strip():
                return shown(all_known(self.texts, knowing.labels(self.service.shelf, model or "")))
            found = knowing.neighbours(self.service.shelf, model or "", query or "")
        except Exception as error:  # noqa: BLE001 - every error becomes a sentence on the page
            return shown(fragments.alert(self.service.sentence(error)))
        return shown(nearest(self.texts, found))

    def _budgets(self) -> str:
        return budgets(self.texts, [(entry, knowing.budget(entry)) for entry in knowing.knowing(self.service.shelf)])

    def _all_cards(self) -> str:
        return "".join(card(self.texts, entry) for entry in self.service.shelf.entries())


def card(texts: Texts, entry: ModelEntry) -> str:
    """One model: what it is, as the catalogue says."""
    words = texts.pages.models
    size = fragments.size(texts, entry.size)
    state = {"bundled": texts.model_here, "downloaded": texts.model_downloaded}.get(entry.state)
    facts = [
        (words.architecture, escape(entry.architecture)),
        (words.encoder, escape(entry.encoder)),
        (words.sample_rate, fragments.kilohertz(texts, entry.sample_rate)),
        (words.parameters, escape(_parameters(texts, entry))),
        (words.size, escape(size)),
        (words.licence, escape(fragments.licence(texts, entry))),
        (words.state, escape(state or texts.model_to_download.format(size=size))),
    ]
    if entry.asset is None:
        facts.append((words.source, _source(entry.source)))
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in facts)
    return (
        f'<article class="lass-card" data-state="{escape(entry.state)}"><h4>{escape(entry.title)}</h4>'
        f"<p>{fragments.in_english(texts, entry.summary)}</p><dl>{rows}</dl></article>"
    )


def budgets(texts: Texts, models: Sequence[tuple[ModelEntry, knowing.Budget | None]]) -> str:
    """What each bundled model took to train and takes to keep, as a table; empty where there is none."""
    words = texts.pages.models
    rows = [[_model(texts, entry), _training(texts, budget)] for entry, budget in models]
    return page_fragments.table([words.model, words.training], rows, words.budgets) if rows else ""


def _model(texts: Texts, entry: ModelEntry) -> str:
    weighs = texts.pages.models.weighs.format(
        parameters=_parameters(texts, entry), size=fragments.size(texts, entry.size)
    )
    return f"{escape(entry.title)}<small>{escape(weighs)}</small>"


def _training(texts: Texts, budget: knowing.Budget | None) -> str:
    words = texts.pages.models
    if budget is None:
        return escape(words.not_stated)
    took = words.trained.format(
        steps=fragments.number(texts, f"{budget.steps:,}"),
        hours=fragments.number(texts, f"{budget.hours:.1f}"),
        devices=", ".join(budget.devices).upper(),
    )
    more = [words.trained_in.format(stages=budget.stages)] if budget.stages > 1 else []
    more += [words.trained_after.format(name=budget.begun_with)] if budget.begun_with else []
    return escape(took) + "".join(f"<small>{escape(line)}</small>" for line in more)


def _parameters(texts: Texts, entry: ModelEntry) -> str:
    count = entry.parameters
    return texts.pages.models.not_known if count is None else fragments.parameters(texts, count)


def nearest(texts: Texts, found: knowing.Neighbours | None) -> str:
    """What a search found: the nearest known sounds, and whether the nearest is near enough."""
    words = texts.pages.models
    if found is None:
        return f'<p class="lass-details">{escape(words.none_known)}</p>'
    items = "".join(
        f"<li><span>{fragments.in_english(texts, sound.label)}</span>"
        f'<meter min="0" max="1" value="{max(sound.similarity, 0):.3f}" aria-label="{escape(sound.label)}"></meter>'
        f'<span class="lass-number">{fragments.number(texts, f"{sound.similarity:.2f}")}</span></li>'
        for sound in found.nearest
    )
    verdict = texts.heard_as.format(label=found.meant) + " – "
    verdict += words.familiar if found.familiar else words.unfamiliar
    kind = "lass-heard" if found.familiar else "lass-warning"
    heading = escape(words.nearest.format(query=found.query))
    return (
        f'<p class="lass-notice {kind}" role="status">{escape(verdict)}</p>'
        f'<p class="lass-details">{heading}</p><ol class="lass-nearest">{items}</ol>'
    )


def all_known(texts: Texts, labels: tuple[str, ...]) -> str:
    """Every sound a model knows."""
    words = texts.pages.models
    items = "".join(f"<li>{fragments.in_english(texts, label)}</li>" for label in labels)
    heading = words.all_known.format(count=len(labels)) if labels else words.none_known
    return f'<p class="lass-details" role="status">{escape(heading)}</p><ul class="lass-known">{items}</ul>'


def prose(heading: str, paragraphs: tuple[str, ...]) -> str:
    """A part of the page in whole sentences."""
    text = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    return f'{fragments.section(heading, level=3)}<div class="lass-prose">{text}</div>'


def listed(heading: str, items: tuple[str, ...]) -> str:
    """A part of the page as a list."""
    text = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'{fragments.section(heading, level=3)}<ul class="lass-prose">{text}</ul>'


def _source(source: str) -> str:
    if not source.startswith("https://"):
        return escape(source)
    return f'<a href="{escape(source)}" rel="noopener noreferrer" target="_blank">{escape(source)}</a>'
