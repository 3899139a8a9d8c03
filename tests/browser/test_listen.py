"""A whole listening test in a real browser: by mouse, by keyboard alone, on a phone; and what goes wrong on the way."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from lass.listening.ratings.places import AWAY
from lass.listening.ratings.store import Store
from tests.browser.widths import fits
from tests.listening.participants import lasting_study
from tests.listening.serving import Listening, listening

OpenPage = Callable[[str], Page]

SECONDS = 1.0
NARROW = {"width": 360, "height": 740}
FOCUSED = """() => {
    const here = document.activeElement;
    return here.getAttribute("aria-label") || here.innerText || here.labels?.[0]?.innerText || "";
}"""
SERIOUS = ("serious", "critical")
FIELDS = [
    {"key": "with", "label": "What did you listen with?", "kind": "choice", "choices": ["Headphones", "Loudspeakers"],
     "required": True},
    {"key": "age", "label": "Your age", "kind": "number"},
    {"key": "remarks", "label": "Remarks", "kind": "text"},
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("listen")
    lasting_study(
        home / "whole", SECONDS, items=2, conditions=["a"], consent="Do you agree?", headphone_check=True,
        scale="rel-ovl", questionnaire=FIELDS, completion_code="CODE-77", return_url="https://example.org/back",
    )  # fmt: skip
    lasting_study(home / "short", SECONDS, items=2, conditions=["a"], practice=0)
    lasting_study(home / "later", SECONDS, items=1, conditions=["a"], practice=0, opens="2090-01-01")
    (home / "studies").mkdir()
    for name in ("whole", "short", "later"):
        (home / name / "demo").rename(home / "studies" / name)
    return home / "studies"


@pytest.fixture
def running(folder: Path, tmp_path: Path) -> Iterator[Listening]:
    with Store.open(None, tmp_path / "store") as store, listening(folder, store) as server:
        yield server


def check(page: Page) -> None:
    """Nothing that keeps somebody out, and nothing to scroll sideways for."""
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in SERIOUS]
    assert not found, [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
    assert fits(page)


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(text), timeout=15_000)


def heard(page: Page) -> None:
    """Listens to both sounds to their ends, by mouse."""
    for name in ("Original mix", "Separated sound"):
        card = page.locator(".player", has_text=name)
        for _ in range(5):
            if card.evaluate("card => card.classList.contains('heard')"):
                break
            card.get_by_role("button", name="Play").click()
            page.wait_for_timeout(SECONDS * 1000 + 300)
        expect(card).to_have_class(re.compile("heard"))


def answers(running: Listening, slug: str) -> list[tuple[int, str, int]]:
    newest = {(one.session, one.trial, one.question): one.score for one in running.store.ratings(slug)}
    return sorted((trial, question, score) for (_, trial, question), score in newest.items())


def to_volume(page: Page, running: Listening, slug: str) -> None:
    page.goto(f"{running.url}{slug}")
    page.get_by_role("button", name="Let’s begin").click()
    if slug == "whole":
        heading(page, "Before we begin")
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Continue").click()
    heading(page, "Set your volume")


def to_trials(page: Page, running: Listening, slug: str = "short") -> None:
    to_volume(page, running, slug)
    page.get_by_role("button", name="Play the sound").click()
    page.get_by_role("button", name="I hear it well").and_(page.locator(":not([aria-disabled])")).click(timeout=10_000)
    if slug == "whole":
        page.get_by_role("button", name="I have no headphones").click()
    heading(page, "1 of")


@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_whole_study_with_a_pointer(
    page: Page, width: str, running: Listening, console_errors: list[str]
) -> None:
    if width == "phone":
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.goto(f"{running.url}whole")
    heading(page, "A small test")
    check(page)
    page.get_by_role("button", name="Let’s begin").click()
    heading(page, "Before we begin")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("please tick the box").first).to_be_visible()
    check(page)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Continue").click()
    heading(page, "volume")
    check(page)
    page.get_by_role("button", name="Play the sound").click()
    page.get_by_role("button", name="I hear it well").and_(page.locator(":not([aria-disabled])")).click(timeout=10_000)
    heading(page, "headphone check")
    check(page)
    page.get_by_role("button", name="I have no headphones").click()
    expected = []
    for trial in range(3):
        heading(page, "Practice 1 of 1" if trial == 0 else f"Sample {trial} of 2")
        if trial < 2:
            check(page)
        heard(page)
        for question, score in (("rel", 1 + trial), ("ovl", 5 - trial)):
            page.locator(f'label[for="{question}-{score}"]').click()
            expected.append((trial, question, score))
        if trial == 1:
            check(page)
        page.get_by_role("button", name="Next").or_(page.get_by_role("button", name="Finish")).click()
    heading(page, "Almost done")
    check(page)
    page.get_by_role("button", name="Back").click()
    heading(page, "Sample 2 of 2")
    page.locator('label[for="ovl-1"]').click()
    expected[-1] = (2, "ovl", 1)
    page.get_by_role("button", name="Next").click()
    heading(page, "Almost done")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#field-with-missing")).to_be_visible()
    page.get_by_label("Headphones").check()
    page.get_by_label("Your age").fill("41,5")
    page.get_by_role("button", name="Send").click()
    heading(page, "Thank you")
    expect(page.get_by_text("CODE-77")).to_be_visible()
    expect(page.get_by_role("link")).to_have_attribute("href", "https://example.org/back")
    check(page)
    assert answers(running, "whole") == sorted(expected)
    (session,) = running.store.sessions("whole")
    assert dict(session.answers) == {"with": "Headphones", "age": "41.5"}
    assert (session.headphones, session.code, session.finished is not None) == ("skipped", "CODE-77", True)
    assert all(one.plays >= 1 and one.seconds_heard >= 0.75 for one in running.store.ratings("whole"))
    assert console_errors == []


def test_a_whole_study_by_keyboard_alone(page: Page, running: Listening) -> None:
    def to(name: str) -> None:
        for _ in range(20):
            page.keyboard.press("Tab")
            if name in page.evaluate(FOCUSED):
                return
        raise AssertionError(f"{name} cannot be reached")

    page.goto(f"{running.url}whole")
    heading(page, "A small test")
    to("begin")
    page.keyboard.press("Enter")
    heading(page, "Before we begin")
    to("I have read")
    page.keyboard.press("Space")
    to("Continue")
    page.keyboard.press("Enter")
    heading(page, "volume")
    to("Play the sound")
    page.keyboard.press("Enter")
    done = page.get_by_role("button", name="I hear it well")
    expect(done).not_to_have_attribute("aria-disabled", "true", timeout=10_000)
    to("I hear it well")
    page.keyboard.press("Enter")
    heading(page, "headphone check")
    to("no headphones")
    page.keyboard.press("Enter")
    expected = []
    for trial in range(3):
        heading(page, "Practice 1 of 1" if trial == 0 else f"Sample {trial} of 2")
        page.keyboard.press("3")
        expect(page.locator(".missing")).to_have_class(re.compile("stress"))
        expect(page.get_by_role("slider")).to_be_enabled()
        if trial == 1:
            page.keyboard.press("l")
            page.keyboard.press("Space")
            page.wait_for_timeout(SECONDS * 1000 + 400)
            page.keyboard.press("m")
            page.wait_for_timeout(SECONDS * 1000 + 400)
            page.keyboard.press("Space")
        else:
            for key in ("", "ArrowRight"):
                if key:
                    page.keyboard.press(key)
                page.keyboard.press("Space")
                page.wait_for_timeout(SECONDS * 1000 + 400)
        expect(page.locator(".player.heard")).to_have_count(2)
        page.keyboard.press(str(trial + 1))
        page.keyboard.press("Tab")
        page.keyboard.press(str(trial + 3))
        expected += [(trial, "rel", trial + 1), (trial, "ovl", trial + 3)]
        page.keyboard.press("Enter")
    heading(page, "Almost done")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    to("Send")
    page.keyboard.press("Enter")
    heading(page, "Thank you")
    assert answers(running, "whole") == sorted(expected)


def test_the_headphone_check_tells_headphones_and_never_keeps_anybody_out(page: Page, running: Listening) -> None:
    page.add_init_script("Math.random = () => 0.999")  # nothing is shuffled: plain, soft, antiphase
    to_volume(page, running, "whole")
    page.get_by_role("button", name="Play the sound").click()
    page.get_by_role("button", name="I hear it well").and_(page.locator(":not([aria-disabled])")).click(timeout=10_000)
    for first, choice in (("not sound like headphones", "Third"), ("headphones are fine", "Second")):
        for round_ in range(6):
            expect(page.get_by_text(f"Round {round_ + 1} of 6")).to_be_visible()
            page.get_by_role("button", name="Play the three tones").click()
            page.get_by_role("button", name=choice).click(timeout=10_000)
        heading(page, first)
        check(page)
        page.get_by_role("button", name="Check again").or_(page.get_by_role("button", name="Continue")).click()
    heading(page, "Practice 1 of 1")
    assert [one.headphones for one in running.store.sessions("whole")] == ["passed"]


def test_a_reload_a_second_window_and_a_lost_connection(page: Page, running: Listening) -> None:
    to_trials(page, running)
    asked = page.locator("q").inner_text()
    heard(page)
    page.locator('label[for="rating-2"]').click()
    page.reload()
    heading(page, "Sample 1 of 2")
    assert page.locator("q").inner_text() == asked
    expect(page.locator(".player.heard")).to_have_count(2)  # what was heard and chosen is still there
    expect(page.locator("#rating-2")).to_be_checked()

    other = page.context.new_page()
    other.goto(f"{running.url}short")
    other.get_by_role("button", name="Play the sound").click()
    other.get_by_role("button", name="I hear it well").and_(other.locator(":not([aria-disabled])")).click()
    heading(other, "Sample 1 of 2")
    assert other.locator("q").inner_text() == asked

    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.post_data or "")
        if len(lost) == 1:
            route.fetch()  # it arrives, and the answer is lost on the way back
            route.abort()
        elif len(lost) == 2:
            route.fulfill(status=503, json={"error": "The disk is full."})
        else:
            route.continue_()

    page.route("**/rate", lose)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("status")).to_contain_text("has not been saved yet")
    heading(page, "Sample 2 of 2")
    assert len(lost) == 3
    assert len(set(lost)) == 1
    assert [(one.score, one.revision) for one in running.store.ratings("short")] == [(2, 1)]

    other.wait_for_timeout(1600)
    other.evaluate("window.dispatchEvent(new Event('focus'))")
    heading(other, "Sample 2 of 2")
    assert other.locator("q").inner_text() == page.locator("q").inner_text()


def test_who_comes_back_after_an_hour_without_a_trial_gets_the_trials_of_another_place(
    page: Page, folder: Path, tmp_path: Path
) -> None:
    passed = [0.0]
    with (
        Store.open(None, tmp_path / "store", lambda: time.time() + passed[0]) as store,
        listening(folder, store, clock=lambda: time.time() + passed[0]) as server,
    ):
        home = server.studies.get("short")
        before, after = (home.stimulus(home.trials(place)[0].stimulus) for place in (0, 1))
        assert before != after
        to_volume(page, server, "short")
        passed[0] = 2 * AWAY
        store.begin("short", home.study.sha256, 1, "en", "phone", False)
        page.get_by_role("button", name="Play the sound").click()
        done = page.get_by_role("button", name="I hear it well").and_(page.locator(":not([aria-disabled])"))
        done.click(timeout=10_000)
        heading(page, "1 of 2")
        expect(page.locator("q")).to_have_text(after.query.in_language("en"))
        heard(page)
        page.keyboard.press("4")
        page.keyboard.press("Enter")
        heading(page, "2 of 2")
        assert [(one.trial, one.stimulus) for one in store.ratings("short")] == [(0, after.id)]


def test_too_early_is_said_exactly_and_a_part_is_no_whole(page: Page, running: Listening) -> None:
    to_trials(page, running)
    missing = page.locator(".missing")
    expect(missing).to_contain_text("Original mix: not heard yet.")
    expect(missing).to_contain_text("Separated sound: not heard yet.")
    slider = page.get_by_role("slider")
    slider.fill("0.6")
    page.get_by_role("button", name="Play the original mix").click()
    page.wait_for_timeout(800)
    expect(missing).to_contain_text("Original mix: one second to go.")
    expect(page.locator("#rating-3")).to_be_disabled()
    slider.fill("0")
    page.get_by_role("button", name="Play the original mix").click()
    page.wait_for_timeout(800)
    expect(missing).not_to_contain_text("Original mix")
    expect(page.locator("#rating-3")).to_be_disabled()


def test_who_begins_when_too_many_did_is_told_so_and_begins_a_little_later(page: Page, running: Listening) -> None:
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.post_data or "")
        if len(asked) > 1:
            route.continue_()
            return
        route.fulfill(status=429, headers={"Retry-After": "2"}, json={"error": "The next one can in 2 s."})

    page.route("**/begin", refuse)
    page.goto(f"{running.url}short")
    page.get_by_role("button", name="Let’s begin").click()
    expect(page.get_by_role("status")).to_contain_text("The next one can in 2 s.")
    page.wait_for_timeout(1000)
    assert len(asked) == 1, "the page asks no earlier than it was told to"
    heading(page, "Set your volume")
    assert asked == [asked[0]] * 2


def test_a_kiosk_forgets_the_last_person(page: Page, running: Listening) -> None:
    page.goto(f"{running.url}short?kiosk=1&idle=3")
    page.get_by_role("button", name="Let’s begin").click()
    heading(page, "volume")
    expect(page.get_by_role("dialog")).to_be_visible(timeout=8000)
    check(page)
    page.get_by_role("button", name="I am still here").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    heading(page, "volume")
    page.reload()
    heading(page, "A small test")
    page.get_by_role("button", name="Let’s begin").click()
    expect(page.get_by_role("dialog")).to_be_visible(timeout=8000)
    page.get_by_role("button", name="I am done").click()
    heading(page, "A small test")
    assert [one.place for one in running.store.sessions("short")] == [0, 1]
    assert all(one.kiosk for one in running.store.sessions("short"))
    assert page.context.cookies() == []


def test_what_a_kiosk_sends_late_is_not_the_next_persons(page: Page, running: Listening) -> None:
    to_trials(page, running, "short?kiosk=1&idle=4")
    heard(page)
    page.keyboard.press("4")
    page.context.set_offline(True)
    page.locator(".next").click()
    page.get_by_role("button", name="I am done").click(timeout=15_000)
    heading(page, "cannot be reached")
    page.context.set_offline(False)
    heading(page, "A small test")
    for _ in range(100):  # the answer of whoever was here is saved all the same
        if answers(running, "short"):
            break
        page.wait_for_timeout(100)
    assert answers(running, "short") == [(0, "rating", 4)]
    page.wait_for_timeout(500)
    heading(page, "A small test")


def test_a_kiosk_starts_over_while_a_sound_is_repeated_for_nobody(page: Page, running: Listening) -> None:
    to_trials(page, running, "short?kiosk=1&idle=4")
    page.locator(".loop").click()
    page.get_by_role("button", name="Play").first.click()
    page.get_by_role("button", name="I am done").click(timeout=15_000)
    heading(page, "A small test")


def test_a_kiosk_that_starts_over_is_silent(page: Page, running: Listening) -> None:
    """Whoever walks away while the sample for the volume goes round and round."""
    page.add_init_script("""
        window.sounding = 0;
        const begin = AudioBufferSourceNode.prototype.start;
        AudioBufferSourceNode.prototype.start = function (...when) {
            window.sounding += 1;
            this.addEventListener("ended", () => { window.sounding -= 1; });
            return begin.apply(this, when);
        };
    """)
    to_volume(page, running, "short?kiosk=1&idle=3")
    page.get_by_role("button", name="Play the sound").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert page.evaluate("window.sounding") == 1
    page.get_by_role("button", name="I am done").click(timeout=15_000)
    heading(page, "A small test")
    # Looked at from outside: the page forbids the evaluation of strings that waiting in the page is made of.
    soon = time.monotonic() + 5
    while page.evaluate("window.sounding") and time.monotonic() < soon:
        page.wait_for_timeout(50)
    assert page.evaluate("window.sounding") == 0


def test_what_stands_in_the_way_is_one_clear_sentence(
    open_page: OpenPage, folder: Path, tmp_path: Path, console_errors: list[str]
) -> None:
    page = open_page("phone")
    with Store.open(None, tmp_path / "store") as store, listening(folder, store) as server:
        page.goto(f"{server.url}later")
        heading(page, "has not begun yet")
        check(page)
        page.goto(f"{server.url}nothing")
        heading(page, "no such listening test")
        check(page)
        page.goto(server.url)
        heading(page, "Listening tests")
        expect(page.get_by_role("link")).to_have_count(2)
        check(page)
        page.route(re.compile("/state"), lambda route: route.abort())
        page.goto(f"{server.url}short?lang=fr")
        heading(page, "n’est pas joignable")
        check(page)
        page.unroute_all()
        page.get_by_role("button", name="Réessayer").click()
        heading(page, "Un petit test")
        assert page.evaluate("document.documentElement.lang") == "fr"


def test_dark_pages_have_contrast_too(browser: Browser, running: Listening, outside_requests: list[str]) -> None:
    context = browser.new_context(color_scheme="dark", viewport=NARROW)  # type: ignore[arg-type]
    page = context.new_page()
    to_trials(page, running)
    check(page)
    heard(page)
    page.locator('label[for="rating-5"]').click()
    check(page)
    context.close()
