"""Whether a study can be built: what its file says, and what that leads to."""

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lass.errors import ModelError
from lass.listening.design.consistency import Found
from lass.listening.design.problems import Place, StudyError
from lass.listening.design.study import Item, Study, examine, study_file
from lass.listening.design.yaml_lines import Document
from lass.listening.stimuli.plan import checkpoint_sha256
from lass.listening.stimuli.sources import Source


@dataclass(frozen=True)
class Checked:
    """A study without problems. ``notes`` are sentences on what is still missing before it can be built."""

    study: Study
    notes: tuple[str, ...]


def check_study(path: Path | str, cache_dir: Path | None = None) -> Checked:
    """Read a study and look for every file and model it names; ``cache_dir`` is where downloaded checkpoints are.

    A known model that is not here is no problem of the file, for it may still come: it is a note.

    Raises:
        StudyError: with everything that is wrong, whatever else is.
    """
    found = examine(path)
    study, document, problems = found.study, found.document, list(found.problems)
    if study is None:
        raise StudyError(problems)
    folder = study_file(path).resolve().parent
    problems += [
        document.problem(where, message)
        for where, message in (*_bad_sources(study, folder), *_unknown_models(study, folder))
        if not found.broken.touch(where)
    ]
    if problems:
        raise StudyError(problems)
    return Checked(study, tuple(_missing_models(study, document, folder, cache_dir)))


def _bad_sources(study: Study, folder: Path) -> Found:
    for where, source in _sources(study, folder):
        if source.problem is not None:
            yield where, source.problem


def _sources(study: Study, folder: Path) -> Iterator[tuple[Place, Source]]:
    for part, items in (("items", study.items), ("practice", study.practice)):
        for index, item in enumerate(items):
            for where, path in _paths(item):
                yield (part, index, *where), Source(path, folder)


def _paths(item: Item) -> Iterator[tuple[Place, str]]:
    yield ("mixture",), item.mixture
    if item.reference is not None:
        yield ("reference",), item.reference
    if item.trap is not None:
        yield ("trap",), item.trap
    for condition, path in item.files.items():
        yield ("files", condition), path


def _models(study: Study, folder: Path) -> Iterator[tuple[Place, str]]:
    """The models that are named, not given as a checkpoint beside the study or from here."""
    for index, condition in enumerate(study.conditions):
        name = condition.model
        if name is not None and not os.path.isfile(folder / name) and not os.path.isfile(name):
            yield ("conditions", index, "model"), name


def _unknown_models(study: Study, folder: Path) -> Found:
    from lass.checkpoints import catalogue

    known = catalogue.names()
    for where, name in _models(study, folder):
        if name not in known:
            near = difflib.get_close_matches(name.lower(), known, n=1)
            hint = f"did you mean {near[0]}" if near else f"known are {', '.join(known)}"
            yield where, f"names {name!r}, which is neither a model nor the file of a checkpoint; {hint}"


def _missing_models(study: Study, document: Document, folder: Path, cache_dir: Path | None) -> Iterator[str]:
    for where, name in _models(study, folder):
        try:
            checkpoint_sha256(name, cache_dir)
        except ModelError:
            hint = f"download it with `lass download {name}`"
            yield str(document.problem(where, f"{name} is not here, and needed to build; {hint}"))


__all__ = ["Checked", "check_study"]
