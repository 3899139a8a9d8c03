"""Under which names one session hears its sounds.

A name is made for one presentation: a repeat is asked for under another one than its first hearing, and no two people
have a name in common, so that neither a browser's tools nor two raters side by side can tell what a sound is. A mixture
keeps its name throughout a session, because the page may know, and says, that it was heard before. A sound that was
built anew gets a new name: what a browser keeps under the old one is never rated as the new one.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from lass.listening.stimuli.assignment import Trial
from lass.listening.stimuli.manifest import opaque
from lass.listening.studies import OpenStudy


class Hearing:
    """The sounds of one session, by the session's token, and the names for them."""

    def __init__(self, home: OpenStudy, token: str, trials: Sequence[Trial]) -> None:
        self._home = home
        self._token = token
        self._trials = trials

    def sound(self, trial: Trial) -> str:
        """The name of a trial's stimulus."""
        return self._name(f"trial {trial.position}", trial.stimulus)

    def mixture(self, trial: Trial) -> str:
        """The name of the mixture that a trial's stimulus was made from."""
        return self._name("mixture", self._home.stimulus(trial.stimulus).mixture)

    def file(self, name: str) -> tuple[Path, str]:
        """The file of a sound and the SHA-256 its bytes must have; KeyError for what is none of this session's."""
        return self._home.audio(self._ids[name])

    @cached_property
    def _ids(self) -> dict[str, str]:
        """The id of the stimulus or mixture behind each name."""
        sounds = {self.sound(trial): trial.stimulus for trial in self._trials}
        return sounds | {self.mixture(trial): self._home.stimulus(trial.stimulus).mixture for trial in self._trials}

    def _name(self, what: str, id: str) -> str:
        _, sha256 = self._home.audio(id)
        return opaque(self._home.manifest.secret, what, self._token, f"{id} {sha256}")


__all__ = ["Hearing"]
