"""The end of the application: steps that fail, and the real thing, started and stopped."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from lass.ui.serving.ending import finish
from tests.browser.server import ROOT, free_port

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def test_a_step_that_fails_or_hangs_does_not_keep_the_others() -> None:
    done, hanging = [], threading.Event()

    def fail() -> None:
        raise OSError

    finish([("fail", fail), ("hang", hanging.wait), ("last", lambda: done.append(1))], seconds=0.2)
    assert done == [1]
    hanging.set()


@posix
def test_the_application_ends_by_itself_and_leaves_nothing(tmp_path: Path) -> None:
    port, temporary = free_port(), tmp_path / "temporary"
    temporary.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRADIO_")}
    environment |= {
        "GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port), "TMPDIR": str(temporary),
        "LASS_DATA_DIR": str(tmp_path / "data"), "HF_TOKEN": "hunter2", "LASS_ADMIN_PASSWORD": "hunter2",
        "LASS_STUDIES_DIR": str(tmp_path / "studies"), "GRADIO_ANALYTICS_ENABLED": "False",
    }  # fmt: skip
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        facts = awaited(port, process)
        assert facts["models_loaded"]
        assert facts["store"] is not False
        assert any(temporary.rglob("run-*"))
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert not list(temporary.rglob("run-*"))
    assert not [path for path in temporary.rglob("*") if path.is_file()]
    written = log.read_text(encoding="utf-8")
    assert "Traceback" not in written
    assert "hunter2" not in written


def awaited(port: int, process: subprocess.Popen[bytes]) -> dict:
    """What /health says once the application is ready."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError("the application was not ready in time")
