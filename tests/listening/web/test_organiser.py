"""The organiser's pages: who gets in, what an open study hides, what a closed one shows, what a deletion leaves."""

import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from lass.listening.ratings.store import Store
from lass.listening.studies import Studies
from lass.listening.web.access import LIFETIME, Access, Attempts, TooManyAttemptsError
from lass.listening.web.organiser import COOKIE, organiser_routes
from lass.listening.web.organiser_pages import qr_code
from tests.listening.rated import AFTERWARDS, WHILE_OPEN, fill, golden_study
from tests.listening.small import edited

PASSWORD = "correct horse, battery & stäple"


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the golden study in `studies` and its ratings in `data`, made once."""
    folder = tmp_path_factory.mktemp("organiser")
    study, manifest = golden_study(folder / "build")
    (folder / "studies").mkdir()
    (folder / "build" / "demo").rename(folder / "studies" / "demo")
    with Store.open(None, folder / "data", clock=lambda: 1_767_800_000.0) as store:
        fill(store, study, manifest)
    return folder


@pytest.fixture
def clock() -> Clock:
    return Clock(AFTERWARDS)


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(filled, tmp_path / "copy"))


@pytest.fixture
def studies(folder: Path, clock: Clock) -> Iterator[Studies]:
    with Store.open(None, folder / "data", clock=lambda: 1_767_800_000.0) as store:
        yield Studies(folder / "studies", store, clock)


@pytest.fixture
def visitor(studies: Studies) -> TestClient:
    """A browser that has not signed in."""
    return browser(studies)


@pytest.fixture
def organiser(visitor: TestClient) -> TestClient:
    """A browser that has signed in."""
    assert sign_in(visitor).status_code == 303
    return visitor


def browser(studies: Studies, password: str | None = PASSWORD) -> TestClient:
    return TestClient(Starlette(routes=organiser_routes(studies, password)), follow_redirects=False)


def sign_in(client: TestClient, password: str = PASSWORD, **headers: str) -> Any:
    return client.post("/results/login", data={"password": password, "study": ""}, headers=headers)


def form_of(page: str) -> str:
    """The secret of the forms of a page."""
    found = re.search(r'name="form" value="([0-9a-f]+)"', page)
    assert found
    return found.group(1)


# --- Who gets in


@pytest.mark.parametrize("password", [None, ""])
@pytest.mark.parametrize("path", ["/results/", "/results/login", "/results/demo", "/results/demo/report.html"])
def test_without_a_password_everything_is_off(studies: Studies, password: str | None, path: str) -> None:
    answer = browser(studies, password).get(path)
    assert answer.status_code == 404
    assert "Set the variable LASS_ADMIN_PASSWORD" in answer.text
    assert browser(studies, password).post(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/results/", "/results/demo", "/results/demo/report.json", "/results/demo/export/csv",
     "/results/demo/participants/x", "/results/pictures/x.svg", "/results/nothing"],
)  # fmt: skip
def test_nobody_sees_anything_before_signing_in(visitor: TestClient, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/results/login")
    assert answer.text == ""


def test_the_right_password_opens_the_pages(visitor: TestClient) -> None:
    assert "A small test" not in visitor.get("/results/login").text
    answer = visitor.post("/results/login", data={"password": PASSWORD, "study": "demo"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/results/demo")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert f"max-age={LIFETIME}" in cookie
    assert "path=/results" in cookie
    assert "secure" not in cookie
    listing = visitor.get("/results/")
    assert "A small test" in listing.text
    assert "Everything is saved" in listing.text


def test_behind_a_proxy_with_https_the_cookie_is_secure(visitor: TestClient) -> None:
    assert "secure" in sign_in(visitor, **{"x-forwarded-proto": "https"}).headers["set-cookie"].lower()


def test_a_wrong_password_is_told_and_never_shown(visitor: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = sign_in(visitor, "wrong-guess-1")
    assert answer.status_code == 401
    assert "That is not the password." in answer.text
    assert "set-cookie" not in answer.headers
    sign_in(visitor)
    seen = answer.text + visitor.get("/results/").text + visitor.get("/results/demo").text + caplog.text
    assert "wrong-guess-1" not in seen
    assert PASSWORD not in unescape(seen)


def test_guessing_takes_longer_and_longer(visitor: TestClient, clock: Clock) -> None:
    statuses = [sign_in(visitor, f"guess {number}").status_code for number in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    refused = sign_in(visitor)
    assert refused.status_code == 429  # not even the right one is looked at
    assert int(refused.headers["retry-after"]) >= 1
    assert "too many wrong passwords" in refused.text
    clock.now += 1000
    assert sign_in(visitor).status_code == 303


def test_a_form_from_elsewhere_is_refused(visitor: TestClient) -> None:
    assert sign_in(visitor, origin="https://evil.example").status_code == 403
    assert sign_in(visitor, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert visitor.post("/results/login", json={"password": PASSWORD}).status_code == 403
    assert visitor.post("/results/login", data={"password": "x" * 5_000}).status_code == 403


def test_a_cookie_that_is_forged_old_or_signed_out_opens_nothing(organiser: TestClient, clock: Clock) -> None:
    cookie = organiser.cookies[COOKIE]
    expires, name, signature = cookie.split(".")
    later, unsigned = f"{int(expires) + 9}.{name}.{signature}", f"{expires}.{name}.{'0' * 64}"
    for forged in (later, unsigned, "a.b.c", "..", "ü", "x" * 999, "", None):
        assert Access(PASSWORD).visit(forged) is None
    page = organiser.get("/results/")
    assert organiser.post("/results/logout", data={"form": form_of(page.text)}).status_code == 303
    organiser.cookies.set(COOKIE, cookie)  # a copy that somebody kept
    assert organiser.get("/results/").status_code == 303
    organiser.cookies.clear()
    sign_in(organiser)
    assert organiser.get("/results/").status_code == 200
    clock.now += LIFETIME
    assert organiser.get("/results/").status_code == 303


def test_a_cookie_of_another_process_opens_nothing() -> None:
    cookie = Access(PASSWORD).enter(PASSWORD, "here")
    assert cookie is not None
    assert Access(PASSWORD).visit(cookie) is None


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    clock = Clock(1e9)
    attempts = Attempts(clock)
    for _ in range(Attempts.FREE):
        attempts.begin("the organiser")
    with pytest.raises(TooManyAttemptsError):
        attempts.begin("the organiser")
    clock.now -= 24 * 3600
    attempts.begin("the organiser")
    with pytest.raises(TooManyAttemptsError):
        attempts.begin("the organiser")


def test_whoever_guesses_elsewhere_makes_the_organiser_wait_for_nothing(studies: Studies, clock: Clock) -> None:
    """Wrong passwords without end from thirty addresses: each waits longer and longer, and nobody else does."""
    application = Starlette(routes=organiser_routes(studies, PASSWORD))
    attackers = [TestClient(application, client=(f"192.0.2.{number}", 5)) for number in range(30)]
    looked_at = []
    for _ in range(6):
        looked_at.append(sum(sign_in(attacker, "guess").status_code == 401 for attacker in attackers))
        clock.now += 1
    assert looked_at == [30, 30, 30, 30, 0, 30]
    assert {sign_in(attacker).status_code for attacker in attackers} == {429}
    organiser = TestClient(application, client=("198.51.100.1", 5), follow_redirects=False)
    assert sign_in(organiser, "a slip").status_code == 401
    assert sign_in(organiser).status_code == 303


def test_attempts_from_everywhere_wait_for_seconds(clock: Clock) -> None:
    attempts = Attempts(clock)
    for number in range(Attempts.IN_ALL.burst):
        attempts.begin(f"sender {number}")
    for _ in range(5):  # waiting makes nobody's wait longer
        with pytest.raises(TooManyAttemptsError) as refused:
            attempts.begin("the organiser")
        assert refused.value.seconds == 1
    clock.now += 1
    attempts.begin("the organiser")


def test_every_answer_has_the_security_headers(organiser: TestClient) -> None:
    for path in ("/results/", "/results/demo", "/results/demo/report.html", "/results/assets/report.css"):
        answer = organiser.get(path)
        assert answer.status_code == 200
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        if "assets" not in path:
            assert answer.headers["cache-control"] == "no-store"
            assert " style=" not in answer.text.partition("<main")[2]  # the policy would block it


# --- What there is to see


def test_studies_of_one_title_are_told_apart_in_the_list(organiser: TestClient, studies: Studies) -> None:
    shutil.copytree(studies.folder / "demo", studies.folder / "demo-again")
    edited(studies.folder / "demo-again" / "study.yaml", opens=None, closes=None)
    rows = re.findall(r"<tr>.*?</tr>", unescape(organiser.get("/results/").text))
    first, again = (re.sub(r"<[^>]+>", "|", row) for row in rows[1:3])
    for row, slug in ((first, "demo"), (again, "demo-again")):
        assert "A small test" in row
        assert f"|{slug}|" in row
    assert "|2026-01-01, 00:00 UTC||2026-02-01, 00:00 UTC||6||5||50|" in first
    assert "|open||–||–||0||0||0|" in again
    assert organiser.get("/results/demo-again").status_code == 200


def test_an_open_study_shows_progress_and_no_mean(organiser: TestClient, clock: Clock) -> None:
    clock.now = WHILE_OPEN
    assert sign_in(organiser).status_code == 303
    text = unescape(organiser.get("/results/demo").text)
    assert "Open until 2026-02-01" in text
    assert "Width of the 95 % interval" in text
    assert "means are hidden" in text
    for secret in ("Average rating", ">Most frequent rating<", "3.89", "3.50", "<figure"):
        assert secret not in text
    assert 'href="http://testserver/listen/demo"' in text
    assert "<svg" in text
    for path in ("report.html", "report.json", "export/csv"):
        refused = organiser.get(f"/results/demo/{path}")
        assert refused.status_code == 403
        assert "not closed yet" in refused.text


def test_a_closed_study_shows_exactly_its_ratings(organiser: TestClient) -> None:
    text = unescape(organiser.get("/results/demo").text)
    assert "Closed on 2026-02-01" in text
    for number in ("3.89", "3.07 to 4.71", "Participant 6", "not directly comparable"):
        assert number in text
    pictures = re.findall(r'<img src="([^"]+)"', text)
    assert len(pictures) == 2
    for picture in pictures:
        answer = organiser.get(picture)
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.text.startswith("<?xml")


def test_the_questionnaire_is_shown_when_the_study_is_closed(
    organiser: TestClient, studies: Studies, clock: Clock
) -> None:
    edited(studies.folder / "demo" / "study.yaml", questionnaire=[{"key": "age", "label": "Your age"}])
    for session in studies.store.sessions("demo"):
        studies.store.update(session.token, answers={"age": f"<b>{session.place + 20}"})
    assert "Your age" in organiser.get("/results/demo").text
    assert "&lt;b&gt;25" in organiser.get("/results/demo").text
    clock.now = WHILE_OPEN
    sign_in(organiser)
    assert "Your age" not in organiser.get("/results/demo").text


FRENCH = {"accept-language": "fr-CA,fr;q=0.9,en;q=0.5"}


def test_the_pages_speak_the_language_of_the_browser(visitor: TestClient, clock: Clock) -> None:
    visitor.headers.update(FRENCH)
    page = visitor.get("/results/login").text
    assert '<html lang="fr">' in page
    assert "Mot de passe" in page
    assert "Ce n’est pas le mot de passe." in sign_in(visitor, "wrong").text
    sign_in(visitor)
    shown = [visitor.get("/results/").text, visitor.get("/results/demo").text]
    clock.now = WHILE_OPEN
    sign_in(visitor)
    shown += [visitor.get(f"/results/{path}").text for path in ("demo", "demo/close", "nothing/at/all")]
    shown.append(visitor.get(re.findall(r'href="(/results/demo/participants/[0-9a-f]+)"', shown[2])[0]).text)
    for text in map(unescape, shown):
        assert '<html lang="fr">' in text
        said = re.sub(r"<[^>]+>", "|", text)
        for word in ("Results", "Sign out", "Raters", "Study", "Delete", "studies", "Answers", "passed", "desktop|"):
            assert word not in said, word
    assert "Un petit test" in shown[1]
    refused = visitor.get("/results/demo/export/csv")
    assert refused.status_code == 403
    assert "pas encore fermée" in refused.text


def test_the_language_of_the_address_goes_along_with_every_link(organiser: TestClient) -> None:
    organiser.headers.update(FRENCH)
    page = organiser.get("/results/demo?lang=en").text
    assert '<html lang="en">' in page
    links = re.findall(r'(?:href|action)="(/results/[^"]*)"', page)
    others = [link for link in links if "/assets/" not in link]
    assert "/results/demo?lang=fr" in others
    assert all(link.endswith("lang=en") for link in others if link != "/results/demo?lang=fr")
    assert "<html lang=\"en\">" in organiser.get("/results/demo/report.html?lang=en").text
    assert "<html lang=\"fr\">" in organiser.get("/results/demo/report.html").text
    for hostile in ("xx", "../../en", '"><script>', ""):
        assert '<html lang="fr">' in organiser.get("/results/", params={"lang": hostile}).text
    left = organiser.post("/results/logout?lang=en", data={"form": form_of(page)})
    assert left.headers["location"] == "/results/login?lang=en"
    assert organiser.get("/results/demo?lang=en").headers["location"] == "/results/login?study=demo&lang=en"
    login = unescape(organiser.get("/results/login?study=demo&lang=en").text)
    assert 'href="/results/login?study=demo&lang=fr"' in login
    answer = organiser.post("/results/login?lang=en", data={"password": PASSWORD, "study": "demo"})
    assert answer.headers["location"] == "/results/demo?lang=en"


def test_the_tokens_of_participants_are_on_no_page(organiser: TestClient, studies: Studies) -> None:
    pages = "".join(organiser.get(path).text for path in ("/results/", "/results/demo", "/results/demo/report.json"))
    for session in studies.store.sessions("demo"):
        assert session.token not in pages


def test_the_downloads_are_whole(organiser: TestClient) -> None:
    report = organiser.get("/results/demo/report.html")
    assert report.headers["content-disposition"] == 'attachment; filename="demo-report.html"'
    assert "data:image/svg+xml;base64," in report.text
    assert json.loads(organiser.get("/results/demo/report.json").text)["counts"]["counted"] == 43
    table = organiser.get("/results/demo/export/csv")
    assert table.headers["content-disposition"] == 'attachment; filename="demo.csv"'
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(table.text.strip().splitlines()) == 1 + 50
    for kind in ("jsonl", "webmushra"):
        assert organiser.get(f"/results/demo/export/{kind}").status_code == 200
    for nothing in ("/results/demo/export/exe", "/results/demo/report.pdf", "/results/other", "/results/demo/x/y"):
        assert organiser.get(nothing).status_code == 404


def test_one_participant_is_deleted_after_a_question(organiser: TestClient, studies: Studies) -> None:
    page = organiser.get("/results/demo").text
    links = re.findall(r'href="(/results/demo/participants/[0-9a-f]+)"', page)
    assert len(links) == 6
    question = organiser.get(links[5])
    assert "Delete Participant 6?" in question.text
    assert "8 answers" in question.text
    assert len(studies.store.sessions("demo")) == 6  # asking deletes nothing
    for form in ({}, {"form": "0" * 64}, {"form": ""}):
        assert organiser.post(links[5], data=form or {"x": "y"}).status_code == 403
    assert len(studies.store.sessions("demo")) == 6
    assert organiser.post(links[5], data={"form": form_of(question.text)}).status_code == 303
    assert [session.place for session in studies.store.sessions("demo")] == [0, 1, 2, 3, 4]
    after = unescape(organiser.get("/results/demo").text)
    assert "36 ratings by 5 raters" in after
    assert organiser.get(links[5]).status_code == 404


def test_an_open_study_is_closed_by_hand_after_a_question_and_shows_its_results(
    organiser: TestClient, studies: Studies, clock: Clock
) -> None:
    clock.now = WHILE_OPEN
    sign_in(organiser)
    assert 'href="/results/demo/close"' in organiser.get("/results/demo").text
    question = organiser.get("/results/demo/close")
    assert "Close “" in unescape(question.text)
    assert organiser.post("/results/demo/close", data={"x": "y"}).status_code == 403
    assert studies.get("demo").study.is_open(clock.now)  # asking closes nothing, nor does a form from elsewhere
    assert organiser.post("/results/demo/close", data={"form": form_of(question.text)}).status_code == 303
    assert not studies.get("demo").study.is_open(clock.now)
    assert "Average rating" in organiser.get("/results/demo").text
    assert organiser.get("/results/demo/report.json").status_code == 200
    sessions = studies.store.sessions("demo")
    assert {session.study_sha256 for session in sessions} == {studies.get("demo").study.sha256}


def test_below_another_path_every_link_follows(studies: Studies) -> None:
    application = Starlette(routes=[Mount("/spaces/demo", routes=organiser_routes(studies, PASSWORD))])
    client = TestClient(application, follow_redirects=False)
    answer = client.post("/spaces/demo/results/login", data={"password": PASSWORD})
    assert answer.headers["location"] == "/spaces/demo/results/"
    page = client.get("/spaces/demo/results/demo")
    assert page.status_code == 200
    assert set(re.findall(r'(?:href|src|action)="(/[^/]*)', page.text)) == {"/spaces"}


def test_titles_cannot_bring_markup_along(studies: Studies, organiser: TestClient) -> None:
    file = studies.folder / "demo" / "study.yaml"
    before = file.read_text(encoding="utf-8")
    assert "A small test" in before
    file.write_text(before.replace("A small test", "<script>alert(1)</script>"), encoding="utf-8")
    for path in ("/results/", "/results/demo", "/results/demo/report.html"):
        text = organiser.get(path).text
        assert "<script" not in text
        assert "&lt;script&gt;alert(1)" in text


def test_the_qr_code_has_no_style_that_the_policy_blocks() -> None:
    code = qr_code("https://example.org/listen/demo?x=<&>", "a <name>")
    assert 'aria-label="a &lt;name&gt;"' in code
    assert code.startswith("<svg ")
    assert "style" not in code
    assert "xlink" not in code
