"""What is remembered of visitors is bounded, and nobody who may wait is forgotten."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lass.ui.application import QUEUE_LENGTH
from tests.browser.server import ROOT

PROGRAM = """
import os, sys
from lass.settings import Settings
from lass.ui import launch
blocks = launch(Settings.from_environment(os.environ), prevent_thread_lock=True)
print(blocks.app.state_holder.capacity, flush=True)
os._exit(0)
"""


def test_as_many_visitors_are_remembered_as_may_wait(tmp_path: Path) -> None:
    environment = {**os.environ, "LASS_DATA_DIR": str(tmp_path), "GRADIO_TEMP_DIR": str(tmp_path / "files")}
    environment.pop("GRADIO_SERVER_PORT", None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
        check=True,
    )  # fmt: skip
    assert int(done.stdout.split()[-1]) == QUEUE_LENGTH
