"""The organiser's side of the listening test over HTTP, behind a password; without one it is switched off.

    GET  /results/                            the studies, and how the store is
    GET  /results/login, POST                 the password
    POST /results/logout
    GET  /results/SLUG                        progress while the study is open, the report when it is closed
    GET  /results/SLUG/report.html, .json     the report as files, when it is closed
    GET  /results/SLUG/export/FORMAT          the ratings as a file, when it is closed
    GET  /results/SLUG/participants/LABEL     the question before a deletion; POST deletes

Analyses run in threads of their own, so that no participant's click waits for one.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from lass.errors import LassError
from lass.listening.design.closing import NotClosedError, require_closed, state_of
from lass.listening.ratings.records import SessionRecord
from lass.listening.ratings.store import Store
from lass.listening.results import figures, report
from lass.listening.results.analysis import analyse, own_language
from lass.listening.results.export import FORMATS, exported
from lass.listening.results.findings import Analysis, QuestionResults
from lass.listening.results.markup import Html
from lass.listening.results.words import FALLBACK, languages
from lass.listening.studies import Studies, UnknownStudyError
from lass.listening.web import organiser_pages as pages
from lass.listening.web.access import LIFETIME, Access, TooManyAttemptsError, Visit
from lass.listening.web.forms import FormError, read_form
from lass.listening.web.limits import sender_of
from lass.listening.web.pages import preferred
from lass.listening.web.security import SecurityHeaders

PREFIX = "/results"
PARTICIPANTS = "/listen"
COOKIE = "lass-results"
MOST_PICTURES = 200
_NO_STORE = {"Cache-Control": "no-store"}
_OWN = Path(__file__).parent
_ASSETS = {"report.css": report.STYLE, "organiser.css": _OWN / "organiser.css", "icon.svg": _OWN / "icon.svg"}
_TYPES = {".css": "text/css", ".svg": "image/svg+xml"}

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]
SignedIn = Callable[[Request, pages.Frame], Awaitable[Response]]

log = logging.getLogger(__name__)


def organiser_routes(studies: Studies, password: str | None, *, public_url: str | None = None) -> list[BaseRoute]:
    """The routes of the organiser's side, to be put in front of an application's own.

    Args:
        password: None or an empty one switches everything here off.
        public_url: where participants find the application, such as https://example.org; None takes the address that
            the organiser's own browser used.
    """
    inside = _Organiser(studies, Access(password, studies.clock), public_url).routes() if password else _off_routes()
    return [
        Route(PREFIX, _to_list),
        Mount(PREFIX, routes=inside, middleware=[Middleware(SecurityHeaders, frames=())]),
    ]


def _off_routes() -> list[BaseRoute]:
    async def off(request: Request) -> Response:
        return _html(pages.off_page(_frame(request)), 404)

    return [Route("/assets/{name}", _asset_file), Route("/{rest:path}", off, methods=["GET", "POST"])]


async def _to_list(request: Request) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}{PREFIX}/")


class _Organiser:
    """The endpoints, and what they share: the studies, who is signed in, the threads, pictures that pages show."""

    def __init__(self, studies: Studies, access: Access, public_url: str | None) -> None:
        self._studies = studies
        self._store = studies.store
        self._access = access
        self._public_url = public_url
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="results")
        self._lock = threading.Lock()
        self._pictures: OrderedDict[str, str] = OrderedDict()

    def routes(self) -> list[BaseRoute]:
        """Everything below PREFIX."""
        guarded = self._guarded
        return [
            Route("/", guarded(self.list)),
            Route("/login", self._spoken(self.login), methods=["GET", "POST"]),
            Route("/logout", guarded(self.logout), methods=["POST"]),
            Route("/assets/{name}", _asset_file),
            Route("/pictures/{name}.svg", guarded(self.picture)),
            Route("/{slug}", guarded(self.study)),
            Route("/{slug}/close", guarded(self.close), methods=["GET", "POST"]),
            Route("/{slug}/report.{kind}", guarded(self.report)),
            Route("/{slug}/export/{kind}", guarded(self.export)),
            Route("/{slug}/participants/{label}", guarded(self.participant), methods=["GET", "POST"]),
            Route("/{rest:path}", guarded(self.nothing)),
        ]

    # --- Wrappers -------------------------------------------------------------------------------------------------

    def _spoken(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint whose failures are a page of one sentence."""

        async def spoken(request: Request) -> Response:
            try:
                return await endpoint(request)
            except UnknownStudyError:
                return _sentence(request, "nothing_title", "nothing_text", 404)
            except NotClosedError:
                return _sentence(request, "failed_title", "not_closed", 403)
            except FormError as error:
                return _sentence(request, "failed_title", error.word, 403)
            except LassError as error:
                log.error("A page of the results failed: %s", error)
                return _sentence(request, "failed_title", str(error), 503)

        return spoken

    def _guarded(self, endpoint: SignedIn) -> Endpoint:
        """An endpoint for those who gave the password; a form must come from our own page as well."""

        async def guarded(request: Request) -> Response:
            visit = self._access.visit(request.cookies.get(COOKIE))
            frame = _frame(request, visit)
            if visit is None:
                slug = _slug(request.path_params.get("slug", ""))
                return RedirectResponse(frame.at("login", **({"study": slug} if slug else {})), 303, headers=_NO_STORE)
            if request.method == "POST":
                await self._check_form(request, visit)
            return await endpoint(request, frame)

        return self._spoken(guarded)

    async def _check_form(self, request: Request, visit: Visit) -> None:
        form = await read_form(request)
        if not hmac.compare_digest(form.get("form", "").encode(), visit.form.encode()):
            raise FormError("form_old")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    # --- Signing in and out ---------------------------------------------------------------------------------------

    async def login(self, request: Request) -> Response:
        """The form, and what it sends."""
        frame = _frame(request)
        if request.method == "GET":
            return _html(pages.login_page(frame, _slug(request.query_params.get("study", ""))))
        form = await read_form(request)
        slug = _slug(form.get("study", ""))
        try:
            cookie = self._access.enter(form.get("password", ""), sender_of(request))
        except TooManyAttemptsError as error:
            page = _html(pages.login_page(frame, slug, frame.say("login_wait", wait=_wait(frame, error.seconds))), 429)
            page.headers["Retry-After"] = str(error.seconds)
            return page
        if cookie is None:
            return _html(pages.login_page(frame, slug, frame.say("login_wrong")), 401)
        answer = RedirectResponse(frame.at(slug), 303, headers=_NO_STORE)
        answer.set_cookie(
            COOKIE, cookie, max_age=LIFETIME, path=frame.base, secure=_scheme(request) == "https", httponly=True,
            samesite="strict",
        )  # fmt: skip
        return answer

    async def logout(self, request: Request, frame: pages.Frame) -> Response:
        """The cookie ends."""
        if frame.visit is not None:
            self._access.leave(frame.visit)
        answer = RedirectResponse(frame.at("login"), 303, headers=_NO_STORE)
        answer.delete_cookie(COOKIE, path=frame.base, httponly=True, samesite="strict")
        return answer

    # --- Pages ----------------------------------------------------------------------------------------------------

    async def list(self, request: Request, frame: pages.Frame) -> Response:
        """The studies, and how the store is."""

        def work() -> Html:
            now, lines = self._studies.clock(), []
            for one in self._studies.all():
                study, sessions = one.study, self._store.sessions(one.study.slug)
                answers = _answers(self._store, study.slug)
                title = study.title.in_language(own_language(study, frame.language))
                lines.append(
                    pages.Line(
                        study.slug, title, state_of(study, now), study.opens, study.closes, len(sessions),
                        sum(session.finished is not None for session in sessions), len(answers),
                    )
                )  # fmt: skip
            return pages.list_page(frame, lines, self._store.healthy(), self._store.status())

        return _html(await self._in_thread(work))

    async def study(self, request: Request, frame: pages.Frame) -> Response:
        """One study."""
        root = (self._public_url or f"{_scheme(request)}://{request.url.netloc}{frame.base.removesuffix(PREFIX)}")
        slug = request.path_params["slug"]
        address = f"{root.rstrip('/')}{PARTICIPANTS}/{slug}"

        def work() -> Html:
            analysis = self._analysis(slug, frame.language)
            answers = Counter(session for session, _, _ in _answers(self._store, slug))
            sessions = [
                (self._access.label(session.token), session, answers[session.token])
                for session in self._store.sessions(slug)
            ]

            def picture(question: QuestionResults, number: int) -> str | None:
                name = self._keep(figures.pictures(question, frame.language)[number])
                return f"{frame.base}/pictures/{name}.svg" if name else None

            return pages.study_page(frame, analysis, sessions, picture, address)

        return _html(await self._in_thread(work))

    async def picture(self, request: Request, frame: pages.Frame) -> Response:
        """A picture that a page of this process showed."""
        with self._lock:
            content = self._pictures.get(request.path_params["name"])
        if content is None:
            raise UnknownStudyError
        return Response(content, media_type="image/svg+xml", headers={"Cache-Control": "private, max-age=3600"})

    async def nothing(self, request: Request, frame: pages.Frame) -> Response:
        """Whatever else somebody asks for."""
        raise UnknownStudyError

    # --- Files ----------------------------------------------------------------------------------------------------

    async def report(self, request: Request, frame: pages.Frame) -> Response:
        """The report of a closed study as a file."""
        slug, kind = request.path_params["slug"], request.path_params["kind"]
        if kind not in ("html", "json"):
            raise UnknownStudyError

        def work() -> str:
            self._require_closed(slug)
            analysis = self._analysis(slug, frame.language)
            return report.document(analysis) if kind == "html" else report.numbers(analysis)

        media = "text/html" if kind == "html" else "application/json"
        return _download(await self._in_thread(work), media, f"{slug}-report.{kind}")

    async def export(self, request: Request, frame: pages.Frame) -> Response:
        """The ratings of a closed study as a file."""
        slug, kind = request.path_params["slug"], request.path_params["kind"]
        if kind not in FORMATS:
            raise UnknownStudyError
        _, ending, media = FORMATS[kind]

        def work() -> bytes:
            self._require_closed(slug)
            one = self._studies.get(slug)
            return exported(self._store, one.study, one.manifest, kind)

        return _download(await self._in_thread(work), media, f"{slug}{ending}")

    # --- Closing --------------------------------------------------------------------------------------------------

    async def close(self, request: Request, frame: pages.Frame) -> Response:
        """Asks before a study is closed for good, and closes it."""
        slug = request.path_params["slug"]
        if request.method == "GET":
            analysis = await self._in_thread(lambda: self._analysis(slug, frame.language))
            return _html(pages.closing_page(frame, analysis))
        await self._in_thread(lambda: self._studies.close(slug))
        log.info("The organiser closed %s.", slug)
        return RedirectResponse(frame.at(slug), 303, headers=_NO_STORE)

    # --- Deletion -------------------------------------------------------------------------------------------------

    async def participant(self, request: Request, frame: pages.Frame) -> Response:
        """Asks before one participant's data are deleted, and deletes them."""
        slug, label = request.path_params["slug"], request.path_params["label"]

        def find() -> tuple[SessionRecord, int]:
            self._studies.get(slug)
            for session in self._store.sessions(slug):
                if self._access.label(session.token) == label:
                    return session, len(self._store.latest(session.token))
            raise UnknownStudyError

        session, answers = await self._in_thread(find)
        if request.method == "GET":
            return _html(pages.deletion_page(frame, slug, label, session, answers))
        await self._in_thread(lambda: self._store.delete(session.token))
        log.info("The organiser deleted one participant of %s.", slug)
        return RedirectResponse(frame.at(slug), 303, headers=_NO_STORE)

    # --- What they share ------------------------------------------------------------------------------------------

    def _analysis(self, slug: str, language: str) -> Analysis:
        return analyse(self._store, self._studies.get(slug), self._studies.clock(), language)

    def _require_closed(self, slug: str) -> None:
        require_closed(self._studies.get(slug).study, self._studies.clock())

    def _keep(self, picture: str | None) -> str | None:
        """Remember a picture for the request that follows its page; returns its name."""
        if picture is None:
            return None
        name = hashlib.sha256(picture.encode()).hexdigest()[:32]
        with self._lock:
            self._pictures[name] = picture
            self._pictures.move_to_end(name)
            while len(self._pictures) > MOST_PICTURES:
                self._pictures.popitem(last=False)
        return name


