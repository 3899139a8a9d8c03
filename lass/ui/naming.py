"""File names that say what is in the file."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

MOST_BYTES = 60
"""Each part of a name is cut to this many bytes of UTF-8, so that three parts fit every file system."""


def slug(text: str, fallback: str) -> str:
    """Letters and digits of any script, joined by single hyphens, at most ``MOST_BYTES`` long; never empty."""
    plain = unicodedata.normalize("NFKC", text).lower()
    joined = re.sub(r"[^\w]+|_+", "-", plain).strip("-")
    cut = joined.encode()[:MOST_BYTES].decode(errors="ignore").strip("-")
    return cut or fallback


def result_stem(recording: Path | str, query: str, model: str) -> str:
    """The common beginning of the names of one result: ``<recording>-<query>-<model>``."""
    return "-".join((slug(Path(recording).stem, "recording"), slug(query, "query"), slug(model, "model")))
