"""Every sentence that the rooms below raise for a visitor has its French, found by reading the rooms' sources."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from lass.ui.words.french import FRENCH
from lass.ui.words.sentences import FRENCH as SENTENCES
from lass.ui.words.sentences import told

LASS = Path(__file__).parents[3] / "lass"
# Where what a visitor does can end in an error. Of a model's own files (checkpoints, models, encoders) and of settings
# the person who runs the machine is told, in English.
ROOMS = [
    "errors.py", "audio", "queries/query.py", "stems.py", "region.py", "mixtures.py", "plots.py", "results.py",
    "ui/work", "ui/machine", "ui/parts", "ui/pages",
]  # fmt: skip
# No visitor brings these about.
FOR_PROGRAMMERS = {
    "A waveform is an array of floats", "{name} has the sample rate {sample_rate}; give a whole number",
    "The description must be text", "There is no description; write", "Mixture, target and residual differ",
    "A recording without samples or sample rate", "A recording holds values that are not numbers",
    "A recording of shape", "{name} is not a file; choose a recording.",
}  # fmt: skip
FOR_THE_COMMAND_LINE = {
    "{file} is not a name for a file", "{name} cannot be read to its end", "{name} is fetched by whoever runs",
}  # fmt: skip
FOR_WHO_RUNS_IT = {"The logging file"}
LEFT_IN_ENGLISH = tuple(FOR_PROGRAMMERS | FOR_THE_COMMAND_LINE | FOR_WHO_RUNS_IT)
# What stands for a value that is a word of the sentence.
VALUES = {"which": ("first", "second")}


def files() -> list[Path]:
    rooms = [LASS / room for room in ROOMS]
    found = [path for room in rooms for path in ([room] if room.suffix else sorted(room.rglob("*.py")))]
    assert len(found) > 30
    return found


def errors() -> set[str]:
    """The names of LassError and all below it."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in LASS.rglob("*.py")]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = {"LassError"}
    while more := {one.name for one in classes if names & {ast.unparse(base) for base in one.bases}} - names:
        names |= more
    return names


def spoken(tree: ast.AST, names: set[str]) -> Iterator[ast.expr]:
    """What may be an error's sentence: what errors are made of, their default, and what functions return."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            if ast.unparse(node.func) in names | {"super().__init__"}:
                yield node.args[0]
        elif isinstance(node, ast.Return) and node.value is not None:
            yield node.value
        elif isinstance(node, ast.arguments):
            yield from node.defaults


def sentence(node: ast.expr) -> str:
    """The sentence of a string or f-string, with its values' names in braces; empty for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        words = node.value
    elif isinstance(node, ast.JoinedStr):
        words = "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{_name(part)}}}" for part in node.values
        )
    else:
        return ""
    return words if words.endswith(".") and len(words.split()) >= 5 else ""


def _name(part: ast.AST) -> str:
    names = [node for node in ast.walk(part) if isinstance(node, ast.Name | ast.Attribute)]
    return names[-1].id if isinstance(names[-1], ast.Name) else names[-1].attr


def filled(words: str) -> list[str]:
    """The sentence as it may come out."""
    values = {name: VALUES.get(name, ("7",)) for _, name, _, _ in string.Formatter().parse(words) if name}
    most = max([len(each) for each in values.values()], default=1)
    return [words.format(**{name: each[n % len(each)] for name, each in values.items()}) for n in range(most)]


NAMES = errors() - {"SettingsError"}
RAISED = {
    words: path.relative_to(LASS)
    for path in files()
    for node in spoken(ast.parse(path.read_text(encoding="utf-8")), NAMES)
    if (words := sentence(node))
}


@pytest.mark.parametrize("words", RAISED)
def test_a_sentence_that_a_visitor_may_meet_has_its_french(words: str) -> None:
    if not words.startswith(LEFT_IN_ENGLISH):
        for one in filled(words):
            assert told(FRENCH, one) != one, f"{RAISED[words]} says it, and nobody translated it"


@pytest.mark.parametrize("key", SENTENCES)
def test_what_is_translated_is_said_somewhere(key: str) -> None:
    english = SENTENCES[key][0]
    blank = "".join(text + ("7" if name else "") for text, name, _, _ in string.Formatter().parse(english))
    assert blank in {one for words in RAISED for one in filled(words)}


def test_the_sources_are_read_as_they_are_written() -> None:
    source = 'if name:\n    raise AudioError(f"{name} is {len(name):.1f} s too " "long for us; cut.")'
    found = [sentence(node) for node in spoken(ast.parse(source), {"AudioError"})]
    assert found == ["{name} is {name} s too long for us; cut."]
    assert {"AudioError", "NoRoomError", "StoppingError"} <= NAMES