def _answers(store: Store, slug: str) -> set[tuple[str, int, str]]:
    """Session, trial and question of every answer, however often it was changed."""
    return {(rating.session, rating.trial, rating.question) for rating in store.ratings(slug)}


def _sentence(request: Request, title: str, text: str, status: int) -> Response:
    """A page of one sentence: title and text by their keys; an error's own sentence is no key, and said as it is."""
    frame = _frame(request)
    return _html(pages.sentence_page(frame, frame.say(title), frame.say(text)), status)


def _frame(request: Request, visit: Visit | None = None) -> pages.Frame:
    """Where a page lies, and its language: that of the address, or else what the browser likes best."""
    base = str(request.scope.get("root_path", ""))
    wanted = request.query_params.get("lang", "")
    chosen = wanted in languages()
    language = wanted if chosen else preferred(request.headers.get("accept-language", ""), (FALLBACK, *languages()))
    here = str(request.scope["path"]).removeprefix(base).lstrip("/")
    return pages.Frame(base, quote(here), language, chosen, visit)


def _wait(frame: pages.Frame, seconds: int) -> str:
    return frame.say("seconds", count=seconds) if seconds < 60 else frame.say("minutes", count=-(-seconds // 60))


def _html(content: Html, status: int = 200) -> Response:
    return HTMLResponse(str(content), status, headers=_NO_STORE)


def _download(content: str | bytes, media: str, name: str) -> Response:
    headers = {**_NO_STORE, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media, headers=headers)


async def _asset_file(request: Request) -> Response:
    """A style sheet or the icon; the sign-in page needs them too."""
    name = request.path_params["name"]
    if name not in _ASSETS:
        return Response(status_code=404)
    return Response(_asset(name), media_type=_TYPES[Path(name).suffix], headers={"Cache-Control": "no-cache"})


@cache
def _asset(name: str) -> bytes:
    return _ASSETS[name].read_bytes()


def _scheme(request: Request) -> str:
    return request.headers.get("x-forwarded-proto", request.url.scheme).partition(",")[0].strip()


def _is_slug(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and text.replace("-", "").isalnum() and text == text.lower()


def _slug(text: str) -> str:
    return text if _is_slug(text) else ""


__all__ = ["organiser_routes"]
