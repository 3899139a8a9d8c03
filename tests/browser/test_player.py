"""The player in a real browser: one clock for all tracks, what is rendered and downloaded, keys, and tidiness."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from lass.audio import write
from lass.plots import save, spectrograms
from lass.ui.application import STYLE
from lass.ui.look.theme import theme
from lass.ui.parts.player import Picture, Remix, Track, player, player_value
from lass.ui.words.player_texts import ENGLISH
from tests.browser.conftest import _note_outside
from tests.browser.widths import WIDTHS, fits, on_each_width

RATE = 8000
SECONDS = 10  # longer than one block of a large file
LONG = 60_000

#: Counts contexts and which are open, before the page's own scripts run.
COUNTING = """
window.contexts = [];
const Original = window.AudioContext;
window.AudioContext = class extends Original { constructor(...given) { super(...given); contexts.push(this); } };
"""

#: Plays offline what the element holds and compares it with the samples that should be heard.
REHEARSAL = """async ({ limit, loop, place, first, second, at, seconds }) => {
  const held = document.querySelector("lass-player");
  const { Engine, Sounds } = customElements.get("lass-player");
  const sounds = await new Sounds(held.value.tracks).open(limit);
  const context = new OfflineAudioContext(sounds.channels, seconds * sounds.rate, sounds.rate);
  const one = (key) => new Map([[key, 1]]);
  const engine = new Engine(context, sounds, one(first));
  engine.loop = loop;
  engine.place = place;
  const scheduled = engine.play();
  await scheduled;
  const blocks = loop || !sounds.resident;
  while (blocks && !engine.run.timer) await new Promise((done) => setTimeout(done, 20)); // they arrive
  engine.setGains(one(second), at);
  const starts = engine.run.starts, when = engine.run.when;
  const wanted = { [first]: await sounds.mix(one(first)), [second]: await sounds.mix(one(second)) };
  const heard = await context.startRendering();
  const rate = sounds.rate, ramp = Math.ceil(0.01 * rate), lead = Math.round(when * rate), turn = Math.round(at * rate);
  let worst = 0, count = 0;
  const start = loop && Math.round(loop.start * rate), end = loop && Math.round(loop.end * rate);
  const seam = Math.round(0.008 * rate);
  for (let n = lead + ramp; n < heard.length; n++) {
    if (n >= turn - 1 && n < turn + ramp) continue; // the gains glide
    let frame = Math.round(place * rate) + n - lead;
    while (loop && frame >= end) frame -= end - start;
    if (frame >= sounds.frames) break;
    const share = loop ? Math.max(0, (frame - end + seam + 1) / (seam + 1)) : 0; // of what leads to the loop's start
    const expected = wanted[n < turn ? first : second];
    for (let channel = 0; channel < sounds.channels; channel++) {
      const samples = expected[channel], before = share ? samples[frame - end + start] : 0;
      const right = (1 - share) * samples[frame] + share * before;
      worst = Math.max(worst, Math.abs(heard.getChannelData(channel)[n] - right));
    }
    count++;
  }
  const edges = heard.getChannelData(0).slice(turn - 1, turn + ramp);
  let step = 0;
  for (let n = 1; n < edges.length; n++) step = Math.max(step, Math.abs(edges[n] - edges[n - 1]));
  return { worst, count, starts, step, resident: sounds.resident };
}"""


#: What a loop sounds like: the samples of the first channel, from the moment of its beginning.
LOOPED = """async ({ limit, loop, key, seconds }) => {
  const { Engine, Sounds } = customElements.get("lass-player");
  const sounds = await new Sounds(document.querySelector("lass-player").value.tracks).open(limit);
  const context = new OfflineAudioContext(sounds.channels, seconds * sounds.rate, sounds.rate);
  const engine = new Engine(context, sounds, new Map([[key, 1]]));
  engine.loop = loop;
  engine.place = loop.start;
  await engine.play();
  while (!engine.run.timer) await new Promise((done) => setTimeout(done, 20)); // blocks are scheduled
  return Array.from((await context.startRendering()).getChannelData(0));
}"""


def sounds() -> tuple[np.ndarray, np.ndarray]:
    """A target and a residual whose samples all differ, so that a shift by one sample shows; stereo."""
    time = np.arange(SECONDS * RATE) / RATE
    target = 0.3 * np.sin(2 * np.pi * (200 + 40 * time) * time) * (0.2 + 0.08 * time)
    residual = np.random.default_rng(4).normal(0, 0.05, (2, time.size))
    return np.stack([target, -0.5 * target]).astype(np.float32), residual.astype(np.float32)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with two players, a button that fills both, and one that empties them."""
    folder = tmp_path_factory.mktemp("player")
    target, residual = sounds()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        files = write(folder / "target.wav", target, RATE), write(folder / "residual.wav", residual, RATE)
        loud = write(folder / "loud.wav", 4 * target, RATE)
        drawn = save(spectrograms(target + residual, target, residual, RATE, query="a siren"), folder / "drawn.png")
        picture = Picture(drawn, "Spectrograms of all three.", ("mixture", "target", "residual"))
        tracks = [
            Track("target", "What you asked for", files[0], hint="“a siren”"),
            Track("mixture", "As recorded", sum_of=("target", "residual")),
            Track("residual", "Everything else", files[1]),
        ]

        def show() -> tuple[dict[str, Any], dict[str, Any]]:
            full = player_value(ENGLISH, tracks, title="Result", name="park", picture=picture, remix=Remix())
            stems = [
                Track("a", "First stem", loud),
                Track("b", "Second stem", files[1]),
                Track("rest", "The rest", files[0]),
                Track("mixture", "As recorded", sum_of=("a", "b", "rest")),
            ]
            return full, player_value(ENGLISH, stems, title="Stems", name="stems", parts=("a", "b", "rest"))

        with gr.Blocks() as blocks:
            gr.HTML("<h1>Players</h1>")
            players = [player(elem_id="first"), player(elem_id="second")]
            gr.Button("Fill them").click(show, None, players)
            gr.Button("Empty them").click(lambda: (None, None), None, players)
        _, url, _ = blocks.launch(
            prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, ssr_mode=False, theme=theme(),
            css_paths=[STYLE],
        )  # fmt: skip
        yield url
        blocks.close()


