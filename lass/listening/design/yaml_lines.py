"""YAML that knows its lines, for files that people write: no aliases, no duplicate keys, no objects, no surprises."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lass.listening.design.problems import Place, Problem, StudyError, field_name

LARGEST = 1_000_000
"""Bytes of a study file: a thousand items need less."""
DEEPEST = 20
"""Tables and lists within each other."""


@dataclass(frozen=True)
class Document:
    """A YAML file: its bytes, its value, and the line of every place, counted from 1.

    ``problems`` are those that leave the rest readable; ``unreadable`` are places whose value can be none, and is None.
    """

    file: str
    content: bytes
    value: Any
    lines: dict[Place, int]
    problems: tuple[Problem, ...] = ()
    unreadable: frozenset[Place] = frozenset()

    def line(self, where: Place) -> int:
        """The line of a place, or of the nearest place above it that is in the file."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)

    def problem(self, where: Place, message: str) -> Problem:
        """A problem at a place."""
        return Problem(self.file, self.line(where), field_name(where), message)


def read_yaml(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        StudyError: it cannot be read, is no YAML in UTF-8, too large or too deep, or uses aliases.
    """
    name = str(path)
    try:
        # One byte more than is allowed tells that there is more.
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it has no name that a file can have"
        raise StudyError([Problem(name, 1, "", f"cannot be read ({reason}); give the study's YAML file")]) from error
    if len(content) > LARGEST:
        raise StudyError([Problem(name, 1, "", f"is larger than {LARGEST // 1000} kB; a study file is short")])
    try:
        text = content.decode("utf-8-sig")
        reader = _Reader(name)
        loader = yaml.SafeLoader(text)
        try:
            reader.refuse_aliases(text)
            node = loader.get_single_node()
            value = None if node is None else reader.value(loader, node, (), 0)
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StudyError([Problem(name, line, "", "is not text in UTF-8; save it as UTF-8")]) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise StudyError([Problem(name, line, "", f"is not valid YAML: {error.problem or error.context}")]) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        message = f"holds a character that no text has (number {ord(str(error.character)[0]):#x}); remove it"
        raise StudyError([Problem(name, line, "", message)]) from error
    except RecursionError as error:
        raise StudyError([Problem(name, 1, "", "nests lists or tables too deeply")]) from error
    if not isinstance(value, dict):
        wrong = Problem(name, 1, "", "must hold a table of names and values, such as `title: …`")
        raise StudyError([*reader.problems, wrong])
    return Document(name, content, value, reader.lines, tuple(reader.problems), frozenset(reader.unreadable))


class _Reader:
    """Turns nodes into plain values and notes their lines."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []
        self.unreadable: set[Place] = set()

    def refuse_aliases(self, text: str) -> None:
        """An alias could make a short file a huge one, and a depth limit must hold before anything is composed."""
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise self._refused(event, "uses an alias (*), which a study file cannot; write the value out")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > DEEPEST:
                raise self._refused(event, "nests lists or tables too deeply")

    def _refused(self, event: yaml.Event, message: str) -> StudyError:
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        return StudyError([Problem(self.file, line, "", message)])

    def value(self, loader: yaml.SafeLoader, node: yaml.Node, where: Place, line: int) -> Any:
        """The value of a node; ``line`` is that of its key, or 0 for its own."""
        self.lines[where] = line or node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            return [self.value(loader, child, (*where, index), 0) for index, child in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._table(loader, node, where)
        return self._scalar(loader, node, where)

    def _table(self, loader: yaml.SafeLoader, node: yaml.MappingNode, where: Place) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key_node, child in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value
            if key_node.tag != "tag:yaml.org,2002:str":
                self._add(line, where, f"has the name {_short(key)}, which is no text; put it in quotes")
            elif key in table:
                self._add(line, (*where, key), f"stands twice, also on line {self.lines[(*where, key)]}; remove one")
            else:
                table[key] = self.value(loader, child, (*where, key), line)
        return table

    def _scalar(self, loader: yaml.SafeLoader, node: yaml.Node, where: Place) -> Any:
        try:
            return loader.construct_object(node)
        except ValueError:  # a number of too many digits, or the 31st of February
            self._add(node.start_mark.line + 1, where, f"cannot be {_short(node.value)}; put text in quotes")
            self.unreadable.add(where)
            return None

    def _add(self, line: int, where: Place, message: str) -> None:
        self.problems.append(Problem(self.file, line, field_name(where), message))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


__all__ = ["Document", "read_yaml"]
