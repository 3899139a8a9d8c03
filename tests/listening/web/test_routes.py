"""The participant's side over HTTP, on a real server: what is served, what is refused, what a retry does."""

import contextlib
import hashlib
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from lass.listening.participation import LONGEST_ANSWER
from lass.listening.ratings.store import Store
from lass.listening.stimuli.manifest import Stimulus
from lass.listening.studies import Studies
from lass.listening.web.pages import preferred
from lass.listening.web.routes import agent_class, participant_routes
from lass.listening.web.security import LARGEST_BODY
from tests.browser.server import ROOT, free_port
from tests.listening.participants import Rater, lasting_study
from tests.listening.serving import Listening, listening
from tests.listening.small import small_study

SECONDS = 2.0
PASSED = [0.0]  # seconds by which the server's clock is ahead
CONDITIONS = ("superb-network", "humble-filter")


def clock() -> float:
    return time.time() + PASSED[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lasting_study(
        tmp_path_factory.mktemp("studies"), SECONDS, items=2, conditions=CONDITIONS, anchor=True, hidden_reference=True,
        traps=1, repeats=1, scale="rel-ovl", minimum_heard=0.5, consent="Do you agree?",
    ).parent  # fmt: skip


@pytest.fixture(scope="module")
def running(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    with (
        Store.open(None, tmp_path_factory.mktemp("store"), clock) as store,
        listening(folder, store, clock=clock) as server,
    ):
        yield server


@pytest.fixture
def client(running: Listening) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, timeout=30) as client:
        yield client


@pytest.fixture
def rater(client: httpx.Client) -> Rater:
    rater = Rater(client)
    rater.begin()
    rater.post("consent", agreed=True).raise_for_status()
    rater.post("opened", trial=0).raise_for_status()
    return rater


def listened(rater: Rater) -> Rater:
    """Time passes for the server, as if the first trial had been heard."""
    PASSED[0] += 2 * SECONDS
    return rater


def rows(running: Listening, rater: Rater) -> list[tuple[str, int, int]]:
    mine = [one for one in running.store.ratings("demo") if one.session == rater.token]
    return [(one.question, one.score, one.revision) for one in mine]


def refusal(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    sentence = response.json()["error"]
    assert isinstance(sentence, str)
    assert len(sentence) > 15
    return str(sentence)


def test_every_answer_carries_the_security_headers(client: httpx.Client) -> None:
    for path in ("", "demo", "nothing", "a/b/c", "assets/participant.js", "assets/x", "api/demo/state", "api/no/state",
                 "api/demo/rate", "audio/00.wav", "audio/00.wav?study=demo"):  # fmt: skip
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in headers["content-security-policy"]


def test_pages_have_no_inline_script_and_no_address_beyond_this_server(client: httpx.Client) -> None:
    for path in ("", "demo", "demo?kiosk=1&lang=fr", "nothing"):
        text = client.get(path).text
        assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", text)
        assert not re.search(r"""(src|href)=["'](https?:|//|/)""", text)
    for name in re.findall(r'assets/([\w.]+)"', client.get("demo").text):
        answer = client.get(f"assets/{name}")
        assert answer.status_code == 200
        assert client.get(f"assets/{name}", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_what_a_page_says_is_escaped(tmp_path: Path) -> None:
    source = small_study(tmp_path / "studies", items=1, title="<script>alert('x')</script>")
    with Store.open(None, tmp_path / "store") as store:
        client = TestClient(Starlette(routes=participant_routes(Studies(source.parent, store))))
        for path in ("/listen/", "/listen/demo"):
            assert "<script>alert" not in client.get(path).text
            assert "&lt;script&gt;alert" in client.get(path).text


def test_unknown_studies_are_one_sentence(client: httpx.Client) -> None:
    page = client.get("nothing", headers={"Accept-Language": "fr"})
    assert page.status_code == 404
    assert "test d’écoute" in page.text
    refusal(client.get("api/nothing/state"), 404)


def test_the_list_shows_open_studies_and_without_a_slash_leads_there(client: httpx.Client) -> None:
    assert 'href="demo"' in client.get("").text
    answer = client.get(str(client.base_url).rstrip("/"))
    assert (answer.status_code, answer.headers["location"]) == (307, "/listen/")


@pytest.mark.parametrize(
    ("agent", "touch", "expected"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", True, "phone"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Mobile Safari/537.36", True, "phone"),
        ("Mozilla/5.0 (Linux; Android 15; SM-X910) Safari/537.36", True, "tablet"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", True, "tablet"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", False, "desktop"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", True, "desktop"),
        ("curl/8", False, "other"),
    ],
)
def test_of_the_browser_only_its_class_is_kept(agent: str, touch: bool, expected: str) -> None:
    assert agent_class(agent, touch) == expected


def test_the_language_is_the_address_s_or_the_browser_s(client: httpx.Client) -> None:
    assert client.get("api/demo/state?lang=fr").json()["language"] == "fr"
    swiss = {"Accept-Language": "de, fr-CH;q=0.8, en;q=0.5"}
    assert client.get("api/demo/state", headers=swiss).json()["language"] == "fr"
    assert client.get("api/demo/state?lang=xx").json()["language"] == "en"
    assert preferred("", ("fr", "en")) == "fr"
    assert preferred("en;q=oops, *;q=0.1", ("fr", "en")) == "fr"


def test_the_cookie_is_for_this_test_only_and_secure_behind_https(client: httpx.Client) -> None:
    answer = client.post("api/demo/begin", json={"key": "0" * 16}, headers={"X-Forwarded-Proto": "https"})
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/listen/", "secure"))
    plain = client.post("api/demo/begin", json={"key": "1" * 16}).headers["set-cookie"].lower()
    assert "secure" not in plain


def test_below_another_path_the_addresses_still_hold(folder: Path, tmp_path: Path) -> None:
    with Store.open(None, tmp_path) as store:
        inner = Starlette(routes=participant_routes(Studies(folder, store)))
        client = TestClient(Starlette(routes=[Mount("/some/where", inner)]), follow_redirects=False)
        assert client.get("/some/where/listen").headers["location"] == "/some/where/listen/"
        assert client.get("/some/where/listen/demo").status_code == 200
        begun = client.post("/some/where/listen/api/demo/begin", json={"key": "0" * 16})
        assert "path=/some/where/listen/" in begun.headers["set-cookie"].lower()
        assert client.get("/some/where/listen/api/demo/state").json()["step"] == "consent"


def test_a_kiosk_gets_no_cookie_and_another_s_cookie_does_not_speak_for_it(client: httpx.Client) -> None:
    Rater(client).begin()
    silent = {"X-Listen-Session": "none"}
    assert client.get("api/demo/state", headers=silent).json()["step"] == "welcome"
    begun = client.post("api/demo/begin", json={"key": "2" * 16, "kiosk": True}, headers=silent)
    assert "set-cookie" not in begun.headers
    mine = {"X-Listen-Session": begun.json()["token"]}
    assert client.get("api/demo/state", headers=mine).json()["step"] == "consent"


def test_requests_from_elsewhere_are_refused(client: httpx.Client) -> None:
    message = {"key": "3" * 16}
    host = client.base_url.netloc.decode()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"},
                    {"Sec-Fetch-Site": "same-site", "Origin": f"http://{host}"}):  # fmt: skip
        refusal(client.post("api/demo/begin", json=message, headers=headers), 403)
    refusal(client.post("api/demo/begin", content=json.dumps(message), headers={"Content-Type": "text/plain"}), 415)
    refusal(client.post("api/demo/begin", data={"key": "3" * 16}), 415)
    behind_a_proxy = {"Origin": "https://a.example", "X-Forwarded-Host": "a.example"}
    for headers in ({"Origin": f"http://{host}"}, {"Sec-Fetch-Site": "same-origin"}, behind_a_proxy):
        assert client.post("api/demo/begin", json=message, headers=headers).status_code == 200
    assert client.get("api/demo/begin").status_code in (404, 405)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"key": 5}', b'{"key": "short"}', b'{"key": "0000000000000000", "x": 1}',
             b"\xff\xfe", b'{"key": "0000000000000000", "kiosk": "yes"}', b"[" * 10_000],
)  # fmt: skip
def test_bodies_that_are_not_the_page_s_are_refused(client: httpx.Client, body: bytes) -> None:
    refusal(client.post("api/demo/begin", content=body, headers={"Content-Type": "application/json"}), 422)


