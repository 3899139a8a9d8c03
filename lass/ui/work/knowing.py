"""What the Models & method page tells: the cards of the models, and which sounds they know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lass.ui.work.shelf import Shelf, is_here

if TYPE_CHECKING:
    from lass.checkpoints import ModelEntry

MOST = 6
"""Known sounds that a search shows."""


@dataclass(frozen=True)
class Neighbour:
    """A known sound and how near words come to it: the cosine between the two."""

    label: str
    similarity: float


@dataclass(frozen=True)
class Neighbours:
    """The known sounds nearest to a query, the nearest first.

    ``meant`` is the one the model takes it for; ``familiar`` says whether that is near enough to expect a separation.
    """

    query: str
    nearest: tuple[Neighbour, ...]
    meant: str
    familiar: bool


def knowing(shelf: Shelf) -> list[ModelEntry]:
    """The models on this machine that come with the application, and so list the sounds they know."""
    return [entry for entry in shelf.entries() if is_here(entry) and entry.asset is not None]


def labels(shelf: Shelf, model: str) -> tuple[str, ...]:
    """Every sound a model knows, in alphabetical order; none where it does not list any. Raises ModelError."""
    known = getattr(shelf.separator(model), "known_sounds", None)
    return () if known is None else tuple(sorted(known.labels))


def neighbours(shelf: Shelf, model: str, query: str) -> Neighbours | None:
    """The known sounds that words come nearest to; None where the model does not list any.

    Raises :class:`lass.errors.QueryError` for words that are no query, and ModelError for an unknown model.
    """
    from torch.nn.functional import normalize

    from lass.queries import check_query

    words = check_query(query)
    separator = shelf.separator(model)
    known = getattr(separator, "known_sounds", None)
    encoder = getattr(separator, "encoder", None)
    understood = separator.understand(words)
    if known is None or encoder is None or understood is None:
        return None
    similarities = known.vectors @ normalize(encoder.encode([words]).pooled[0], dim=0)
    best = similarities.topk(min(MOST, len(known.labels)))
    found = tuple(
        Neighbour(known.labels[index], float(value))
        for value, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    )
    return Neighbours(words, found, understood.label, understood.familiar)


@dataclass(frozen=True)
class Budget:
    """What the training of a bundled model took, all its stages together.

    ``begun_with`` names the checkpoint that it began with, of which nothing is known; empty where it began at random.
    """

    steps: int
    hours: float
    devices: tuple[str, ...]
    stages: int
    begun_with: str = ""


def budget(entry: ModelEntry) -> Budget | None:
    """The budget that the header of a bundled checkpoint states; None where it states none. Raises ModelError."""
    from lass.checkpoints.catalogue import read_metadata, starts

    training = {} if entry.asset is None else read_metadata(entry.asset).get("training") or {}
    if not training.get("steps") or not training.get("device"):
        return None
    stages, begun_with = [training], ""
    for start in starts(training):
        if (earlier := start.get("training") or {}).get("steps"):
            stages.append(earlier)
        else:
            begun_with = str(start.get("checkpoint", ""))
    return Budget(
        steps=sum(int(stage["steps"]) for stage in stages),
        hours=sum(float(stage.get("seconds", 0)) for stage in stages) / 3600,
        devices=tuple(sorted({str(stage["device"]) for stage in stages if "device" in stage})),
        stages=len(stages),
        begun_with=begun_with,
    )


def card(entry: ModelEntry) -> str:
    """The card of a bundled model as Markdown, without its front matter; empty where there is none."""
    if entry.asset is None:
        return ""
    file = entry.asset.with_name("README.md")
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return ""
    if text.startswith("---\n"):
        text = text.partition("\n---\n")[2]
    return text.strip()
