"""Where the application is put: Hugging Face Spaces and a container, as far as both can be tried without them."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from gradio_client import Client, handle_file

from tests import zerogpu
from tests.browser.server import free_port, running, serving
from tests.container import command, copy_sources, ignored, instructions, variables

HOME = "/home/lass"
USER = 1000
PATIENCE = 180.0


def separate_an_example(url: str, root: Path, downloads: Path) -> None:
    """One of the shipped recordings through the endpoint for programs; the two parts have to add up to it."""
    example = json.loads((root / "examples" / "examples.json").read_text(encoding="utf-8"))[0]
    path = root / "examples" / example["file"]
    client = Client(url, verbose=False, download_files=downloads, analytics_enabled=False)
    target, residual, report = client.predict(
        audio=handle_file(path), query=example["query"], api_name="/separate"
    )
    parts = [soundfile.read(file, dtype="float32")[0] for file in (target, residual)]
    np.testing.assert_allclose(parts[0] + parts[1], soundfile.read(path, dtype="float32")[0], atol=1e-4)
    assert report["query"] == example["query"]
    client.close()


# Spaces


@pytest.fixture(scope="module")
def front_matter(root: Path) -> dict[str, Any]:
    values = yaml.safe_load((root / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert isinstance(values, dict)
    return values


def test_a_space_loads_nothing_that_is_not_named(front_matter: dict[str, Any]) -> None:
    # What ships is enough; a Space that fetched something at its start would not start without it.
    known = {
        "title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "pinned",
        "short_description", "license", "tags", "models", "datasets", "suggested_hardware", "startup_duration_timeout",
        "preload_from_hub", "thumbnail", "header", "disable_embedding",
    }  # fmt: skip
    assert front_matter.keys() <= known
    assert not front_matter.get("preload_from_hub")


def test_zerogpu_finds_its_own_python_and_torch(root: Path, front_matter: dict[str, Any]) -> None:
    assert front_matter["python_version"] in ("3.10", "3.12")
    pins = (root / "requirements.txt").read_text(encoding="utf-8")
    assert any(f"\ntorch=={version}" in pins for version in ("2.8.0", "2.9.0", "2.9.1", "2.10.0", "2.11.0"))


def test_app_py_asks_for_spaces_first(root: Path) -> None:
    lines = (root / "app.py").read_text(encoding="utf-8").splitlines()
    imports = [line.split()[1] for line in lines if line.strip().startswith(("import ", "from "))]
    ours = [name for name in imports if name.split(".")[0] not in sys.stdlib_module_names]
    assert ours[0] == "spaces"


def test_on_zerogpu_a_separation_borrows_a_gpu(root: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    path = os.pathsep.join([str(zerogpu.install(tmp_path / "packages")), os.environ.get("PYTHONPATH", "")])
    with serving(tmp_path / "space", PYTHONPATH=path.rstrip(os.pathsep), SPACES_JOURNAL=str(journal)) as server:
        separate_an_example(server.url, root, tmp_path / "downloads")
        assert server.attempts() == []
    noted = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    assert noted[0] == {"event": "imported", "torch": False, "gradio": False}
    events = [one["event"] for one in noted]
    assert events.count("imported") == 1
    decorated = next(one for one in noted if one["event"] == "decorated")
    assert decorated == {"event": "decorated", "kind": "generator", "cuda": False}
    assert events.index("decorated") < events.index("launched")
    assert events.count("launched") == 1
    lent = next(one for one in noted if one["event"] == "lent")
    assert 20 <= lent["seconds"] <= 60  # the shortest loan is in the first queue
    assert lent["steps"] >= 1
    assert lent["sent"] > 100_000  # the recording itself went along, not a path to it


# The container


@pytest.fixture(scope="module")
def steps(root: Path) -> list[tuple[str, str]]:
    return instructions(root / "Dockerfile")


def test_the_image_runs_as_the_user_of_a_docker_space(steps: list[tuple[str, str]]) -> None:
    names = [name for name, _ in steps]
    assert next(rest for name, rest in steps if name == "USER") == str(USER)
    assert any(f"--uid {USER}" in rest for name, rest in steps if name == "RUN")
    assert names.index("USER") < names.index("CMD")
    assert not [rest for name, rest in steps[names.index("USER") :] if name == "RUN"]
    values = variables(steps)
    assert values["GRADIO_SERVER_PORT"] == next(rest for name, rest in steps if name == "EXPOSE")
    assert values["HF_HOME"].startswith(HOME)
    assert values["LASS_DATA_DIR"].startswith(HOME)


def test_the_image_is_asked_for_its_health(steps: list[tuple[str, str]]) -> None:
    program = command(steps, "HEALTHCHECK")
    assert f"127.0.0.1:{variables(steps)['GRADIO_SERVER_PORT']}/health" in program[-1]


def test_what_is_installed_is_copied_before(steps: list[tuple[str, str]]) -> None:
    order = [(name, rest) for name, rest in steps if name in ("COPY", "RUN")]
    copied = next(number for number, (name, rest) in enumerate(order) if name == "COPY" and "requirements.txt" in rest)
    installs = [number for number, (name, rest) in enumerate(order) if name == "RUN" and "pip install" in rest]
    assert installs
    assert copied < min(installs)


def install(root: Path, tmp_path: Path, steps: list[tuple[str, str]], **arguments: str) -> tuple[int, list[str]]:
    """Runs the steps that install, with a pip that writes down how it was called."""
    work, tools = tmp_path / "work", tmp_path / "tools"
    work.mkdir()
    tools.mkdir()
    for name in ("requirements.txt", "requirements-lock.txt"):
        shutil.copyfile(root / name, work / name)
    calls = tmp_path / "calls"
    calls.touch()
    pip = tools / "pip"
    pip.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {calls}\n', encoding="utf-8")
    pip.chmod(0o755)
    defaults = dict((rest + "=").split("=")[:2] for name, rest in steps if name == "ARG")
    environment = {**defaults, **arguments, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    status = 0
    for name, rest in steps:
        if name == "RUN" and "pip install" in rest and status == 0:
            script = rest.replace("/tmp/torch.txt", str(tmp_path / "torch.txt"))
            status = subprocess.run(["sh", "-c", script], cwd=work, env=environment, check=False).returncode
    return status, calls.read_text(encoding="utf-8").splitlines()


def test_the_image_with_cuda_takes_everything_from_one_index(
    root: Path, tmp_path: Path, steps: list[tuple[str, str]]
) -> None:
    status, calls = install(root, tmp_path, steps)
    assert status == 0
    assert calls == ["install --no-cache-dir --requirement requirements.txt --constraint requirements-lock.txt"]


def test_the_image_for_the_processor_takes_the_torch_packages_from_another_index(
    root: Path, tmp_path: Path, steps: list[tuple[str, str]]
) -> None:
    status, calls = install(root, tmp_path, steps, VARIANT="cpu", TORCH_INDEX="https://example.org/cpu")
    assert status == 0
    assert len(calls) == 2
    assert "--no-deps --index-url https://example.org/cpu" in calls[0]
    assert "--index-url" not in calls[1]
    torch = (tmp_path / "torch.txt").read_text(encoding="utf-8").split()
    assert {line.partition("==")[0] for line in torch} == {"torch", "torchaudio", "torchvision"}
    pins = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert set(torch) <= set(pins)


@pytest.mark.parametrize("arguments", [{"VARIANT": "cpu"}, {"VARIANT": "rocm"}])
def test_an_image_that_cannot_be_built_is_refused_at_once(
    root: Path, tmp_path: Path, steps: list[tuple[str, str]], arguments: dict[str, str]
) -> None:
    status, calls = install(root, tmp_path, steps, **arguments)
    assert status != 0
    assert calls == []


def test_no_index_is_named(root: Path) -> None:
    text = (root / "Dockerfile").read_text(encoding="utf-8")
    assert "://" not in text.replace("http://127.0.0.1", "")


def test_patterns_of_dockerignore() -> None:
    patterns = [".git", "**/__pycache__", "*.egg-info", "tests"]
    kept = ["lass/ui/site.py", "README.md", "lass/tests_of_hearing.py", "docs/tests"]
    out = [".git/config", "lass/ui/__pycache__/a.pyc", "lass.egg-info", "tests/test_a.py"]
    assert not [name for name in kept if ignored(name, patterns)]
    assert [name for name in out if ignored(name, patterns)] == out


@pytest.fixture
def image(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """A folder with what the image would hold at /home/lass, and the names of the sources in it."""
    with tempfile.TemporaryDirectory(prefix="lass-image-") as name:
        home = Path(name)
        home.chmod(0o755)
        copied = copy_sources(root, home / "app")
        (home / "data").mkdir()
        (home / ".cache" / "huggingface").mkdir(parents=True)
        yield home, copied


def user_of_image() -> dict[str, int]:
    """Whom processes of the image run as: its own user, where we may become that one and it may read this Python."""
    if os.geteuid() != 0:
        return {}
    with contextlib.suppress(PermissionError):
        probe = [sys.executable, "-c", "import encodings, gradio_client"]
        if subprocess.run(probe, check=False, capture_output=True, cwd="/", user=USER, group=USER).returncode == 0:
            return {"user": USER, "group": USER}
    return {}


@contextlib.contextmanager
def started(home: Path, steps: list[tuple[str, str]], root: Path) -> Iterator[tuple[int, dict[str, str], Path]]:
    """The command of the image, in its environment; gives the port, the environment and the log."""
    port = free_port()
    own = {name: value.replace(HOME, str(home)) for name, value in variables(steps).items()}
    # On this machine only, and where nobody listens yet.
    own |= {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port), "HOME": str(home)}
    own["PATH"] = os.environ["PATH"]
    program = command(steps, "CMD")
    assert program[0] == "python"
    user = user_of_image()
    if user:
        for path in [home, *home.rglob("*")]:
            os.chown(path, USER, USER)
    guarded = [sys.executable, str(root / "tests" / "offline.py"), str(home / "journal"), *program[1:]]
    with running(guarded, home / "log", patience=60, cwd=home / "app", env=own, **user):
        yield port, own, home / "log"


def test_what_the_image_holds_is_enough(
    root: Path, tmp_path: Path, image: tuple[Path, list[str]], steps: list[tuple[str, str]]
) -> None:
    home, copied = image
    tops = {Path(name).parts[0] for name in copied}
    assert not tops & {".git", ".venv", "tests", "runs", ".ci"}
    assert {"app.py", "lass", "assets", "examples"} <= tops
    with started(home, steps, root) as (port, environment, log):
        check = [part.replace(":7860/", f":{port}/") for part in command(steps, "HEALTHCHECK")]
        check[0] = sys.executable
        deadline = time.monotonic() + PATIENCE
        while subprocess.run(check, env=environment, check=False, capture_output=True).returncode != 0:
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8", errors="replace")[-4000:]
            time.sleep(0.5)
        separate_an_example(f"http://127.0.0.1:{port}/", root, tmp_path / "downloads")
    assert not (home / "journal").exists(), (home / "journal").read_text(encoding="utf-8")
    assert any((home / "data").iterdir())
