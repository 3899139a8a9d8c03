"""What is wrong with a study file, each problem with its line."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from lass.errors import LassError

if TYPE_CHECKING:
    from lass.listening.design.yaml_lines import Document

Place = tuple[str | int, ...]
"""Where a value stands in a file: keys and indexes from the top."""


@dataclass(frozen=True)
class Problem:
    """One problem: the file, the line counted from 1, the field such as ``items[2].query``, and what would be right."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {f'{self.field} ' if self.field else ''}{self.message}."


class StudyError(LassError):
    """A study file that cannot be used; ``problems`` holds all of them, and the text has a line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))


class Places:
    """A set of places, which knows whether another one is among them, within them or around them."""

    def __init__(self, places: Iterable[Place] = ()) -> None:
        self._places: set[Place] = set()
        self._around: set[Place] = set()
        for place in places:
            self.add(place)

    def add(self, place: Place) -> None:
        """One more."""
        self._places.add(place)
        self._around.update(place[:length] for length in range(len(place)))

    def touch(self, where: Place) -> bool:
        """Whether a place is one of these, or lies within one, or around one."""
        return self.surround(where) or self.hold(where)

    def surround(self, where: Place) -> bool:
        """Whether one of these lies within a place, and is not that place."""
        return where in self._around

    def hold(self, where: Place) -> bool:
        """Whether a place is one of these, or lies within one."""
        return any(where[:length] in self._places for length in range(len(where) + 1))


def field_name(where: Place) -> str:
    """A place for people: ``items[2].query``."""
    name = ""
    for part in where:
        name += f"[{part}]" if isinstance(part, int) else f"{'.' if name else ''}{part}"
    return name


_MESSAGES = {
    "missing": "is missing; add it",
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be a table of names and values",
    "model_type": "must be a table of names and values",
    "datetime_type": "must be a date such as 2030-01-31 or 2030-01-31T18:00:00Z",
    "datetime_parsing": "must be a date such as 2030-01-31 or 2030-01-31T18:00:00Z",
    "datetime_from_date_parsing": "must be a date such as 2030-01-31 or 2030-01-31T18:00:00Z",
    "too_short": "must have {min_length} or more entries, not {actual_length}",
    "too_long": "must have no more than {max_length} entries, not {actual_length}",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "string_pattern_mismatch": "has characters or a form that cannot be used here",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
}


def from_validation(
    error: ValidationError, document: "Document", model: type[BaseModel], known: Places | None = None
) -> list[Problem]:
    """Everything pydantic found, in our words and with the lines of the file; not at places that are known to be wrong.
    """
    problems = []
    errors = error.errors(include_url=False)
    places = Places(found["loc"] for found in errors)
    for found in errors:
        where: Place = found["loc"]
        kind, context = found["type"], found.get("ctx", {})
        # Whatever is wrong within a list, it may be too long as well.
        if known is not None and (known.hold(where) if kind == "too_long" else known.touch(where)):
            continue
        # A list whose entries are wrong only seems to have too few of them.
        if kind == "too_short" and places.surround(where):
            continue
        if kind == "extra_forbidden":
            message = _unknown(where, model)
        elif kind == "value_error":
            message = str(context.get("error", found["msg"]))
        elif kind == "missing" and where and isinstance(where[-1], int):
            message = "is missing; five labels are needed, for 1 to 5"
        else:
            message = _MESSAGES.get(kind, found["msg"][:1].lower() + found["msg"][1:]).format(**context)
        problems.append(document.problem(where, message))
    return problems


def _unknown(where: Place, model: type[BaseModel]) -> str:
    owner = model_at(model, where[:-1])
    known = list(owner.model_fields) if owner else []
    near = difflib.get_close_matches(str(where[-1]), known, n=1, cutoff=0.5)
    if near:
        return f"is not known; did you mean {near[0]}"
    return f"is not known; known are {', '.join(known)}"


def model_at(model: type[BaseModel], where: Place) -> type[BaseModel] | None:
    """The model of the table at a place; None where the table there is no model, or no table."""
    current: Any = model
    for part in where:
        current = _inner(current)
        if isinstance(part, int):
            continue
        if not (isinstance(current, type) and issubclass(current, BaseModel)) or part not in current.model_fields:
            return None
        current = current.model_fields[part].annotation
    return inner_model(current)


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """The model within ``tuple[Model, ...]`` or ``Model | None``; None where there is none."""
    found = _inner(annotation)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _inner(annotation: Any) -> Any:
    """The model within an annotation, or else its first innermost type."""
    while not (isinstance(annotation, type) and issubclass(annotation, BaseModel)) and get_args(annotation):
        annotation = get_args(annotation)[0]
    return annotation


__all__ = ["Place", "Places", "Problem", "StudyError", "field_name", "from_validation", "inner_model", "model_at"]
