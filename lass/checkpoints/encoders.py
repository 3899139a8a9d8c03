"""Query encoders by name, those among them whose weights are companions of checkpoints."""

from functools import lru_cache
from pathlib import Path

from torch import Tensor

from lass.checkpoints.catalogue import CLAP_WEIGHTS, ROBERTA_TOKENIZER
from lass.checkpoints.tensors import read_tensors
from lass.errors import ModelError
from lass.queries import QueryEncoder, by_name
from lass.queries.clap import ClapTextEncoder, text_tensors

CLAP = "clap"
NAMES = (*by_name.NAMES, CLAP)


@lru_cache(maxsize=4)
def open_encoder(name: str, cache_dir: Path | None = None) -> QueryEncoder:
    """The query encoder of this name, one for all who ask: encoding changes nothing in it.

    Args:
        name: one of :data:`NAMES`.
        cache_dir: the folder of fetched checkpoints and their companions.

    Raises:
        ModelError: no encoder has this name, or its files are not here.
    """
    if name != CLAP:
        if name not in NAMES:
            raise ModelError(f"There is no query encoder called {name!r}; known are {', '.join(NAMES)}.")
        return by_name.encoder(name, cache_dir)
    weights = CLAP_WEIGHTS.files[0].name
    place = None if cache_dir is None else Path(cache_dir) / CLAP_WEIGHTS.name / weights

    def text_branch() -> dict[str, Tensor]:
        if place is None or not place.is_file():
            where = "in the folder of downloads" if place is None else f"as {place}"
            raise ModelError(
                f"A query is encoded by CLAP, whose weights are not here: get {weights} from {CLAP_WEIGHTS.source} and "
                f"place it {where}."
            )
        return text_tensors(read_tensors(place))

    folders = [] if cache_dir is None else [Path(cache_dir) / ROBERTA_TOKENIZER.name]
    return ClapTextEncoder(text_branch, f"CLAP's file {weights}", tokenizer_folders=folders)
