"""Who may import whom: the rooms of the package stand on floors, and imports go down only.

The sources are read, not run, so an import inside a function or under TYPE_CHECKING counts like any other.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the roof down. A room may import itself and rooms on lower floors, never its neighbours on its own.
FLOORS = [
    ["app.py"],
    ["__main__"],
    ["cli"],  # `serve` opens the user interface
    ["ui"],
    ["listening", "evaluation"],
    ["the front door"],  # lass/__init__.py
    ["batch"],  # files in, results out
    ["results"],
    ["stems", "region"],  # several descriptions, a part of a recording
    ["ensemble"],
    ["separation", "training"],
    ["checkpoints"],
    ["models"],
    ["mixtures"],
    ["queries", "audio"],
    ["scenes", "metrics", "plots", "presence"],
    ["sounds"],  # what the scenes are made of
    ["devices", "files", "waveforms"],
    ["errors", "version", "typography", "ending"],
]
# The user interface has floors of its own.
UI_FLOORS = [
    ["__init__"],
    ["application"],
    ["site"],
    ["pages"],
    ["parts", "serving"],
    ["work"],
    ["words", "machine", "look"],
]
# The environment is read at the top and handed down as values.
SETTINGS_READERS = {"app.py", "cli", "__main__", "ui", "the front door"}
GRADIO_ROOMS = {"ui"}
# Present on Hugging Face Spaces only; and a measure of speech that has to be compiled where it is wanted.
OPTIONAL_IMPORTS = {"spaces", "pesq"}
# Where the name of a package and the name it is installed by differ.
INSTALLED_AS = {"yaml": "pyyaml", "laion_clap": "laion-clap", "huggingface_hub": "huggingface-hub", "PIL": "pillow"}

FLOOR_OF = {room: floor for floor, rooms in enumerate(reversed(FLOORS)) for room in rooms}
SOURCES = [path for path in [ROOT / "app.py", *sorted((ROOT / "lass").rglob("*.py"))] if path.exists()]


def room_of(path: Path) -> str:
    """The room that a source file belongs to."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts == ("app",):
        return "app.py"
    return "the front door" if parts[1:] == ("__init__",) else parts[1]


def is_room(name: str) -> bool:
    """Whether lass.NAME is a room, rather than a name that the front door exports."""
    return name in FLOOR_OF or (ROOT / "lass" / f"{name}.py").exists() or (ROOT / "lass" / name).is_dir()


@cache
def imports(path: Path) -> frozenset[str]:
    """Everything a file imports, as dotted names: `from a import b` gives "a.b"."""
    return frozenset(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*above, *(node.module.split(".") if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def rooms_imported(path: Path) -> set[str]:
    """The rooms that a file imports from."""
    inside = [name.split(".") for name in imports(path) if name.split(".")[0] == "lass"]
    return {parts[1] if len(parts) > 1 and is_room(parts[1]) else "the front door" for parts in inside}


def others_imported(path: Path) -> set[str]:
    """The packages of other people that a file imports."""
    tops = {name.split(".")[0] for name in imports(path)}
    return tops - set(sys.stdlib_module_names) - {"lass"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    room = room_of(path)
    if room == "settings":
        assert rooms_imported(path) <= {"errors", "settings"}
        return
    assert room in FLOOR_OF, f"{room} stands on no floor: give it one in this file"
    wrong = {
        other
        for other in rooms_imported(path) - {room, "settings"}
        if other not in FLOOR_OF or FLOOR_OF[other] >= FLOOR_OF[room]
    }
    assert not wrong, f"{room} must not import {', '.join(sorted(wrong))}"


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if room_of(path) == "ui"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_imports_within_the_user_interface_go_down_only(path: Path) -> None:
    floor_of = {room: floor for floor, rooms in enumerate(reversed(UI_FLOORS)) for room in rooms}
    room = path.relative_to(ROOT / "lass" / "ui").with_suffix("").parts[0]
    assert room in floor_of, f"{room} stands on no floor of the user interface: give it one in this file"
    others = {name.split(".")[2] for name in imports(path) if name.startswith("lass.ui.")} - {room}
    wrong = {other for other in others if floor_of[other] >= floor_of[room]}
    assert not wrong, f"{room} must not import {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_settings_are_read_at_the_top_only(path: Path) -> None:
    if room_of(path) not in SETTINGS_READERS | {"settings"}:
        assert "settings" not in rooms_imported(path)
        assert not imports(path) & {"os.environ", "os.getenv"}
        assert not environment_reads(path)


def environment_reads(path: Path) -> list[int]:
    """The lines on which a file mentions os.environ or os.getenv."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [
        node.lineno
        for node in nodes
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_gradio_is_known_in_the_user_interface_only(path: Path) -> None:
    if room_of(path) not in GRADIO_ROOMS:
        assert not others_imported(path) & {"gradio", "gradio_client"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_imported_is_required_by_name(path: Path) -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = {line.partition("==")[0].lower() for line in lines if line and not line.startswith("#")}
    needed = {INSTALLED_AS.get(name, name).lower() for name in others_imported(path) - OPTIONAL_IMPORTS}
    assert needed <= required, "add it to requirements.txt: a package that another one brings along may go"


@pytest.mark.parametrize("module", ["lass", "lass.errors", "lass.settings", "lass.cli"])
def test_importing_is_light(module: str) -> None:
    heavy = "{'torch', 'torchaudio', 'gradio', 'transformers', 'laion_clap', 'matplotlib'}"
    program = f"import sys, {module}; print(*sorted({heavy} & sys.modules.keys()))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == ""


def test_an_import_within_a_function_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "lass" / "ui").mkdir(parents=True)
    source = tmp_path / "lass" / "audio.py"
    source.write_text("def late():\n    from lass import ui, errors, Separation\n    import gradio.themes\n")
    assert rooms_imported(source) == {"ui", "errors", "the front door"}
    assert others_imported(source) == {"gradio"}
    relative = tmp_path / "lass" / "scenes.py"
    relative.write_text("from . import ui\nfrom .errors import LassError\n")
    assert rooms_imported(relative) == {"ui", "errors"}
