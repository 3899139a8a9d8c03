"""Query encoders by the names that recipes and checkpoints call them."""

from functools import lru_cache
from pathlib import Path

from lass.errors import ModelError
from lass.queries.compact import CompactEncoder
from lass.queries.query import QueryEncoder

COMPACT = "compact"
FLAN_T5 = {"flan-t5-base": "google/flan-t5-base", "flan-t5-large": "google/flan-t5-large"}
NAMES = (COMPACT, *FLAN_T5)


@lru_cache(maxsize=4)
def encoder(name: str, folder: Path | None = None) -> QueryEncoder:
    """The encoder of this name, one for all who ask: encoding changes nothing in it.

    ``folder`` is where downloads are kept: FLAN-T5 is looked for in ``folder/NAME``, then in the Hugging Face cache.

    Raises:
        ModelError: no encoder has this name, or its files are not here.
    """
    if name == COMPACT:
        return CompactEncoder()
    if name not in FLAN_T5:
        raise ModelError(f"There is no query encoder called {name!r}; known are {', '.join(NAMES)}.")
    from lass.queries.flan_t5 import FlanT5Encoder

    placed = None if folder is None else folder / name
    return FlanT5Encoder(placed if placed is not None and placed.is_dir() else FLAN_T5[name])
