"""The model picker: which models there are, what the chosen one is, and its download where it is not here.

A download goes on in the background, see :mod:`lass.ui.work.downloads`; the page looks at it once a second, so that
neither this page nor anybody else's waits for it, and a page that is opened again finds it.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from lass.errors import Cancelled, ModelError
from lass.ui.parts import fragments
from lass.ui.words.texts import Texts
from lass.ui.work.downloads import Download
from lass.ui.work.service import Service

Updates = dict[Any, Any]

LOOK_SECONDS = 1.0
"""Between two looks at a download."""


class ModelPicker:
    """The components of the picker and what each event does to them. Make it inside a ``gr.Blocks`` context."""

    def __init__(self, service: Service, texts: Texts) -> None:
        self.service = service
        self.texts = texts
        default = service.shelf.default()
        self.model = gr.Dropdown(
            label=texts.model, choices=self._options(), value=default, filterable=False, elem_id="lass-model",
        )  # fmt: skip
        self.about = gr.HTML(self._line(default), elem_id="lass-about-model")
        self.download = gr.HTML(visible=False, elem_id="lass-download")
        self.get = gr.Button(texts.download_model, size="md", visible=False, elem_id="lass-get-model")
        self.cancel = gr.Button(texts.cancel_download, size="md", visible=False, elem_id="lass-cancel-download")
        self.clock = gr.Timer(LOOK_SECONDS, active=False)
        self.watched = gr.State(None)
        self.shown = [self.model, self.about, self.download, self.get, self.cancel, self.clock, self.watched]

    def listen(self, in_order: dict[str, Any]) -> None:
        """Connect the components; ``in_order`` are the settings of events that are answered one after the other."""
        self.model.input(self.choose, [self.model], self.shown, **in_order)
        self.get.click(self.fetch, [self.model], self.shown, **in_order)
        self.cancel.click(self.stop, [self.model, self.watched], self.shown, **in_order)
        self.clock.tick(self.look, [self.model, self.watched], self.shown, trigger_mode="once", **in_order)

    def refresh_on_load(self, blocks: gr.Blocks) -> None:
        """A page that is opened shows the states of now, not those of the application's start."""
        blocks.load(
            lambda: gr.update(choices=self._options()), None, [self.model], api_visibility="private",
            show_progress="hidden", queue=False,
        )  # fmt: skip

    def choose(self, name: str | None) -> Updates:
        """Another model, or the same one again: what is here is looked up anew."""
        downloads = self.service.shelf.downloads
        return self._show(name, downloads.running(name) if downloads is not None and name else None)

    def fetch(self, name: str | None) -> Updates:
        """Begin to download the chosen model, or watch the download that somebody else began."""
        downloads = self.service.shelf.downloads
        if downloads is None or not name:
            return self._show(name, None)
        try:
            return self._show(name, downloads.start(name))
        except ModelError as error:
            return {**self._show(name, None), self.download: shown(fragments.alert(self.service.sentence(error)))}

    def stop(self, name: str | None, watched: Download | None) -> Updates:
        """Stop the download that is watched, for everybody."""
        if watched is not None:
            watched.call_off()
        return self._show(name, watched)

    def look(self, name: str | None, watched: Download | None) -> Updates:
        """One look at the download that is watched."""
        if watched is None or watched.name != name:  # another model was chosen while the clock ticked
            return self.choose(name)
        if watched.over:
            return self._show(name, watched)
        return {self.download: shown(fragments.download(self.texts, watched))}

    def _show(self, name: str | None, download: Download | None) -> Updates:
        running = download is not None and not download.over
        button = "" if running else self._button(name)
        return {
            self.model: gr.update(choices=self._options()),
            self.about: self._line(name),
            self.download: shown(self._report(download)),
            self.get: gr.update(value=button or self.texts.download_model, visible=bool(button)),
            self.cancel: gr.update(visible=running),
            self.clock: gr.update(active=running),
            self.watched: download,
        }

    def _report(self, download: Download | None) -> str:
        if download is None:
            return ""
        if not download.over:
            return fragments.download(self.texts, download)
        if download.error is None:
            return fragments.status(self.texts.downloaded)
        sentence = self.service.sentence(download.error)
        return fragments.status(sentence) if isinstance(download.error, Cancelled) else fragments.alert(sentence)

    def _button(self, name: str | None) -> str:
        downloads = self.service.shelf.downloads
        offer = downloads.offer(name) if downloads is not None and name else None
        return fragments.download_button(self.texts, offer) if offer is not None else ""

    def _line(self, name: str | None) -> str:
        shelf = self.service.shelf
        try:
            entry = shelf.entry(name or "")
        except ModelError as error:
            return fragments.alert(self.service.sentence(error))
        return fragments.model_line(self.texts, shelf, entry)

    def _options(self) -> list[tuple[str, str | int | float]]:
        return [(fragments.model_option(self.texts, entry), entry.name) for entry in self.service.shelf.entries()]


def shown(html: str) -> Any:
    """An update of a sentence: visible only while it says something."""
    return gr.update(value=html, visible=bool(html))


AWAY = "lass-away"
"""The class of what is on the page and out of sight. What Gradio calls invisible is not on the page, and of values that
come just when it is put there, some are lost: a download without a file, a player without sound."""


def there(present: bool, **changes: Any) -> Any:
    """An update of what comes into sight with the results, and goes with them; made with ``elem_classes=AWAY``."""
    return gr.update(elem_classes=[] if present else [AWAY], **changes)
