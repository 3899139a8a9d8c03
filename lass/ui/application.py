"""The whole application: pages composed, endpoints for programs, and how it is served."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read by Gradio when it is imported

import gradio as gr
from gradio.http_server import LOCALHOST_NAME
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from lass import __version__
from lass.audio.isolated import Isolation, environment_for_decoders
from lass.checkpoints import open_store
from lass.checkpoints.catalogue import parts
from lass.checkpoints.remote import is_loopback
from lass.ending import Ending
from lass.errors import SettingsError
from lass.ui import site as pages
from lass.ui.look.theme import theme
from lass.ui.machine import gpu, requests_log
from lass.ui.parts import stand
from lass.ui.parts.recording import recording_input
from lass.ui.parts.stand import Stand
from lass.ui.serving.beside import Beside
from lass.ui.serving.ending import FINISH_SECONDS, finish
from lass.ui.serving.head import FAVICON, Heads
from lass.ui.serving.headers import secured
from lass.ui.serving.health import Health
from lass.ui.serving.lost import lost
from lass.ui.serving.studies import ListeningTest
from lass.ui.serving.turns import take_turns
from lass.ui.serving.uploads import bounded
from lass.ui.serving.waiting import Waiting
from lass.ui.site import Extras
from lass.ui.words import texts
from lass.ui.work import shelf
from lass.ui.work.downloads import Downloads
from lass.ui.work.service import Limits, Service, load_examples

if TYPE_CHECKING:
    from lass.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
STYLE = Path(__file__).parent / "look" / "style.css"
PAGES = Path(__file__).parent / "look" / "pages.css"
SCRIPTS = ("uploads.js", "waiting.js")

log = logging.getLogger(__name__)

KEEP_MINUTES = 60
SWEEP_SECONDS = 5 * 60
CLOSED = ("/gradio_api/deep_link",)
"""Doors of Gradio's that no page has a handle for: this one writes what a visitor sends to the disk, for ever."""
QUEUE_LENGTH = 512
"""Events that may wait at once. Gradio counts a keystroke like a separation, so this is well above the visitors."""


def build(settings: Settings) -> gr.Blocks:
    """Compose the application for these settings; nothing is loaded and nothing is served yet."""
    return compose(service_for(settings))


def compose(service: Service, extras: Extras | None = None) -> gr.Blocks:
    """The pages in every language and the endpoints on top of a service."""
    keep_seconds = service.limits.keep_minutes * 60
    with pages.Application(
        title=service.texts.title, analytics_enabled=False, delete_cache=(_sweep_seconds(service), keep_seconds)
    ) as blocks:
        every = pages.languages(service, load_examples(ROOT / "examples"), extras or Extras())
        every[0].first(blocks)
        _endpoints(service)
    pages.routes(blocks, every)
    blocks.queue(max_size=QUEUE_LENGTH, default_concurrency_limit=4)
    service.bench.line.before = take_turns(blocks._queue)
    return blocks


def launch(settings: Settings, *, prevent_thread_lock: bool = False) -> gr.Blocks:
    """Serve the application at GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, or Gradio's defaults.

    Raises SettingsError when the address is taken.
    """
    requests_log.configure(settings.logging)
    listening = ListeningTest(settings)
    at_stand = Stand(settings.stand_idle_seconds, settings.public_url) if settings.stand else None
    extras = Extras(listening.prefer, listening.collect if _at_home() and at_stand is None else None, at_stand)
    return serve(
        service_for(settings), listening, extras, address=settings.public_url, prevent_thread_lock=prevent_thread_lock
    )


def serve(
    service: Service,
    listening: ListeningTest | None = None,
    extras: Extras | None = None,
    *,
    address: str | None = None,
    prevent_thread_lock: bool = False,
) -> gr.Blocks:
    """Serve the pages of a service, and beside them a listening test.

    ``extras`` are what else the pages do; ``address`` is where the application is to be found, if somebody said so.

    The page answers first and the default model is loaded behind it; on ZeroGPU models have to be in place
    before the first call forks, so there they come first.
    """
    extras = extras or Extras()
    blocks = compose(service, extras)
    health = Health(service.bench, __version__, listening.healthy if listening is not None else lambda: None)
    health.waiting = lambda: len(blocks._queue)
    heads = Heads(pages.heads(), service.texts.title, address)
    uploads = bounded(service.bench.space, service.limits.most_result_bytes)
    middleware = [
        Middleware(secured), Middleware(heads.around), Middleware(Beside(CLOSED, list).around),
        Middleware(health.pages.around),
        Middleware(Waiting(service.bench.line).pages.around), Middleware(uploads),
    ]  # fmt: skip
    if listening is not None:
        middleware.append(Middleware(listening.pages.around))
    ending = Ending()
    if not prevent_thread_lock:
        ending.listen()
    if gpu.present():
        service.shelf.preload()
    try:
        blocks.launch(
            prevent_thread_lock=True,
            theme=theme(),
            css_paths=[STYLE, PAGES] if extras.stand is None else [STYLE, PAGES, stand.STYLE],
            head=None if extras.stand is None else stand.head(),
            favicon_path=FAVICON,
            js=scripts(),
            max_file_size=service.limits.max_bytes,
            # What Gradio remembers of a visitor takes about 1 MB, and it would remember ten thousand. Nobody who waits
            # may be forgotten.
            state_session_capacity=QUEUE_LENGTH,
            show_error=False,
            ssr_mode=False,
            enable_monitoring=False,
            run_history=False,
            footer_links=["api"] if extras.stand is None else [],
            app_kwargs={"middleware": middleware, "exception_handlers": {404: lost}},
        )
    except OSError as error:
        # Gradio's word for a port, or a range of them, that other programs hold.
        raise SettingsError("The port is taken; set GRADIO_SERVER_PORT to a free one, for instance 7870.") from error
    threading.Thread(target=_get_ready, args=(service, listening), name="preload", daemon=True).start()
    threading.Thread(target=_keep_tidy, args=(service,), name="tidy", daemon=True).start()
    if not prevent_thread_lock:
        ending.wait()
        close(blocks, service, listening)
    return blocks


