"""A query: a description of the wanted sound, checked as text and carried as vectors."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lass.errors import QueryError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MAX_QUERY_CHARACTERS = 300
# Beyond this the text is refused unread, so that a pasted book costs nothing.
_MAX_RAW_CHARACTERS = 20 * MAX_QUERY_CHARACTERS
# Format characters that change what a reader sees without being seen: embeddings, overrides and isolates of
# direction, zero-width space, word joiner, byte-order mark, soft hyphen. The joiners that hold an emoji or a
# Persian word together (U+200C, U+200D) and the plain direction marks stay.
_HIDDEN = frozenset("\u00ad\u200b\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, eq=False)
class Query:
    """The condition of a separation: one row per description.

    pooled: (batch, D) float, one vector for the whole sentence.
    tokens: (batch, L, D) float, one vector per token, or None for networks that only need `pooled`.
    mask: (batch, L) bool, True where `tokens` holds a real token; None beside `tokens` means all are real.

    Raises ValueError when the shapes do not belong together.
    """

    pooled: Tensor
    tokens: Tensor | None = None
    mask: Tensor | None = None

    def __post_init__(self) -> None:
        if self.pooled.ndim != 2:
            raise ValueError(f"pooled is (batch, D), not {tuple(self.pooled.shape)}")
        if self.tokens is not None and (self.tokens.ndim != 3 or len(self.tokens) != len(self.pooled)):
            raise ValueError(f"tokens is ({len(self.pooled)}, L, D), not {tuple(self.tokens.shape)}")
        if self.mask is not None and (self.tokens is None or self.mask.shape != self.tokens.shape[:2]):
            raise ValueError("mask is (batch, L) beside tokens (batch, L, D)")

    def __len__(self) -> int:
        """The number of descriptions: the batch size."""
        return len(self.pooled)

    def __getitem__(self, index: int | slice | Tensor) -> Query:
        """Some of the rows, still as a batch: `query[2]`, `query[1:3]`, or a tensor of row numbers."""
        if isinstance(index, int):
            if not -len(self) <= index < len(self):
                raise IndexError(f"the query has {len(self)} rows, there is no row {index}")
            index = slice(index, index + 1 or None)
        return Query(
            self.pooled[index],
            None if self.tokens is None else self.tokens[index],
            None if self.mask is None else self.mask[index],
        )

    def to(self, device: torch.device | str) -> Query:
        """The same query on another device."""
        return Query(
            self.pooled.to(device),
            None if self.tokens is None else self.tokens.to(device),
            None if self.mask is None else self.mask.to(device),
        )

    def expand(self, batch: int) -> Query:
        """One description for `batch` mixtures, without a copy.

        Raises ValueError when there is more than one row, unless there are `batch` already.
        """
        if len(self) == batch:
            return self
        if len(self) != 1:
            raise ValueError(f"only a query of one row can be expanded to {batch}, this one has {len(self)}")
        return Query(
            self.pooled.expand(batch, -1),
            None if self.tokens is None else self.tokens.expand(batch, -1, -1),
            None if self.mask is None else self.mask.expand(batch, -1),
        )


@runtime_checkable
class QueryEncoder(Protocol):
    """What turns descriptions into a Query."""

    @property
    def size(self) -> int:
        """The width of the vectors, D."""
        ...

    def encode(self, texts: Sequence[str]) -> Query:
        """One row per text, in order."""
        ...


def check_query(text: str) -> str:
    """The text as an encoder should see it: stripped, white space collapsed, control characters removed.

    Emoji and right-to-left text are kept. Raises QueryError when nothing visible is left, or when more than
    MAX_QUERY_CHARACTERS characters are.
    """
    if not isinstance(text, str):
        raise QueryError("The description must be text: write in words what you want to hear.")
    if len(text) > _MAX_RAW_CHARACTERS:
        raise QueryError(_too_long(len(text)))
    clean = " ".join("".join(character for character in text if not _is_control(character)).split())
    # Joiners and combining marks alone show nothing.
    if all(unicodedata.category(character) in ("Cf", "Mn", "Me", "Zs") for character in clean):
        raise QueryError("The description is empty: write in a few words what you want to hear.")
    if len(clean) > MAX_QUERY_CHARACTERS:
        raise QueryError(_too_long(len(clean)))
    return clean


def _is_control(character: str) -> bool:
    # White space such as a line feed is a control character too, and separates words. A lone surrogate (Cs)
    # is no character at all: it cannot be written as UTF-8.
    if character.isspace():
        return False
    return character in _HIDDEN or unicodedata.category(character) in ("Cc", "Cs")


def _too_long(characters: int) -> str:
    return (
        f"The description is {characters} characters long: say what you want to hear in at most {MAX_QUERY_CHARACTERS}."
    )
