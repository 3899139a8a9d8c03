"""The repository as a whole: what is pinned, what lies where, and what the Space is told about it."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

# What may stand at the top; names that begin with a dot are free.
TOP_LEVEL = {
    "app.py",
    "assets",
    "Dockerfile",
    "examples",
    "lass",
    "LICENSE",
    "Makefile",
    "pyproject.toml",
    "README.md",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-lock.txt",
    "tests",
}
LARGEST_FILE = 25_000_000  # bytes: the query encoder may be that large
LARGEST_CHECKPOINT = 10_000_000
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.]+)")
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def pins(path: Path) -> dict[str, str]:
    """Name (lower case, hyphens) and version of each requirement in a file; a line without a pin fails."""
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    matches = {line: REQUIREMENT.fullmatch(line) for line in lines if line}
    loose = [line for line, match in matches.items() if match is None]
    assert not loose, f"not pinned in {path.name}: {loose}"
    pinned = [match for match in matches.values() if match]
    return {re.sub(r"[-_.]+", "-", match["name"]).lower(): match["version"] for match in pinned}


@pytest.fixture(scope="module")
def front_matter(root: Path) -> dict[str, Any]:
    """What Hugging Face Spaces reads at the top of README.md."""
    text = (root / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\n")
    values = yaml.safe_load(text.split("---\n")[1])
    assert isinstance(values, dict)
    return values


@pytest.fixture(scope="module")
def tracked(root: Path) -> list[Path]:
    """Every file under version control, relative to the top."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    try:
        run = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    return [Path(name) for name in run.stdout.split("\0") if name and (root / name).exists()]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-lock.txt"])
def test_every_requirement_is_pinned(root: Path, name: str) -> None:
    assert pins(root / name)


def test_the_lock_leaves_direct_requirements_to_their_own_files(root: Path) -> None:
    direct = pins(root / "requirements.txt").keys() | pins(root / "requirements-dev.txt").keys()
    assert not direct & pins(root / "requirements-lock.txt").keys()


def test_the_torch_packages_are_of_one_release(root: Path) -> None:
    pinned = pins(root / "requirements.txt")
    assert pinned["torch"] == pinned["torchaudio"]


def test_the_space_runs_what_is_pinned(root: Path, front_matter: dict[str, Any]) -> None:
    assert front_matter["sdk"] == "gradio"
    assert front_matter["sdk_version"] == pins(root / "requirements.txt")["gradio"]
    assert (root / front_matter["app_file"]).is_file()


def test_the_space_runs_a_python_that_the_project_supports(root: Path, front_matter: dict[str, Any]) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = front_matter["python_version"]
    assert isinstance(version, str), "quote it: 3.10 without quotes is 3.1"
    assert project["requires-python"] == ">=3.11,<3.13"
    assert version in ("3.11", "3.12")
    assert f"FROM python:{version}-" in (root / "Dockerfile").read_text(encoding="utf-8")


def test_the_front_matter_is_what_spaces_accepts(front_matter: dict[str, Any]) -> None:
    assert {front_matter["colorFrom"], front_matter["colorTo"]} <= COLOURS
    assert len(front_matter["short_description"]) <= 60
    assert front_matter["license"] == "mit"
    assert front_matter["title"]
    assert front_matter["emoji"]


def test_the_readme_says_how_to_start_and_to_check(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"^(\w+):", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = set(re.findall(r"\bmake (app|test|lint|clean)\b", text))
    assert {"app", "test"} <= named <= set(targets)


def test_nothing_else_stands_at_the_top(tracked: list[Path]) -> None:
    top = {path.parts[0] for path in tracked}
    assert not {name for name in top - TOP_LEVEL if not name.startswith(".")}


def test_no_file_is_too_large(root: Path, tracked: list[Path]) -> None:
    sizes = {str(path): (root / path).stat().st_size for path in tracked}
    assert not {name: size for name, size in sizes.items() if size > LARGEST_FILE}
    checkpoints = {
        name: size
        for name, size in sizes.items()
        if name.endswith(".safetensors") and "query-encoder" not in name
    }
    assert not {name: size for name, size in checkpoints.items() if size > LARGEST_CHECKPOINT}


def test_no_checkpoint_is_a_pickle(tracked: list[Path]) -> None:
    assert not [path for path in tracked if path.suffix in (".pt", ".pth", ".ckpt", ".pkl", ".bin")]


def test_whatever_the_package_reads_is_installed_with_it(root: Path, tracked: list[Path]) -> None:
    given = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    patterns = [f"{package.replace('.', '/')}/{pattern}" for package, names in given.items() for pattern in names]
    data = [path for path in tracked if path.parts[0] == "lass" and path.suffix != ".py"]
    assert data
    assert not [path for path in data if not any(path.match(pattern) for pattern in patterns)]