def scripts() -> str:
    """What every page runs once when it is open."""
    read = ((Path(__file__).parent / "serving" / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return "() => {" + "".join(f"({script.rstrip()})();\n" for script in read) + "}"


def close(blocks: gr.Blocks, service: Service, listening: ListeningTest | None = None) -> None:
    """End within seconds: nothing new begins, what is running finishes or stops, ratings and files are put away."""
    steps: list[tuple[str, Callable[[], object]]] = [
        ("separations", lambda: service.bench.close(FINISH_SECONDS / 2)),
        ("pages", lambda: blocks.close(verbose=False)),
        ("files", service.bench.space.clear),
    ]
    if listening is not None:
        # Before the pages: they may wait for a browser that does not let go, and ratings come first.
        steps.insert(1, ("ratings", listening.close))
    finish(steps)


def service_for(settings: Settings) -> Service:
    """What the pages do, as the settings say."""
    words = texts.ENGLISH
    folder = settings.checkpoints_dir
    store = open_store(folder, settings.offline, settings.hub_address, settings.hub_token)
    downloads = Downloads(store, lambda name: parts(name, folder), allowed=_at_home() and not settings.stand)
    models = shelf.catalogue(words, device=settings.device, cache_dir=folder, downloads=downloads)
    limits = Limits(
        max_seconds=settings.max_seconds,
        max_bytes=int(settings.max_upload_mb * 1_000_000),
        keep_minutes=stand.KEEP_MINUTES if settings.stand else KEEP_MINUTES,
    )
    decoders = Isolation(environment=environment_for_decoders(os.environ))
    return Service(models, limits, Path(get_upload_folder()), words, decoders)


def _get_ready(service: Service, listening: ListeningTest | None) -> None:
    """What the first visitors will need, once the page is there."""
    service.bench.warm()
    if not gpu.present():
        service.shelf.preload()
    if listening is not None:
        listening.prepare()


def _keep_tidy(service: Service) -> None:
    """Remove what a crash left behind, and what nobody has come back for, as long as the application runs."""
    while True:
        try:
            service.tidy()
        except Exception:
            log.exception("Files whose time is over could not be removed; the next look comes in some minutes.")
        time.sleep(_sweep_seconds(service))


def _sweep_seconds(service: Service) -> int:
    """Between two looks for files whose time is over: a small part of their time."""
    return min(SWEEP_SECONDS, 60 * service.limits.keep_minutes // 10)


def _at_home() -> bool:
    """Whether only this machine's own people reach the pages, as far as the way they are served tells."""
    published = any(os.environ.get(name) for name in ("GRADIO_SHARE", "GRADIO_ROOT_PATH", "SPACE_ID"))
    return is_loopback(LOCALHOST_NAME) and not published


def _endpoints(service: Service) -> None:
    """The two endpoints for programs; their components are never drawn."""

    def separate(audio: str | None, query: str, model: str) -> tuple[str, str, dict[str, Any]]:
        try:
            with service.bench.line.served():
                outcome = service.separate(audio, query, model)
        except Exception as error:
            raise gr.Error(service.sentence(error), print_exception=False) from error
        return str(outcome.target), str(outcome.residual), outcome.report

    def models() -> list[dict[str, Any]]:
        return service.models()

    given = [
        recording_input(label="audio", visible=False),
        gr.Textbox(label="query", visible=False),
        gr.Textbox(value=service.shelf.default(), label="model", visible=False),
    ]
    returned = [gr.File(label="target", visible=False), gr.File(label="residual", visible=False),
                gr.JSON(label="report", visible=False)]  # fmt: skip
    gr.Button(visible=False).click(
        separate, given, returned, api_name="separate", api_visibility="public",
        api_description="Separate a recording: what the query describes, everything else, and how it was made.",
        concurrency_id="gpu", concurrency_limit=1,
    )  # fmt: skip
    gr.Button(visible=False).click(
        models, None, [gr.JSON(label="models", visible=False)], api_name="models", api_visibility="public",
        api_description="The models there are, and whether each is on this machine.", queue=False,
    )  # fmt: skip
