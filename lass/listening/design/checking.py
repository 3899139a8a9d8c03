"""Whether a study can be built: what its file says, and what that leads to."""

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lass.errors import ModelError
from lass.listening.design.problems import Place, StudyError
from lass.listening.design.study import Item, Study, read_study, study_file
from lass.listening.design.yaml_lines import Document
from lass.listening.stimuli.plan import checkpoint_sha256
from lass.listening.stimuli.sources import Source


@dataclass(frozen=True)
class Checked:
    """A study without problems. ``notes`` are sentences on what is still missing before it can be built."""

    study: Study
    notes: tuple[str, ...]


def check_study(path: Path | str, cache_dir: Path | None = None) -> Checked:
    """Read a study and look for every file it names; ``cache_dir`` is where downloaded checkpoints are.

    A model that is not here is no problem of the file, for it may still come: it is a note.

    Raises:
        StudyError: with everything that is wrong.
    """
    study, document = read_study(path)
    folder = study_file(path).resolve().parent
    problems = [
        document.problem(where, source.problem)
        for where, source in _sources(study, folder)
        if source.problem is not None
    ]
    if problems:
        raise StudyError(problems)
    return Checked(study, tuple(_missing_models(study, document, folder, cache_dir)))


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


def _missing_models(study: Study, document: Document, folder: Path, cache_dir: Path | None) -> Iterator[str]:
    from lass.checkpoints import catalogue

    for index, condition in enumerate(study.conditions):
        if condition.model is None or os.path.isfile(folder / condition.model):
            continue
        try:
            checkpoint_sha256(condition.model, cache_dir)
        except ModelError:
            known = catalogue.names()
            near = difflib.get_close_matches(condition.model, known, n=1, cutoff=0.85)
            if condition.model in known:
                hint = f"download it with `lass download {condition.model}`"
            else:
                hint = f"did you mean {near[0]}" if near else f"known are {', '.join(known)}"
            where = ("conditions", index, "model")
            yield str(document.problem(where, f"{condition.model} is not here, and needed to build; {hint}"))


__all__ = ["Checked", "check_study"]