def opened(page: Page, address: str) -> Page:
    """The page with both players filled."""
    page.add_init_script(COUNTING)
    page.goto(address)
    fill(page)
    return page


def fill(page: Page) -> None:
    page.get_by_role("button", name="Fill them").click(timeout=LONG)
    expect(page.locator("lass-player .lp:not(.lp-loading)")).to_have_count(2, timeout=LONG)


@pytest.fixture(scope="module")
def stages(browser: Browser, address: str) -> Iterator[dict[str, Page]]:
    """One page for each width, opened once: drawing Gradio takes longer than most of these tests."""
    outside: list[str] = []
    pages = {}
    for width, (across, down) in WIDTHS.items():
        phone = width == "phone"
        context = browser.new_context(viewport={"width": across, "height": down}, is_mobile=phone, has_touch=phone)
        context.on("request", lambda request: _note_outside(request.url, outside))
        pages[width] = opened(context.new_page(), address)
    yield pages
    for page in pages.values():
        page.context.close()
    assert outside == []


@pytest.fixture
def first(stages: dict[str, Page], width: str) -> Locator:
    """The first player on the screen named, as new, with its sounds in memory; the second one is as new, too."""
    return as_new(stages[width])


def as_new(page: Page) -> Locator:
    page.evaluate(
        """async () => {
          for (const player of document.querySelectorAll("lass-player")) {
            const value = (player.original ||= player.value);
            player.value = null;
            player.value = value;
            await player.ready;
          }
          window.contexts.length = 0;
          scrollTo(0, 0);
        }"""
    )
    return page.locator("#first lass-player")


def playing(first: Locator) -> Locator:
    first.get_by_role("button", name="Play", exact=True).click()
    first.page.wait_for_function("document.querySelector('lass-player').position > 0.2")
    return first


def state(first: Locator, expression: str) -> Any:
    return first.evaluate(f"player => {expression}")


def downloaded(first: Locator) -> tuple[str, np.ndarray, int]:
    with first.page.expect_download() as download:
        first.get_by_role("button", name="Download as heard").click()
    data, rate = soundfile.read(io.BytesIO(Path(download.value.path()).read_bytes()), dtype="float32")
    return download.value.suggested_filename, data.T, rate


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize("limit", [1e9, 0], ids=["in memory", "fetched in blocks"])
@pytest.mark.parametrize("loop", [None, {"start": 2.0, "end": 2.75}], ids=["straight", "loop"])
def test_a_switch_goes_on_at_the_very_next_sample(
    first: Locator, limit: float, loop: dict[str, float] | None
) -> None:
    switch = {"first": "target", "second": "residual", "at": 3.0}
    found = first.page.evaluate(REHEARSAL, {"limit": limit, "loop": loop, "place": 1.5, "seconds": 10, **switch})
    assert found["resident"] is (limit > 0)
    assert found["count"] > 6 * RATE
    assert found["worst"] < 1e-5
    moments: dict[float, set[float]] = {}
    for start in found["starts"]:
        moments.setdefault(start["when"], set()).add(start["offset"])
    assert all(len(offsets) == 1 for offsets in moments.values())  # whatever starts together starts at one place


