"""Participants without a browser: they speak the page's own JSON, as a test or a forger would."""

import secrets
from pathlib import Path
from typing import Any

import httpx

from lass.listening.stimuli.building import build_study
from tests.listening import small


def lasting_study(folder: Path, seconds: float, **options: Any) -> Path:
    """A built study of tones that last; returns its folder, `folder/demo`."""
    source = small.small_source(folder / "sources", **options)
    for index, file in enumerate(sorted(source.parent.glob("*.wav"))):
        small.tone(file, 200 + 15 * index, seconds=seconds)
    return build_study(source, folder / "demo").folder


class Rater:
    """One participant with a connection of their own; `client` answers below /listen/."""

    def __init__(self, client: httpx.Client, slug: str = "demo") -> None:
        self.client = client
        self.slug = slug
        self.state: dict[str, Any] = {}
        self.token = ""

    def post(self, step: str, **message: Any) -> httpx.Response:
        return self.client.post(f"api/{self.slug}/{step}", json=message)

    def read(self) -> dict[str, Any]:
        self.state = self.client.get(f"api/{self.slug}/state").raise_for_status().json()
        return self.state

    def begin(self, **message: Any) -> dict[str, Any]:
        message = {"key": secrets.token_hex(16), **message}
        self.state = self.post("begin", **message).raise_for_status().json()
        self.token = self.state["token"]
        return self.state

    def answer(self, trial: int, score: Any = 4, **changes: Any) -> dict[str, Any]:
        """What the page sends for a trial that was heard."""
        here = self.state["trials"][trial]
        return {
            "trial": trial,
            "scores": {question["key"]: score for question in self.state["study"]["questions"]},
            "key": secrets.token_hex(16),
            "plays": 1,
            "seconds_heard": here["sound"]["seconds"],
            "mixture_heard": here["mixture"]["seconds"],
            "seconds_to_rate": 1.5,
            **changes,
        }

    def rate(self, trial: int, score: Any = 4, **changes: Any) -> httpx.Response:
        return self.post("rate", **self.answer(trial, score, **changes))

    def complete(self) -> dict[str, Any]:
        """The whole of a study of short sounds."""
        for trial in range(len(self.state["trials"])):
            self.post("opened", trial=trial).raise_for_status()
            self.rate(trial, trial % 5 + 1).raise_for_status()
        done: dict[str, Any] = self.post("finish").raise_for_status().json()
        return done
