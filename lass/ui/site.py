"""All pages in all languages, composed: what stands on every page, and what each one is made of."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from lass import __version__
from lass.ui.pages.batch import BatchPage
from lass.ui.pages.compare import ComparePage
from lass.ui.pages.measure import MeasurePage
from lass.ui.pages.models import ModelsPage
from lass.ui.pages.separate import SeparatePage
from lass.ui.parts import fragments, navigation, stand
from lass.ui.parts.drafting import Collect
from lass.ui.parts.stand import Stand
from lass.ui.serving.head import Head
from lass.ui.words.languages import LANGUAGES
from lass.ui.work.batching import Batching
from lass.ui.work.comparing import Comparing, Prefer
from lass.ui.work.measuring import Measuring
from lass.ui.work.service import Example, Service


@dataclass(frozen=True)
class Extras:
    """What pages may do beyond separating: keep votes, add to the draft of a listening test, stand at a stand."""

    prefer: Prefer | None = None
    collect: Collect | None = None
    stand: Stand | None = None


class Application(gr.Blocks):
    """Blocks of many pages that are put together once, by :func:`routes`.

    Gradio makes its whole web application anew at the end of every page; with ten pages that is most of the work.
    """

    whole = False

    def __exit__(self, exc_type: type[BaseException] | None = None, *rest: object) -> None:
        """Leave the context; only the last time everything is put together."""
        # After an error Gradio leaves its context and does nothing else, which is all that is wanted here.
        super().__exit__(exc_type if self.whole or exc_type is not None else NotImplementedError, *rest)


class Pages:
    """The pages of one language on top of a service that speaks it.

    Args:
        service: what separates.
        examples: recordings that ship with the application.
        extras: what is wanted beyond that.
    """

    def __init__(self, service: Service, examples: Sequence[Example], extras: Extras) -> None:
        texts = service.texts
        self.service = service
        self.texts = texts
        self.extras = extras
        self.examples = [replace(one, title=texts.titles.get(one.title, one.title)) for one in examples]

    def first(self, blocks: gr.Blocks) -> None:
        """The page Separate, where we are in the application."""
        with self._page(""):
            page = SeparatePage(
                self.service, self.texts, self.examples, self.extras.collect, stand=self.extras.stand is not None
            )
            if self.extras.stand is not None:
                stand.code(blocks, self.texts, self.extras.stand)
        page.picker.refresh_on_load(blocks)

    def others(self, blocks: gr.Blocks) -> None:
        """The pages beside Separate, each loaded only by those who open it."""
        texts, service = self.texts, self.service
        make: dict[str, Callable[[], Any]] = {
            navigation.COMPARE: lambda: ComparePage(
                Comparing(service, self.extras.prefer), texts, self.examples, self.extras.collect
            ),
            navigation.MEASURE: lambda: MeasurePage(Measuring(service), texts),
            navigation.BATCH: lambda: BatchPage(Batching(service), texts),
            navigation.MODELS: lambda: ModelsPage(service, texts),
        }
        for path, name in navigation.pages(texts)[1:]:
            with blocks.route(name, navigation.route(texts, path), show_in_navbar=False), self._page(path):
                make[path]().refresh_on_load(blocks)

    @contextlib.contextmanager
    def _page(self, path: str) -> Iterator[None]:
        """What stands above and below every page."""
        texts, at_stand = self.texts, self.extras.stand
        gr.HTML(fragments.header(texts, navigation.other_language(texts, path)))
        # At a stand the test is for the visitors' own phones; who left this page there would leave it for all.
        test = [(navigation.listening(texts), texts.pages.navigation.listening)] if at_stand is None else []
        gr.HTML(navigation.bar(texts, path, test), elem_id="lass-navigation")
        if at_stand is not None:
            gr.HTML(stand.clock(texts, at_stand))
        yield
        minutes = self.service.limits.keep_minutes
        gr.HTML(fragments.footer(texts, keep_minutes=minutes, version=__version__))


def languages(service: Service, examples: Sequence[Example], extras: Extras) -> list[Pages]:
    """The pages in every language; the first one's Separate page is the application's own."""
    return [Pages(service.speaking(texts), examples, extras) for texts in LANGUAGES]


def routes(blocks: Application, every: Sequence[Pages]) -> None:
    """All pages but the application's own, and the end of the work. Call it outside of the blocks' context."""
    for number, one in enumerate(every):
        if number > 0:
            name = one.texts.pages.navigation.separate
            with blocks.route(name, navigation.route(one.texts, ""), show_in_navbar=False):
                one.first(blocks)
        one.others(blocks)
    blocks.whole = True
    with blocks:
        pass


def heads() -> dict[str, Head]:
    """What stands in the head of every page, by its path."""
    found = {}
    for texts in LANGUAGES:
        for path, name in navigation.pages(texts):
            elsewhere = {other.language: navigation.route(other, path) for other in LANGUAGES}
            title = f"{name} – {texts.title}" if path else texts.title
            found[navigation.route(texts, path)] = Head(texts.language, title, texts.tagline, elsewhere)
    return found