@pytest.mark.parametrize("limit", [1e9, 0], ids=["in memory", "fetched in blocks"])
@pytest.mark.parametrize("start", [0.0, 0.003, 2.0])
def test_a_loop_jumps_back_without_a_step(first: Locator, limit: float, start: float) -> None:
    samples = sounds()[0][0]
    begin = 0 if start < 0.008 else round(start * RATE)
    # Where the jump is as large as it gets: from the end of the loop to its beginning, or to its lead-in.
    lengths = np.arange(round(0.75 * RATE), round(0.76 * RATE))
    jumps = np.abs(samples[begin] - samples[begin + lengths - 1])
    end = begin + int(lengths[np.argmax(jumps)])
    natural = float(np.abs(np.diff(samples[: end + RATE])).max())
    assert jumps.max() > 1.5 * natural
    loop = {"start": start, "end": end / RATE}
    heard = np.array(first.page.evaluate(LOOPED, {"limit": limit, "loop": loop, "key": "target", "seconds": 4}))
    assert np.abs(np.diff(heard)).max() < natural + 2 * np.abs(samples[:end]).max() / round(0.008 * RATE)
    assert rms(heard[RATE:]) == pytest.approx(rms(samples[begin:end]), rel=0.1)  # it does go on


def test_the_sum_is_the_recording_when_played(first: Locator) -> None:
    how = {"limit": 1e9, "loop": None, "place": 0, "first": "mixture", "second": "target", "at": 5, "seconds": 10}
    assert first.page.evaluate(REHEARSAL, how)["worst"] < 1e-5


@on_each_width
def test_switching_keeps_the_place(first: Locator) -> None:
    playing(first)
    before = state(first, "({ starts: player.engine.run.starts, from: player.position - player.context.currentTime })")
    for name in ("Everything else", "As recorded", "What you asked for"):
        first.get_by_role("button", name=name).click()
        expect(first.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
    after = state(first, "({ starts: player.engine.run.starts, from: player.position - player.context.currentTime })")
    assert after["starts"] == before["starts"]  # nothing was started anew
    assert after["from"] == pytest.approx(before["from"], abs=128 / RATE)
    assert len({(start["when"], start["offset"]) for start in before["starts"]}) == 1


@on_each_width
def test_the_remix_leads_from_the_target_through_the_recording_to_the_rest(first: Locator) -> None:
    target, residual = sounds()
    slider = first.get_by_label("Remix", exact=True)
    slider.focus()
    expected = {"Home": ("target", target), "End": ("residual", residual)}
    for key, (ending, samples) in expected.items():
        slider.press(key)
        name, heard, rate = downloaded(first)
        assert (name, rate) == (f"park-{ending}.wav", RATE)
        np.testing.assert_array_equal(heard, samples)
    slider.fill("0")
    name, heard, _ = downloaded(first)
    assert name == "park-mixture.wav"
    np.testing.assert_allclose(heard, target + residual, atol=1e-6)
    assert rms(heard) == pytest.approx(rms(target + residual), rel=1e-4)
    slider.fill("-0.4")
    name, heard, _ = downloaded(first)
    assert name == "park-mix-40.wav"
    np.testing.assert_allclose(heard, target + np.float32(0.6) * residual, atol=1e-6)
    expect(first.get_by_text("Everything else: −4.4 dB")).to_be_visible()
    assert first.get_by_role("button", pressed=True).count() == 0


def test_a_mix_over_full_scale_is_kept_and_said(first: Locator) -> None:
    second = first.page.locator("#second lass-player")
    _, heard, _ = downloaded(second)
    np.testing.assert_array_equal(heard, 4 * sounds()[0])
    over = 20 * np.log10(np.abs(heard).max())
    expect(second.get_by_role("alert")).to_contain_text(f"{over:.1f} dB over full scale")


def test_parts_are_muted_and_taken_in_again(first: Locator) -> None:
    target, residual = sounds()
    second = first.page.locator("#second lass-player")
    mix = second.get_by_role("group", name="In the mix")
    second.get_by_role("button", name="As recorded").click()
    mix.get_by_role("button", name="First stem").click()
    name, heard, _ = downloaded(second)
    assert name == "stems-mix-without-a.wav"
    np.testing.assert_allclose(heard, target + residual, atol=1e-6)
    assert mix.get_by_role("button", pressed=True).count() == 2
    expect(second.get_by_role("button", name="As recorded")).to_have_attribute("aria-pressed", "false")
    mix.get_by_role("button", name="First stem").click()
    expect(second.get_by_role("button", name="As recorded")).to_have_attribute("aria-pressed", "true")
    assert downloaded(second)[0] == "stems-mixture.wav"


@on_each_width
def test_a_drag_on_the_picture_repeats_what_lies_under_it(first: Locator) -> None:
    page = first.page
    axes = first.locator(".lp-axes")
    axes.scroll_into_view_if_needed()
    box = axes.bounding_box()
    assert box is not None
    down = box["y"] + 8
    page.mouse.move(box["x"] + 0.3 * box["width"], down)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.36 * box["width"], down, steps=4)
    page.mouse.up()
    region = state(first, "player.region")
    assert (region["start"], region["end"]) == pytest.approx((3.0, 3.6), abs=0.05)
    assert first.get_by_role("button", name="Repeat").get_attribute("aria-pressed") == "true"
    first.get_by_role("button", name="Play", exact=True).click()
    places = page.evaluate(
        """async () => {
          const player = document.querySelector("lass-player"), seen = [];
          while (!player.playing) await new Promise(requestAnimationFrame);
          for (let wraps = 0; wraps < 2; ) {
            await new Promise(requestAnimationFrame);
            seen.push(player.position);
            if (seen.length > 1 && seen.at(-1) < seen.at(-2)) wraps++;
          }
          return seen;
        }"""
    )
    assert region["start"] - 1e-3 <= min(places) <= max(places) < region["end"] + 1e-3


