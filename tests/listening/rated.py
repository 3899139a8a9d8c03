"""A small study with the golden ratings in a real store."""

import csv
from pathlib import Path

from lass.listening.design.study import Study
from lass.listening.ratings.store import Store
from lass.listening.results.analysis import Built
from lass.listening.stimuli.manifest import Manifest
from tests.listening.small import small_manifest

GOLDEN = Path(__file__).parent / "golden"
OPENS, CLOSES = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
WHILE_OPEN, AFTERWARDS = 1_768_000_000.0, 1_771_000_000.0
UNFINISHED = {5}


def golden_study(folder: Path) -> tuple[Study, Manifest]:
    """Three items through two systems, with an anchor and a trap."""
    return small_manifest(
        folder, items=3, conditions=("a", "b"), anchor=True, traps=1, repeats=1, opens=OPENS, closes=CLOSES
    )


def fill(store: Store, study: Study, manifest: Manifest, ratings: Path = GOLDEN / "ratings.csv") -> dict[int, str]:
    """Save the golden ratings; returns rater -> token."""
    sounds = {}
    for one in manifest.stimuli:
        name = {"trap": ("trap", "trap"), "practice": (one.item, "a")}.get(one.role, (one.item, one.condition))
        sounds[name] = one
    tokens: dict[int, str] = {}
    trials: dict[int, int] = {}
    for number, row in enumerate(csv.DictReader(ratings.read_text(encoding="utf-8").splitlines())):
        rater = int(row["rater"])
        if rater not in tokens:
            session = store.begin(study.slug, study.sha256, study.seed, "en", "desktop", False)
            tokens[rater] = session.token
            store.update(session.token, consented=session.created)
        if row["revision"] == "1":
            trials[rater] = trials.get(rater, -1) + 1
        sound = sounds[row["item"], row["condition"]]
        store.rate(
            tokens[rater], trials[rater], sound.id, sound.sha256,
            {study.scale.questions[0].key: int(row["score"])}, f"key-{number}", 1, sound.seconds, 5.0,
        )  # fmt: skip
    for rater, token in tokens.items():
        if rater not in UNFINISHED:
            store.update(token, finished=1_767_900_000.0, code="C0DE")
    return tokens


def golden_store(folder: Path) -> tuple[Store, Built, dict[int, str]]:
    """The study, built, and its store with the golden ratings."""
    study, manifest = golden_study(folder / "studies")
    store = Store.open(None, folder / "data", clock=lambda: 1_767_800_000.0)
    return store, Built(study, manifest), fill(store, study, manifest)
