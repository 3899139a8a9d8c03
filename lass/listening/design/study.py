"""A listening study, as its YAML file describes it.

Every problem of a file is reported at once, each with its line, its field and what would be right.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, PrivateAttr, StrictBool, StrictInt, field_validator
from pydantic import Field as Limits

from lass.listening.design.problems import Places, Problem, StudyError
from lass.listening.design.rules import Rules
from lass.listening.design.salvage import salvage
from lass.listening.design.scales import PRESETS, Scale
from lass.listening.design.text import LANGUAGE, Frozen, Number, Text
from lass.listening.design.words import languages as languages_said
from lass.listening.design.yaml_lines import Document, read_yaml

FILE = "study.yaml"
CONTROLS = ("anchor", "reference", "trap", "practice")
"""Names that conditions cannot have: the manifest uses them for the controls."""
MOST_ITEMS = 500
MOST_CONDITIONS = 50

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("must be of letters, digits, dots and dashes, 64 at most")
    return name


def _moment(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _language(code: str) -> str:
    if not LANGUAGE.fullmatch(code):
        raise ValueError(f"{code!r} is no language; write its code, such as en or fr")
    known = languages_said()
    if not {code, code.partition("-")[0]} & known.keys():
        there = ", ".join(f"{one} ({name})" for one, name in known.items())
        raise ValueError(f"{code!r} is no language that the participant's page has words in; there are {there}")
    return code


Language = Annotated[str, AfterValidator(_language)]
Name = Annotated[str, AfterValidator(_name)]
FilePath = Annotated[str, Limits(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x1f]+$")]
Moment = Annotated[datetime, AfterValidator(_moment)]


class Field(Frozen):
    """One question of the questionnaire, asked once at the end."""

    key: Name
    label: Text
    kind: Literal["choice", "number", "text"] = "text"
    choices: tuple[Text, ...] = Limits(default=(), max_length=50)
    required: StrictBool = False


class Condition(Frozen):
    """One system under test.

    ``model`` is a catalogue name or the path of a checkpoint; None where every item gives its own file. ``title`` names
    it in the report; ``sample_rate`` is that of a published checkpoint that does not say.
    """

    id: Name
    model: str | None = Limits(default=None, min_length=1, max_length=1_000)
    title: str | None = Limits(default=None, min_length=1, max_length=120)
    sample_rate: StrictInt | None = Limits(default=None, ge=8_000, le=192_000)

    @field_validator("id")
    @classmethod
    def _free(cls, id: str) -> str:
        if id in CONTROLS:
            raise ValueError(f"{id!r} is kept for a control; choose another name")
        return id


class Item(Frozen):
    """One mixture and what is asked for in it.

    ``mixture``, ``reference``, ``trap`` and the values of ``files`` are paths, relative to the study's file, or name a
    scene that is rendered: ``scene:NAME``. ``query`` is what the rater reads; models are asked in English where it is
    given, and else in the first language. ``conditions`` are those this item is heard with, all if None. ``other``
    describes another sound of the mixture, for the trap; ``trap`` is a wrong output made elsewhere.
    """

    id: Name
    mixture: FilePath
    query: Text
    reference: FilePath | None = None
    conditions: tuple[str, ...] | None = Limits(default=None, min_length=1)
    files: dict[str, FilePath] = Limits(default_factory=dict)
    other: str | None = Limits(default=None, min_length=1, max_length=300)
    trap: FilePath | None = None

    @property
    def asked(self) -> str:
        """The query as the models get it."""
        return self.query.in_language("en")


class Study(Frozen):
    """A whole study; see the fields' comments, and ``assets/studies`` for files to start from.

    ``slug`` and ``sha256``, the name and the hash of the file's bytes, come from the file and are not written in it.
    """

    title: Text
    welcome: Text
    consent: Text | None = None
    languages: tuple[Language, ...] = Limits(default=("en",), min_length=1)  # the first is the default
    scale: Scale
    items: tuple[Item, ...] = Limits(min_length=1, max_length=MOST_ITEMS)
    practice: tuple[Item, ...] = Limits(default=(), max_length=20)
    conditions: tuple[Condition, ...] = Limits(min_length=1, max_length=MOST_CONDITIONS)
    anchor: StrictBool = False  # the unprocessed mixture, hidden among the stimuli
    hidden_reference: StrictBool = False  # the clean source, hidden among the stimuli
    traps: StrictInt = Limits(default=0, ge=0, le=20)  # wrong-source outputs that every rater hears
    repeats: StrictInt = Limits(default=0, ge=0, le=20)  # stimuli that every rater hears twice
    items_per_rater: StrictInt | None = Limits(default=None, ge=1)  # rated stimuli besides controls; None: all
    seed: StrictInt = Limits(default=0, ge=0, le=2**63 - 1)
    questionnaire: tuple[Field, ...] = Limits(default=(), max_length=30)
    headphone_check: StrictBool = False
    completion_code: str | None = Limits(default=None, min_length=1, max_length=100, pattern=r"^[!-~]+$")
    return_url: str | None = Limits(default=None, max_length=2_000)
    opens: Moment | None = None
    closes: Moment | None = None
    loudness: Number = Limits(default=-23.0, ge=-60, le=-10)  # LUFS
    minutes: StrictInt | None = Limits(default=None, ge=1, le=600)  # the duration raters are told
    minimum_heard: Number = Limits(default=0.9, ge=0, le=1)  # share of a stimulus to hear before rating
    screening: Rules = Rules()  # thresholds for flagging raters; a flag leaves nobody out
    sync_dataset: str | None = Limits(default=None, pattern=r"^[\w.-]+/[\w.-]+$", max_length=200)

    _slug: str = PrivateAttr(default="study")
    _sha256: str = PrivateAttr(default="")

    @property
    def slug(self) -> str:
        """The study's name in addresses."""
        return self._slug

    @property
    def sha256(self) -> str:
        """The hash of the file's bytes, in hexadecimal."""
        return self._sha256

    def named(self, slug: str, sha256: str) -> Self:
        """A copy with its name and the hash of its file."""
        copy = self.model_copy()
        copy._slug, copy._sha256 = slug, sha256
        return copy

    def conditions_of(self, item: Item) -> tuple[Condition, ...]:
        """The conditions that an item is heard with, in the study's order."""
        return tuple(one for one in self.conditions if item.conditions is None or one.id in item.conditions)

    def is_open(self, now: datetime | float) -> bool:
        """Whether ratings are taken at a time: a date, or seconds since 1970."""
        moment = _moment(now) if isinstance(now, datetime) else datetime.fromtimestamp(now, UTC)
        return (self.opens is None or moment >= self.opens) and (self.closes is None or moment < self.closes)

    @field_validator("scale", mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in PRESETS:
                raise ValueError(f"must be one of {', '.join(PRESETS)}, or a table with your own questions")
            return PRESETS[value]
        return value

    @field_validator("languages")
    @classmethod
    def _once(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(languages)) < len(languages):
            raise ValueError("must name every language once")
        return languages

    @field_validator("return_url")
    @classmethod
    def _web(cls, address: str | None) -> str | None:
        if address is None:
            return None
        try:
            parts = urlsplit(address)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and re.fullmatch(r"[!-~]+", address)
        except ValueError:
            good = None
        if not good:
            raise ValueError("must be an address that begins with https://")
        return address


def load_study(path: Path | str) -> Study:
    """The study in a YAML file, or in a folder that holds a ``study.yaml``.

    Raises:
        StudyError: the file cannot be read, or has problems; its text has a line for each.
    """
    return read_study(path)[0]


def read_study(path: Path | str) -> tuple[Study, Document]:
    """The study and the document it was read from, which knows its lines. Raises StudyError."""
    found = examine(path)
    if found.problems or found.study is None:
        raise StudyError(found.problems)
    return found.study, found.document


@dataclass(frozen=True)
class Examined:
    """A study file as far as it can be read.

    ``study`` is None where there is too much wrong with it; else ``broken`` are the places where it says what the file
    does not. ``problems`` are all that the file has by itself; what it leads to, sounds and models, was not looked at.
    """

    study: Study | None
    document: Document
    problems: tuple[Problem, ...]
    broken: Places


def examine(path: Path | str) -> Examined:
    """Read a study file and find everything that is wrong with it.

    Raises:
        StudyError: it is no file, or no YAML, and nothing more can be said.
    """
    from lass.listening.design.consistency import inconsistencies

    file = study_file(path)
    document = read_yaml(file)
    study, problems, broken = salvage(document, Study)
    slug = ""
    try:
        slug = slug_of(file)
    except StudyError as error:
        problems += error.problems
    if study is not None:
        problems += [document.problem(where, message) for where, message in inconsistencies(study, broken)]
        study = study.named(slug, sha256(document.content).hexdigest())
    return Examined(study, document, tuple(problems), broken)


def study_file(path: Path | str) -> Path:
    """The file of a study that is named by its file or by its folder."""
    file = Path(path)
    return file / FILE if file.is_dir() else file


def slug_of(file: Path) -> str:
    """The name of a study: that of its file, or of its folder where the file is called study.yaml.

    Raises:
        StudyError: it cannot stand in an address.
    """
    slug = file.resolve().parent.name if file.name == FILE else file.stem
    if not _SLUG.fullmatch(slug) or len(slug) > 64:
        raise StudyError(
            [Problem(str(file), 1, "", f"{slug!r} cannot name a study; use small letters, digits and dashes")]
        )
    return slug


__all__ = [
    "Study",
    "Item",
    "Condition",
    "Field",
    "Text",
    "Scale",
    "StudyError",
    "Examined",
    "examine",
    "load_study",
    "read_study",
]