@on_each_width
def test_a_click_on_the_picture_goes_to_the_time_under_it(first: Locator) -> None:
    page = first.page
    picture = first.get_by_role("img", name="Spectrograms")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    panel = state(first, "player.value.picture.panels[1]")
    assert box is not None
    across = panel["left"] + 0.7 * (panel["right"] - panel["left"])
    page.mouse.click(box["x"] + across * box["width"], box["y"] + (panel["top"] + 0.05) * box["height"])
    assert state(first, "player.position") == pytest.approx(7.0, abs=0.06)
    head = first.locator(".lp-head").bounding_box()
    assert head is not None
    assert head["x"] + head["width"] / 2 == pytest.approx(box["x"] + across * box["width"], abs=1.5)


def test_everything_works_by_keyboard(first: Locator) -> None:
    page = first.page
    first.get_by_role("button", name="Play", exact=True).focus()
    page.keyboard.press("3")
    expect(first.get_by_role("button", name="Everything else")).to_have_attribute("aria-pressed", "true")
    expect(first.get_by_role("status")).to_have_text("You hear: Everything else")
    page.keyboard.press("ArrowRight")
    assert state(first, "player.position") == pytest.approx(2.0, abs=1e-3)
    page.keyboard.press("[")
    page.keyboard.press("End")
    assert state(first, "player.position") == pytest.approx(SECONDS, abs=1e-3)
    page.keyboard.press("Home")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("]")
    assert state(first, "player.region") == pytest.approx({"start": 2.0, "end": 4.0}, abs=1e-3)
    page.keyboard.press("l")
    assert state(first, "player.looping") is False
    page.keyboard.press("Home")
    page.keyboard.press("k")
    page.wait_for_function("document.querySelector('lass-player').position > 0.2")
    expect(first.get_by_role("button", name="Pause")).to_be_visible()
    first.locator(".lp").focus()
    page.keyboard.press(" ")
    expect(first.get_by_role("button", name="Play", exact=True)).to_be_visible()
    place = state(first, "player.position")
    assert 0.2 < place < SECONDS
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('lass-player') !== null")