def test_a_large_body_is_refused(client: httpx.Client) -> None:
    refusal(client.post("api/demo/begin", json={"key": "0" * LARGEST_BODY}), 413)

    def flood() -> Iterator[bytes]:
        for _ in range(64):
            yield bytes(LARGEST_BODY // 32)

    with contextlib.suppress(httpx.WriteError):
        refusal(client.post("api/demo/begin", content=flood(), headers={"Content-Type": "application/json"}), 413)


def test_the_longest_answers_to_the_longest_questionnaire_are_not_too_large(rater: Rater) -> None:
    refusal(rater.post("answers", answers={f"field{number}": "音" * LONGEST_ANSWER for number in range(30)}), 422)


@pytest.mark.parametrize("score", [0, 6, "5", 4.5, True, None])
def test_forged_scores_are_refused(running: Listening, rater: Rater, score: Any) -> None:
    refusal(rater.rate(0, score), 422)
    assert rows(running, rater) == []


def test_forged_listening_is_refused_and_the_true_one_is_not(running: Listening, rater: Rater) -> None:
    refusal(rater.rate(0), 422)
    refusal(rater.rate(0, seconds_heard=0.1), 422)
    refusal(rater.rate(0, seconds_heard=-1.0), 422)
    refusal(rater.rate(0, seconds_heard=True), 422)
    refusal(rater.rate(0, plays=-1), 422)
    body = json.dumps(rater.answer(0)).replace(f"{SECONDS}", "NaN")
    refusal(rater.client.post("api/demo/rate", content=body, headers={"Content-Type": "application/json"}), 422)
    assert rows(running, rater) == []
    assert listened(rater).rate(0).status_code == 200
    assert rows(running, rater) == [("ovl", 4, 1), ("rel", 4, 1)]


def test_a_doubled_a_replayed_and_a_changed_answer(running: Listening, rater: Rater) -> None:
    listened(rater)
    answer = rater.answer(0, 3)
    answers = [rater.post("rate", **answer).json() for _ in range(5)]
    assert all(one == answers[0] for one in answers)
    assert rows(running, rater) == [("ovl", 3, 1), ("rel", 3, 1)]
    refusal(rater.post("rate", **{**answer, "scores": {"rel": 5, "ovl": 5}}), 409)
    assert rater.rate(0, 5).json()["session"]["answers"] == {"0": {"rel": 5, "ovl": 5}}
    assert [score for _, score, _ in rows(running, rater)] == [3, 5, 3, 5]


def test_other_trials_other_sessions_and_no_session(running: Listening, rater: Rater) -> None:
    for trial, status in ((99, 404), (1, 409), (-1, 422), ("0", 422), (0.5, 422), (True, 422)):
        refusal(rater.post("rate", **{**rater.answer(0), "trial": trial}), status)
    with httpx.Client(base_url=running.url) as stranger:
        unknown = ({"X-Listen-Session": "A" * 22}, {"X-Listen-Session": "x" * 5000}, {"Cookie": "listen-demo=x"})
        for headers in ({}, *unknown):
            answer = stranger.post("api/demo/rate", json=rater.answer(0), headers=headers)
            refusal(answer, 401)
            sound = rater.state["trials"][0]["sound"]["id"]
            assert stranger.get(f"audio/{sound}.wav?study=demo", headers=headers).status_code == 404
    other = running.store.begin("other", "0" * 64, 1, "en", "desktop", False)
    refusal(rater.client.post("api/demo/rate", json=rater.answer(0), headers={"X-Listen-Session": other.token}), 401)
    assert rows(running, rater) == []


def dealt(running: Listening, rater: Rater) -> list[Stimulus]:
    """What a rater's trials are, which only the server knows."""
    home, session = running.studies.get("demo"), running.store.session(rater.token)
    assert session
    return [home.stimulus(trial.stimulus) for trial in home.trials(session.place)]


def test_sounds_are_served_as_they_were_built(running: Listening, rater: Rater) -> None:
    home = running.studies.get("demo")
    for trial, stimulus in zip(rater.state["trials"], dealt(running, rater), strict=True):
        for name, id in ((trial["sound"]["id"], stimulus.id), (trial["mixture"]["id"], stimulus.mixture)):
            answer = rater.client.get(f"audio/{name}.wav?study=demo")
            assert hashlib.sha256(answer.content).hexdigest() == home.audio(id)[1]
            assert answer.headers["content-type"] == "audio/wav"
            assert "private" in answer.headers["cache-control"]


def test_neither_address_nor_tag_nor_length_tells_the_anchor_or_a_repeat(running: Listening, rater: Rater) -> None:
    stimuli = dealt(running, rater)
    assert len({one.id for one in stimuli}) < len(stimuli), "one is repeated"
    assert "anchor" in {one.role for one in stimuli}
    names = [trial["sound"]["id"] for trial in rater.state["trials"]]
    names += {trial["mixture"]["id"] for trial in rater.state["trials"]}
    answers = [rater.client.get(f"audio/{name}.wav?study=demo") for name in names]
    assert len({answer.headers["etag"] for answer in answers}) == len(names) == len(set(names))
    assert len({answer.headers["content-length"] for answer in answers}) == 1, "all sounds here are equally long"
    others = {"date", "etag"}
    kept = {tuple((key, value) for key, value in one.headers.items() if key not in others) for one in answers}
    assert len(kept) == 1
    mixtures = {hashlib.sha256(answer.content).digest() for answer in answers[len(stimuli) :]}
    assert not mixtures & {hashlib.sha256(answer.content).digest() for answer in answers[: len(stimuli)]}


def test_sounds_come_in_parts(rater: Rater) -> None:
    url = f"audio/{rater.state['trials'][0]['sound']['id']}.wav?study=demo"
    whole = rater.client.get(url).content
    size = len(whole)

    def part(wanted: str) -> httpx.Response:
        return rater.client.get(url, headers={"Range": wanted})

    for wanted, first, last in (("bytes=0-1", 0, 1), ("bytes=10-", 10, size - 1), ("bytes=-7", size - 7, size - 1),
                                (f"bytes=5-{size * 2}", 5, size - 1)):  # fmt: skip
        answer = part(wanted)
        assert (answer.status_code, answer.content) == (206, whole[first : last + 1])
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
    assert part(f"bytes={size}-").status_code == 416
    for wanted in ("bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes=x-1"):
        assert (part(wanted).status_code, part(wanted).content) == (200, whole)


def test_a_sound_whose_bytes_changed_is_not_served(tmp_path: Path) -> None:
    folder = small_study(tmp_path / "studies", items=1)
    with (
        Store.open(None, tmp_path / "store") as store,
        listening(folder.parent, store) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        trial = Rater(client).begin()["trials"][0]
        home = server.studies.get("demo")
        file, _ = home.audio(home.trials(0)[0].stimulus)
        file.write_bytes(file.read_bytes()[:-2] + b"\x01\x02")
        refusal(client.get(f"audio/{trial['sound']['id']}.wav?study=demo"), 500)
        assert client.get(f"audio/{trial['mixture']['id']}.wav?study=demo").status_code == 200


def test_nothing_served_names_a_system_or_a_control(running: Listening, client: httpx.Client) -> None:
    served: list[str] = []
    client.event_hooks["response"].append(
        lambda answer: served.append(f"{answer.url} {answer.headers} {answer.read().decode('latin-1')}")
    )
    rater = Rater(client)
    rater.begin(kiosk=False)
    rater.post("consent", agreed=True)
    client.get("demo")
    for trial, here in enumerate(rater.state["trials"]):
        rater.post("opened", trial=trial)
        refusal(rater.rate(trial), 422)
        assert listened(rater).rate(trial).status_code == 200
        for id in (here["sound"]["id"], here["mixture"]["id"]):
            client.get(f"audio/{id}.wav?study=demo")
    rater.post("finish").raise_for_status()
    rater.read()
    home = running.studies.get("demo")
    secrets = {*CONDITIONS, home.manifest.secret, *home.manifest.mixtures}
    for one in (*home.manifest.stimuli, *home.manifest.mixtures.values()):
        secrets |= {one.sha256, Path(one.file).stem}
    secrets |= {stimulus.id for stimulus in home.manifest.stimuli}
    text = "\n".join(served)
    assert len(served) > 3 * len(rater.state["trials"])
    assert not [secret for secret in secrets if secret in text]
    assert not re.search(r'"(anchor|trap|hidden|condition|role|repeat|kind)"\s*:', text.replace('"kind": "choice"', ""))


def test_a_fault_is_one_sentence_and_a_lost_store_asks_to_try_again(
    running: Listening, rater: Rater, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lass.listening.ratings.records import StoreError

    def full(*_: object, **__: object) -> None:
        raise StoreError("No space left on /secret/path; try again.")

    monkeypatch.setattr(running.store, "opened", full)
    assert "/secret" not in refusal(rater.post("opened", trial=0), 503)
    monkeypatch.setattr(running.store, "opened", lambda *_: 1 / 0)
    refusal(rater.post("opened", trial=0), 500)


def test_deleted_data_end_the_session(running: Listening, rater: Rater) -> None:
    running.store.delete(rater.token)
    refusal(rater.post("opened", trial=0), 401)
    assert rater.read()["step"] == "welcome"


SERVER = """
import sys
from pathlib import Path
import uvicorn
from starlette.applications import Starlette
from lass.listening.ratings.store import Store
from lass.listening.studies import Studies
from lass.listening.web.routes import participant_routes
store = Store.open(None, Path(sys.argv[2]))
app = Starlette(routes=participant_routes(Studies(Path(sys.argv[1]), store)))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[3]), log_level="error")
"""


@contextlib.contextmanager
def process(folder: Path, data: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server as a process of its own, to be killed."""
    command = [sys.executable, "-c", SERVER, str(folder), str(data), str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL) as running:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and running.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(f"http://127.0.0.1:{port}/listen/", timeout=5)
                    break
                time.sleep(0.1)
            yield running
        finally:
            running.kill()


def test_a_server_killed_after_a_click_has_it_and_the_session_goes_on(tmp_path: Path) -> None:
    folder = small_study(tmp_path / "studies", items=3, practice=0, traps=1, repeats=1, minimum_heard=0).parent
    port = free_port()
    rater = Rater(httpx.Client(base_url=f"http://127.0.0.1:{port}/listen/", timeout=30))
    acknowledged: dict[str, dict[str, int]] = {}
    with process(folder, tmp_path / "data", port) as server:
        before = rater.begin()
        for trial in range(3):
            rater.post("opened", trial=trial).raise_for_status()
            acknowledged = rater.rate(trial, trial + 2).raise_for_status().json()["session"]["answers"]
        server.send_signal(signal.SIGKILL)
        server.wait()
    with process(folder, tmp_path / "data", port):
        after = rater.read()
        assert after["trials"] == before["trials"]
        assert after["session"]["answers"] == acknowledged == {str(n): {"rating": n + 2} for n in range(3)}
        assert after["session"]["next"] == 3
        rater.rate(3, 5).raise_for_status()
    rater.client.close()
    with Store.open(None, tmp_path / "data") as store:
        assert [one.score for one in store.ratings("demo")] == [2, 3, 4, 5]
