"""Fetching everything that a model needs, as one download with one progress."""

from collections.abc import Sequence
from pathlib import Path

from lass.checkpoints.catalogue import Companion, ModelEntry
from lass.checkpoints.checksum import Cancel, Progress
from lass.checkpoints.store import Store, overall

Part = ModelEntry | Companion


def fetch(
    store: Store, parts: Sequence[Part], progress: Progress | None = None, cancelled: Cancel | None = None
) -> dict[str, Path]:
    """Fetch what is missing of ``parts``, one after the other, and return the first file of each by its name.

    ``progress(done, total)`` counts the bytes of all that has to be fetched, what an earlier download left included;
    ``total`` is ``None`` while a size is unknown. See :meth:`Store.download` for the rest, and for what is raised.
    """
    sizes = [0 if store.is_here(part) else part.size_bytes for part in parts]
    return {
        part.name: store.download(part, overall(progress, sizes, number), cancelled)
        for number, part in enumerate(parts)
    }


def cost(store: Store, parts: Sequence[Part]) -> int | None:
    """Bytes that are still to come for these parts; estimated where no size is published, else ``None``."""
    costs = [store.cost(part) for part in parts]
    return None if None in costs else sum(size or 0 for size in costs)
