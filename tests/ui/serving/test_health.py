"""What those who keep the application running are told, and what every answer carries."""

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from lass.ui.machine.metrics import Metrics
from lass.ui.serving import health as module
from lass.ui.serving.headers import secured
from lass.ui.serving.health import Health
from lass.ui.work.service import Service
from tests.ui.small import recording, small_service

LABEL = r'[a-z]+="[^"\\]*"'
LINE = re.compile(rf"[a-z_]+(\{{{LABEL}(,{LABEL})*\}})? [0-9.e+-]+")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return small_service(tmp_path / "scratch")


def visitor(health: Health) -> TestClient:
    async def page(request: Request) -> Response:
        return PlainTextResponse("the page", headers={"Referrer-Policy": "no-referrer"})

    middleware = [Middleware(secured), Middleware(health.pages.around)]
    return TestClient(Starlette(routes=[Route("/{path:path}", page)], middleware=middleware))


def values(text: str) -> dict[str, float]:
    """Every sample of Prometheus's text format; a line that is none fails."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            assert LINE.fullmatch(line), line
            name, _, value = line.rpartition(" ")
            assert name not in found
            found[name] = float(value)
    return found


def test_before_the_first_model_is_loaded_it_is_not_ready(service: Service) -> None:
    client = visitor(Health(service.bench, "1.2.3"))
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False, "stopping": False, "version": "1.2.3", "device": None, "models_loaded": [],
        "queue": {"waiting": 0, "running": 0}, "store": None,
    }  # fmt: skip
    service.shelf.preload()
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["models_loaded"] == ["half"]
    assert answer.json()["device"] == "cpu"


def test_a_model_that_was_unloaded_again_does_not_make_it_unready(service: Service) -> None:
    client = visitor(Health(service.bench, "1"))
    service.shelf.preload()
    client.get("/health")
    service.shelf.unload()
    assert client.get("/health").json()["ready"] is True


def broken() -> bool:
    raise OSError("the disk at /srv/secret")


@pytest.mark.parametrize(
    ("store", "status"), [(lambda: True, 200), (lambda: None, 200), (lambda: False, 503), (broken, 503)]
)
def test_ratings_that_cannot_be_saved_are_said(service: Service, store: Callable[[], bool | None], status: int) -> None:
    service.shelf.preload()
    answer = visitor(Health(service.bench, "1", store)).get("/health")
    assert answer.status_code == status
    assert answer.json()["ready"] is (status == 200)
    assert "secret" not in answer.text


def test_a_store_that_does_not_answer_is_not_waited_for(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.shelf.preload()
    released, asked = threading.Event(), []

    def hanging() -> bool:
        asked.append(1)
        return released.wait(60)

    monkeypatch.setattr(module, "PATIENCE", 0.05)
    with visitor(Health(service.bench, "1", hanging)) as client:
        assert client.get("/health").status_code == 503
        client.get("/health")
        assert len(asked) == 1  # one thread hangs, however often somebody asks
        released.set()


def test_on_its_way_out_it_is_not_ready(service: Service) -> None:
    service.shelf.preload()
    service.bench.close(0)
    answer = visitor(Health(service.bench, "1")).get("/health")
    assert answer.status_code == 503
    assert answer.json()["stopping"] is True


def test_metrics_count_what_was_done(service: Service, tmp_path: Path) -> None:
    health = Health(service.bench, "1")
    health.waiting = lambda: 3
    client = visitor(health)
    before = values(client.get("/metrics").text)
    assert before["lass_models_loaded"] == 0
    path = recording(tmp_path / "my diary.wav", 2.0)
    service.separate(path, "secret words", "half")
    (tmp_path / "text.wav").write_text("no sound")
    for model in ("half", "<made up>"):
        with pytest.raises(Exception, match=r"text\.wav|made up"):
            service.separate(str(tmp_path / "text.wav") if model == "half" else path, "secret words", model)
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    after = values(answer.text)
    assert after['lass_requests_total{model="half",outcome="done"}'] == 1
    assert after['lass_requests_total{model="unknown",outcome="refused"}'] == 1
    assert after['lass_separated_audio_seconds_total{model="half"}'] == 2
    assert after['lass_failures_total{kind="recording"}'] == 1
    assert after["lass_separation_duration_seconds_count"] == 1
    assert after['lass_separation_duration_seconds_bucket{le="+Inf"}'] == 1
    assert after["lass_separation_duration_seconds_sum"] > 0
    assert after["lass_models_loaded"] == 1
    assert after["lass_queue_length"] == 3
    assert after["lass_visitor_files_bytes"] > 2 * 2 * 2 * 4 * 16_000 - 1
    for told in ("diary", "secret", "made up", str(tmp_path)):
        assert told not in answer.text


def test_the_buckets_of_the_histogram_add_up() -> None:
    counts = Metrics()
    for seconds in (0.1, 0.5, 0.6, 1_000):
        counts.took(seconds)
    found = values(counts.text())
    assert found['lass_separation_duration_seconds_bucket{le="0.5"}'] == 2
    assert found['lass_separation_duration_seconds_bucket{le="1"}'] == 3
    assert found['lass_separation_duration_seconds_bucket{le="600"}'] == 3
    assert found['lass_separation_duration_seconds_bucket{le="+Inf"}'] == 4


def test_one_value_that_cannot_be_had_does_not_hide_the_others() -> None:
    counts = Metrics()
    counts.gauge("lass_broken", "Fails.", broken)
    counts.gauge("lass_fine", "Works.", lambda: 2.5)
    found = values(counts.text())
    assert "lass_broken" not in found
    assert found["lass_fine"] == 2.5


def test_nothing_else_is_answered_here(service: Service) -> None:
    client = visitor(Health(service.bench, "1"))
    assert client.get("/").text == "the page"
    assert client.get("/healthy").text == "the page"
    assert client.post("/health").status_code == 405
    assert client.get("/metrics/../etc").text == "the page"


@pytest.mark.parametrize("path", ["/", "/health", "/metrics"])
def test_every_answer_carries_the_security_headers(service: Service, path: str) -> None:
    headers = visitor(Health(service.bench, "1")).get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "object-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'self' https://huggingface.co" in headers["content-security-policy"]
    # An answer that brings its own keeps it.
    assert headers["referrer-policy"] == ("no-referrer" if path == "/" else "same-origin")


def test_the_container_asks_for_it(root: Path) -> None:
    text = (root / "Dockerfile").read_text(encoding="utf-8")
    check = text[text.index("HEALTHCHECK") :].partition("\n\n")[0]
    assert f":7860{module.HEALTH}'" in check
    assert "GRADIO_SERVER_PORT=7860" in text
