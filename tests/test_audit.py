"""The audit of packages fails on a flaw that a newer version mends, and on nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / ".ci" / "audit.py"
FLAW = {"id": "PYSEC-1", "fix_versions": ["1.1"], "description": ""}


def audited(folder: Path, says: str) -> subprocess.CompletedProcess[str]:
    """The script beside a stand-in for pip-audit that says this."""
    (folder / "pip_audit.py").write_text(f"print({says!r})")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, str(SCRIPT), "requirements.txt"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def package(*flaws: dict[str, Any]) -> str:
    return json.dumps({"dependencies": [{"name": "soup", "version": "1.0", "vulns": list(flaws)}]})


def test_a_flaw_that_a_newer_version_mends_is_a_failure(tmp_path: Path) -> None:
    done = audited(tmp_path, package(FLAW))
    assert done.returncode == 1
    assert "soup 1.0: PYSEC-1, mended in 1.1" in done.stdout


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        (package(), "Audited 1 of 1 packages"),
        (package({**FLAW, "fix_versions": []}), "PYSEC-1, not mended in any version yet"),
        (json.dumps({"dependencies": [{"name": "soup", "skip_reason": "not found"}]}), "Audited 0 of 1 packages"),
        ("no network", "The packages were not audited"),
    ],
)
def test_what_nobody_can_mend_or_knows_is_only_told(tmp_path: Path, says: str, sentence: str) -> None:
    done = audited(tmp_path, says)
    assert done.returncode == 0
    assert sentence in done.stdout
