"""The participant's side of the listening test over HTTP: pages, a small JSON interface, and the sounds.

All lies below ``/listen`` and every address in a page is relative, so that it works below any other path too. Answers
are saved in a thread pool of their own, which no separation ever enters: a click never waits for one.

    GET  /listen/                       the studies that are open
    GET  /listen/SLUG                   the page; ?lang=fr, ?kiosk=1, ?idle=60
    GET  /listen/api/SLUG/state         what comes next
    POST /listen/api/SLUG/STEP          begin, consent, headphones, opened, rate, answers, finish
    GET  /listen/audio/NAME.wav?study=SLUG
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from lass.errors import LassError
from lass.listening.design.words import say
from lass.listening.participation import Participation, Refusal
from lass.listening.ratings.records import UnknownSessionError
from lass.listening.studies import OpenStudy, Studies, UnknownStudyError
from lass.listening.web import messages, pages
from lass.listening.web.limits import Allowance, Limit, sender_of
from lass.listening.web.security import (
    FRAMES,
    BadRequestError,
    SecurityHeaders,
    json_body,
    keep_token,
    log,
    token_of,
)
from lass.listening.web.sounds import DamagedSoundError, Sounds, sound_response

THREADS = 16
"""Answers that are saved at once. The store writes several in one transaction, so waiting threads are no waste."""

BEGINNINGS = Allowance(burst=300, every=10.0)
"""A lecture hall behind one address begins at once, and a stand with many tablets goes on all day, while a program that
does nothing but begin gets no further than 360 sessions an hour."""

PREFIX = "/listen"
_NO_STORE = {"Cache-Control": "no-store"}
_PHONE = re.compile(r"iphone|ipod|windows phone|android.*mobile", re.IGNORECASE)
_TABLET = re.compile(r"ipad|android|tablet|silk|kindle", re.IGNORECASE)
_DESKTOP = re.compile(r"windows|macintosh|linux|x11|cros", re.IGNORECASE)

T = TypeVar("T")
M = TypeVar("M", bound=messages.Received)
Endpoint = Callable[[Request], Awaitable[Response]]


def participant_routes(
    studies: Studies, *, frames: tuple[str, ...] = FRAMES, beginnings: Allowance = BEGINNINGS
) -> list[BaseRoute]:
    """The routes of the participant's side, to be put in front of an application's own.

    Args:
        frames: other sites that may show the pages in a frame, as CSP source expressions.
        beginnings: how many participants may begin from one address.
    """
    side = _Participants(studies, Limit(beginnings, studies.clock))
    steps = {
        "begin": side.begin,
        "consent": side.step(messages.Consent, _consent),
        "headphones": side.step(messages.Headphones, lambda one, sent: one.headphones(sent.result)),
        "opened": side.step(messages.Opened, lambda one, sent: one.opened(sent.trial)),
        "rate": side.step(messages.Rate, _rate),
        "answers": side.step(messages.Answers, lambda one, sent: one.answer(sent.answers)),
        "finish": side.step(messages.Finish, lambda one, sent: one.finish()),
    }
    inside: list[BaseRoute] = [
        Route("/", side.pages(side.list)),
        Route("/assets/{name}", side.asset),
        Route("/audio/{name}.wav", side.answers(side.audio)),
        Route("/api/{slug}/state", side.answers(side.state)),
        *(Route(f"/api/{{slug}}/{name}", side.answers(step), methods=["POST"]) for name, step in steps.items()),
        Route("/{slug}", side.pages(side.page)),
        Route("/{rest:path}", side.pages(side.nothing)),
    ]
    secure = [Middleware(SecurityHeaders, frames=frames)]
    return [
        Route(PREFIX, _to_list, middleware=secure),
        Mount(PREFIX, routes=inside, middleware=secure),
    ]


async def _to_list(request: Request) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}{PREFIX}/")


def _consent(one: Participation, sent: messages.Consent) -> None:
    if sent.agreed:
        one.consent()


def _rate(one: Participation, sent: messages.Rate) -> None:
    one.rate(
        sent.trial, sent.scores, sent.key, sent.plays, sent.seconds_heard, sent.mixture_heard, sent.seconds_to_rate
    )


def agent_class(agent: str, touch: bool = False) -> str:
    """phone, tablet, desktop or other: all that is kept of a User-Agent header. An iPad calls itself a Macintosh."""
    if _PHONE.search(agent):
        return "phone"
    if _TABLET.search(agent) or (touch and "Macintosh" in agent):
        return "tablet"
    return "desktop" if _DESKTOP.search(agent) else "other"


class _Participants:
    """The endpoints, and what they share: the studies, the threads, the sounds in memory, the limit."""

    def __init__(self, studies: Studies, beginnings: Limit) -> None:
        self._studies = studies
        self._beginnings = beginnings
        self._sounds = Sounds()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="listening")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    # --- Wrappers: every failure is one sentence ------------------------------------------------------------------

    def answers(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint whose failures are JSON: {"error": sentence}."""

        async def answer(request: Request) -> Response:
            language = _language(request)
            try:
                return await endpoint(request)
            except UnknownStudyError:
                return _error(say(language, "not_found_title"), 404)
            except UnknownSessionError:
                return _error(say(language, "refused_session"), 401)
            except Refusal as error:
                return _error(str(error), error.status)
            except BadRequestError as error:
                return _error(say(language, error.word), error.status)
            except ValidationError:
                return _error(say(language, "refused_request"), 422)
            except LassError as error:
                # The store's or a damaged study's: for the log. The participant can only try again.
                log.error("A participant's request failed: %s", error)
                return _error(say(language, "refused_fault"), 503)

        return answer

    def pages(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint whose failures are a page."""

        async def page(request: Request) -> Response:
            language = _language(request)
            try:
                return await endpoint(request)
            except UnknownStudyError:
                title, text = say(language, "not_found_title"), say(language, "not_found_text")
                return pages.sentence_page(language, title, text, 404)
            except LassError as error:
                log.error("A page of the listening test failed: %s", error)
                return pages.sentence_page(language, say(language, "server_down"), "", 503)

        return page

    # --- Pages ----------------------------------------------------------------------------------------------------

    async def list(self, request: Request) -> Response:
        """The studies that are open."""
        language = _language(request)
        return await self._in_thread(lambda: pages.list_page(self._studies.open(), language))

    async def page(self, request: Request) -> Response:
        """The participant's page of a study."""
        home = await self._in_thread(lambda: self._studies.get(request.path_params["slug"]))
        query = request.query_params
        kiosk = query.get("kiosk", "") not in ("", "0", "no")
        return pages.participant_page(home, _language(request, home), kiosk=kiosk, idle=query.get("idle", ""))

    async def nothing(self, request: Request) -> Response:
        """Whatever else somebody asks for."""
        raise UnknownStudyError

    async def asset(self, request: Request) -> Response:
        """The script, the style, the icon."""
        found = pages.asset(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        if request.headers.get("if-none-match") == found.headers["etag"]:
            return Response(status_code=304, headers={"ETag": found.headers["etag"]})
        return found

    # --- The interface of the page --------------------------------------------------------------------------------

    async def state(self, request: Request) -> Response:
        """What comes next, with all words."""
        return await self._in_thread(lambda: _json(self._participation(request).state()))

    async def begin(self, request: Request) -> Response:
        """A session begins; one that is there goes on."""
        sent = messages.Begin.model_validate_json(await json_body(request))

        def work() -> Response:
            one = self._participation(request, sent.language)
            wait = 0 if one.session else self._beginnings.take(sender_of(request))
            if wait:
                refused = _error(say(one.language, "refused_many", count=wait), 429)
                refused.headers["Retry-After"] = str(wait)
                return refused
            record = one.begin(agent_class(request.headers.get("user-agent", ""), sent.touch), sent.kiosk, sent.key)
            response = _json({**one.state(), "token": record.token})
            if not record.kiosk:
                keep_token(response, request, record.study, record.token)
            return response

        return await self._in_thread(work)

    def step(self, kind: type[M], action: Callable[[Participation, M], None]) -> Endpoint:
        """The endpoint of one step: it answers with the progress once everything is saved."""

        async def endpoint(request: Request) -> Response:
            sent = kind.model_validate_json(await json_body(request))

            def work() -> Response:
                one = self._participation(request)
                action(one, sent)
                return _json(one.progress())

            return await self._in_thread(work)

        return endpoint

    async def audio(self, request: Request) -> Response:
        """A sound of the session's own trials."""

        def work() -> Response:
            name = request.path_params["name"]
            file, sha256 = self._participation(request).sound(name)
            try:
                content = self._sounds.read(file, sha256)
            except DamagedSoundError as error:
                log.error("A sound cannot be served: %s", error)
                raise BadRequestError("audio_failed", 500) from error
            return sound_response(content, name, request.headers.get("range"))

        return await self._in_thread(work)

    def _participation(self, request: Request, language: str | None = None) -> Participation:
        slug = request.path_params.get("slug") or request.query_params.get("study", "")
        home = self._studies.get(slug)
        token = token_of(request, slug)
        session = self._studies.store.session(token) if token else None
        return Participation(
            home, self._studies.store, session, language=language or _language(request, home), clock=self._studies.clock
        )


def _language(request: Request, home: OpenStudy | None = None) -> str:
    """The language that a request asks for: by address, or else by the browser's settings."""
    wanted = request.query_params.get("lang")
    accepted = request.headers.get("accept-language", "")
    if home is None:
        return pages.spoken(f"{wanted or ''},{accepted}" if wanted else accepted)
    if wanted in home.study.languages:
        return wanted
    return pages.preferred(accepted, home.study.languages)


def _json(value: dict[str, Any]) -> Response:
    return JSONResponse(value, headers=_NO_STORE)


def _error(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status, _NO_STORE)


__all__ = ["PREFIX", "agent_class", "participant_routes"]
