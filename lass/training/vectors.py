"""The vectors of all wordings of a run: encoded once, before the first step, and kept in memory."""

import torch
from torch.nn.functional import pad

from lass.errors import LassError
from lass.queries import Query, QueryEncoder

CHUNK = 64


def encode_all(encoder: QueryEncoder, texts: list[str], *, tokens: bool = False) -> Query:
    """Many texts in batches that fit in memory: pooled vectors, and with ``tokens`` those of the words too.

    Token vectors are padded to the longest text of all.

    Raises:
        LassError: the encoder has no token vectors, or cannot encode.
    """
    parts = [encoder.encode(texts[first : first + CHUNK]) for first in range(0, len(texts), CHUNK)]
    pooled = torch.cat([part.pooled for part in parts])
    if not tokens:
        return Query(pooled=pooled)
    rows, masks = [], []
    longest = max(0 if part.tokens is None else part.tokens.shape[1] for part in parts)
    for part in parts:
        if part.tokens is None:
            raise LassError("The query encoder gives no vectors for single words; set mixing.tokens to false.")
        mask = torch.ones(part.tokens.shape[:2], dtype=torch.bool) if part.mask is None else part.mask
        missing = longest - part.tokens.shape[1]
        rows.append(pad(part.tokens, (0, 0, 0, missing)))
        masks.append(pad(mask, (0, missing)))
    return Query(pooled, torch.cat(rows), torch.cat(masks))
