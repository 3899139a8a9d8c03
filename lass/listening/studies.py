"""The studies that people can take part in: a folder of built studies, and the store of what they answer."""

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path

from lass.errors import LassError
from lass.listening.design.closing import FILE as CLOSED
from lass.listening.design.closing import as_closed, close
from lass.listening.design.study import FILE as STUDY
from lass.listening.design.study import Study, load_study
from lass.listening.ratings.store import Store
from lass.listening.stimuli.assignment import Trial, trials_for
from lass.listening.stimuli.manifest import FILE as MANIFEST
from lass.listening.stimuli.manifest import Manifest, Stimulus, load_manifest

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_SLUG = 64
_REMEMBERED = 1024
"""Participants of a study whose trials are kept in memory; dealing them again takes milliseconds."""
_Version = tuple[tuple[int, int], ...]

log = logging.getLogger(__name__)


class UnknownStudyError(LassError):
    """No study of this name is served here."""

    def __init__(self) -> None:
        super().__init__("There is no such listening test here; check the link you were given.")


@dataclass(frozen=True, eq=False)
class OpenStudy:
    """A built study, read and ready: its file, the manifest of its audio, and the folder that holds both."""

    study: Study
    manifest: Manifest
    folder: Path

    def trials(self, place: int) -> tuple[Trial, ...]:
        """The trials of the participant at a place, always the same."""
        return self._dealt(place)

    def stimulus(self, id: str) -> Stimulus:
        """The stimulus of a trial."""
        return self._stimuli[id]

    def audio(self, id: str) -> tuple[Path, str]:
        """The file of a stimulus or a mixture and the SHA-256 its bytes must have; KeyError for other ids."""
        sound = self._stimuli.get(id) or self.manifest.mixtures[id]
        return self.folder / sound.file, sound.sha256

    @cached_property
    def _stimuli(self) -> dict[str, Stimulus]:
        return {stimulus.id: stimulus for stimulus in self.manifest.stimuli}

    @cached_property
    def _dealt(self) -> Callable[[int], tuple[Trial, ...]]:
        return lru_cache(_REMEMBERED)(lambda place: trials_for(self.study, self.manifest, place))


class Studies:
    """The folder of built studies and the store; safe to use from any number of threads.

    A study that is built, built again or removed while this runs is noticed: its files are looked at on every call,
    and read when they changed.
    """

    def __init__(self, folder: Path, store: Store, clock: Callable[[], float] = time.time) -> None:
        """``folder`` holds one folder for each built study, by its slug; ``clock`` gives Unix seconds."""
        self.folder = folder
        self.store = store
        self.clock = clock
        self._lock = threading.Lock()
        self._read: dict[str, tuple[_Version, OpenStudy]] = {}

    def get(self, slug: str) -> OpenStudy:
        """The study of this name.

        Raises:
            UnknownStudyError: there is none.
            LassError: its folder is damaged; the text is for the organiser.
        """
        if len(slug) > _LONGEST_SLUG or not _SLUG.fullmatch(slug):
            raise UnknownStudyError
        folder = self.folder / slug
        version = _version(folder)
        if version is None:
            raise UnknownStudyError
        with self._lock:
            known = self._read.get(slug)
            if known is None or known[0] != version:
                study = as_closed(load_study(folder), folder)
                known = (version, OpenStudy(study, load_manifest(folder), folder))
                self._read[slug] = known
        return known[1]

    def all(self) -> list[OpenStudy]:
        """All studies by their names; a damaged one is left out, and the log says why."""
        found = []
        for folder in sorted(self.folder.iterdir()) if self.folder.is_dir() else []:
            try:
                found.append(self.get(folder.name))
            except UnknownStudyError:
                continue
            except LassError as error:
                log.warning("The study %s is left out: %s", folder.name, error)
        return found

    def open(self) -> list[OpenStudy]:
        """The studies that take ratings now."""
        now = self.clock()
        return [one for one in self.all() if one.study.is_open(now)]

    def close(self, slug: str) -> None:
        """From now on a study takes no ratings, and its results are shown.

        Raises:
            UnknownStudyError: there is none.
            LassError: its folder cannot be written to.
        """
        close(self.get(slug).folder, datetime.fromtimestamp(self.clock(), UTC))


def _version(folder: Path) -> _Version | None:
    """What tells whether a study's files changed; None where no built study is."""
    try:
        states = [(folder / name).stat() for name in (STUDY, MANIFEST)]
    except OSError:
        return None
    with contextlib.suppress(OSError):  # there only where somebody closed the study by hand
        states.append((folder / CLOSED).stat())
    return tuple((state.st_mtime_ns, state.st_size) for state in states)


__all__ = ["OpenStudy", "Studies", "UnknownStudyError"]
