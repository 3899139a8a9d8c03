"""The organiser's pages in a browser: sign in by keyboard, progress, the report, a deletion."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from starlette.applications import Starlette

from lass.listening.ratings.store import Store
from lass.listening.studies import Studies
from lass.listening.web.organiser import organiser_routes
from tests.browser.conftest import OpenPage
from tests.browser.server import free_port
from tests.browser.test_separate import drawn_width
from tests.listening.rated import AFTERWARDS, WHILE_OPEN, fill, golden_study

PASSWORD = "a password of the organiser"
PATIENCE = 60_000  # milliseconds; a busy machine draws its first picture slowly
SMALLEST = {"width": 360, "height": 740}
MODERATE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@dataclass
class Results:
    """A running server of the organiser's pages, and the clock that tells it whether the study is open."""

    url: str
    now: float = AFTERWARDS


@contextlib.contextmanager
def serving_results(folder: Path) -> Iterator[Results]:
    """The golden study and its ratings, behind `PASSWORD`, on loopback."""
    study, manifest = golden_study(folder / "build")
    (folder / "studies").mkdir()
    (folder / "build" / "demo").rename(folder / "studies" / "demo")
    results = Results(f"http://127.0.0.1:{free_port()}/results/")
    with Store.open(None, folder / "data", clock=lambda: 1_767_800_000.0) as store:
        fill(store, study, manifest)
        studies = Studies(folder / "studies", store, lambda: results.now)
        app = Starlette(routes=organiser_routes(studies, PASSWORD))
        port = int(results.url.split(":")[2].split("/")[0])
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        try:
            yield results
        finally:
            server.should_exit = True
            thread.join(30)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    with serving_results(tmp_path_factory.mktemp("results")) as results:
        yield results


@pytest.fixture
def results(running: Results) -> Results:
    running.now = AFTERWARDS
    return running


def sign_in(page: Page, results: Results) -> None:
    """By keyboard alone: the field has the focus when the page opens."""
    page.goto(results.url)
    expect(page.get_by_label("Password")).to_be_focused(timeout=PATIENCE)
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Listening tests")).to_be_visible(timeout=PATIENCE)


def fits(page: Page) -> bool:
    """Whether the page itself does not scroll sideways; wide tables do so in their own frames."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def complaints(page: Page) -> list[str]:
    """What is wrong for people who use a screen reader, a keyboard, or see little contrast."""
    found = Axe().run(page, options=MODERATE).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


def pictures_are_there(page: Page) -> bool:
    """Scrolls to every picture and says whether all were drawn."""
    pictures = page.locator("figure img").all()
    for picture in pictures:
        picture.scroll_into_view_if_needed()
    return all(drawn_width(picture) > 0 for picture in pictures)


def test_an_open_study_hides_its_means(open_page: OpenPage, results: Results, console_errors: list[str]) -> None:
    page = open_page("phone")
    page.set_viewport_size(SMALLEST)
    results.now = WHILE_OPEN
    sign_in(page, results)
    page.get_by_role("link", name="A small test").click()
    expect(page.get_by_role("heading", name="Invite participants")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("img", name="QR code")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("table", name="Samples: votes")).to_be_visible(timeout=PATIENCE)
    assert "Average rating" not in page.content()
    assert page.locator("figure").count() == 0
    assert fits(page)
    assert complaints(page) == []
    assert console_errors == []


@pytest.mark.parametrize(("width", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_a_closed_study_shows_its_report(
    open_page: OpenPage, results: Results, console_errors: list[str], width: str, scheme: str
) -> None:
    page = open_page(width)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    if width == "phone":
        page.set_viewport_size(SMALLEST)
    sign_in(page, results)
    assert complaints(page) == []
    page.get_by_role("link", name="A small test").click()
    table = page.get_by_role("table", name="Samples", exact=True)
    row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name="item2")).first
    expect(row).to_contain_text("3, 4")
    expect(page.get_by_role("table", name="Systems, over the means of their raters")).to_contain_text("3.89")
    assert pictures_are_there(page)
    assert fits(page)
    assert complaints(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Report (HTML").click()
    assert download.value.suggested_filename == "demo-report.html"
    assert console_errors == []  # the policy of the pages blocks nothing that they need


def test_the_pages_in_french(open_page: OpenPage, results: Results, console_errors: list[str]) -> None:
    page = open_page("phone")
    page.set_viewport_size(SMALLEST)
    sign_in(page, results)
    page.get_by_role("link", name="Français").click()
    expect(page.get_by_role("heading", name="Tests d’écoute")).to_be_visible(timeout=PATIENCE)
    assert fits(page)
    assert complaints(page) == []
    page.get_by_role("link", name="Un petit test").click()
    expect(page.get_by_role("table", name="Systèmes, sur les moyennes")).to_contain_text("3.89", timeout=PATIENCE)
    assert pictures_are_there(page)
    assert fits(page)
    assert complaints(page) == []
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="A small test")).to_be_visible(timeout=PATIENCE)
    assert console_errors == []


def test_the_downloaded_report_stands_by_itself(open_page: OpenPage, results: Results, tmp_path: Path) -> None:
    page = open_page("desktop")
    sign_in(page, results)
    page.get_by_role("link", name="A small test").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Report (HTML").click()
    file = tmp_path / "report.html"
    download.value.save_as(file)
    page.goto(file.as_uri())
    assert pictures_are_there(page)
    assert complaints(page) == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(250, 249, 247)"


def test_a_wrong_password_and_signing_out(open_page: OpenPage, results: Results) -> None:
    page = open_page("phone")
    page.goto(f"{results.url}demo")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Show the results").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the password.", timeout=PATIENCE)
    assert complaints(page) == []
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    # The study that was asked for.
    expect(page.get_by_role("heading", name="A small test")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{results.url}demo")
    expect(page.get_by_label("Password")).to_be_visible(timeout=PATIENCE)


def test_one_participant_is_deleted(open_page: OpenPage, results: Results) -> None:
    page = open_page("desktop")
    sign_in(page, results)
    page.get_by_role("link", name="A small test").click()
    page.get_by_role("link", name="Delete Participant 6").click()
    expect(page.get_by_role("heading", name="Delete Participant 6?")).to_be_visible(timeout=PATIENCE)
    assert complaints(page) == []
    page.get_by_role("button", name="for good").click()
    expect(page.get_by_text("36 ratings by 5 raters")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("link", name="Delete Participant 6")).to_have_count(0)