def test_only_one_player_plays_and_none_before_it_is_asked_to(first: Locator) -> None:
    page = first.page
    assert page.evaluate("contexts.length") == 0
    playing(first)
    page.locator("#second").get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("document.querySelector('#second lass-player').position > 0.1")
    assert state(first, "player.playing") is False
    expect(first.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_large_files_are_played_a_few_seconds_at_a_time(first: Locator) -> None:
    starts, moved, held = first.evaluate(
        """async (player) => {
          player.value = { ...player.value, limit: 0 };
          await player.ready;
          await player.seek(7.5);
          await player.play();
          const { starts } = player.engine.run;
          while (player.position < 7.6) await new Promise(requestAnimationFrame);
          return [starts, player.position, [...player.sounds.files.values()].filter((file) => file.held).length];
        }"""
    )
    assert [start["offset"] for start in starts] == [7.5, 7.5]
    assert starts[0]["when"] == starts[1]["when"]
    assert moved <= SECONDS
    assert held == 0
    np.testing.assert_array_equal(downloaded(first)[1], sounds()[0])


def test_files_that_are_gone_are_said_to_be(first: Locator) -> None:
    first.evaluate(
        """(player) => {
          const gone = (track) => ({ ...track, file: track.file && { url: `${track.file.url}-gone` } });
          player.value = { ...player.value, tracks: player.value.tracks.map(gone) };
        }"""
    )
    expect(first.get_by_role("alert")).to_contain_text("cannot be loaded any more")
    first.get_by_role("button", name="Play", exact=True).click()
    expect(first.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_sounds_that_others_took_the_place_of_while_they_loaded_are_not_said_to_be_gone(first: Locator) -> None:
    first.evaluate(
        """async (player) => {
          const given = player.value;
          player.value = { ...given, title: "Another" };
          const asked = [player.play(), player.save()];
          player.value = given;
          await Promise.all([player.ready, ...asked]);
        }"""
    )
    expect(first.get_by_role("alert")).to_be_hidden()
    playing(first)


def test_it_stops_at_the_end_and_begins_again(first: Locator) -> None:
    page = first.page
    first.get_by_label("Position").fill("9.7")
    first.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(
        "(() => { const one = document.querySelector('lass-player'); return !one.playing && one.position > 9.99; })()"
    )
    first.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("document.querySelector('lass-player').position < 5")


def test_fifty_results_leave_nothing_open(first: Locator) -> None:
    open_ones = first.evaluate(
        """async (player) => {
          const value = player.value;
          for (let n = 0; n < 50; n++) {
            player.value = { ...value, name: `result ${n}` };
            if (n % 5 === 0) await player.play();
          }
          const last = contexts.filter((context) => context.state !== "closed").length;
          player.value = null;
          await new Promise((done) => setTimeout(done, 100));
          return [contexts.length, last, contexts.filter((context) => context.state !== "closed").length];
        }"""
    )
    made, last, left = open_ones
    assert made == 10
    assert last <= 2  # closing takes a moment
    assert left == 0
    assert first.locator("*").count() == 0


def test_emptying_and_filling_again_starts_anew(first: Locator) -> None:
    page = playing(first).page
    page.get_by_role("button", name="Empty them").click()
    expect(first.locator("section")).to_have_count(0)
    page.wait_for_function("contexts.every((context) => context.state === 'closed')")
    fill(page)
    playing(first)


def test_two_visitors_hear_their_own(stages: dict[str, Page], first: Locator) -> None:
    second = as_new(stages["phone"])
    first.get_by_role("button", name="Repeat").click()
    playing(first)
    second.get_by_role("button", name="Everything else").click()
    assert [state(one, "player.playing") for one in (first, second)] == [True, False]
    assert [state(one, "player.selected") for one in (first, second)] == ["target", "residual"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@on_each_width
def test_axe_finds_nothing_serious_and_nothing_overflows(first: Locator, width: str, scheme: str) -> None:
    page = first.page
    page.evaluate("dark => document.body.classList.toggle('dark', dark)", scheme == "dark")
    first.get_by_role("button", name="Everything else").click()
    found = Axe().run(page, context="lass-player").response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], one["nodes"][0]["html"][:120]) for one in serious] == []
    page.evaluate("document.body.classList.remove('dark')")


@pytest.mark.parametrize("width", ["phone"])
def test_a_narrow_phone_shows_everything_and_fingers_find_their_targets(first: Locator, width: str) -> None:
    first.page.set_viewport_size({"width": 360, "height": 740})
    assert fits(first.page)
    for control in first.locator("button:visible, input:visible, summary:visible").all():
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 44, control.evaluate("node => node.outerHTML")
        assert box["width"] >= 44, control.evaluate("node => node.outerHTML")
    first.page.set_viewport_size(dict(zip(("width", "height"), WIDTHS[width], strict=True)))  # type: ignore[arg-type]
