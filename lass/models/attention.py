"""Cross attention between a feature map and the words of a query (Vaswani et al., arXiv:1706.03762).

Attention is quadratic only in positions x tokens, and the fused kernel never holds that product. Outside training, a
map is taken some frames at a time, so that the intermediate values of a long recording at full resolution stay small.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from lass.queries.query import Query

Direction = Literal["map-queries-text", "text-queries-map"]
Listening = Literal["tokens", "pooled", "both"]
# Positions of a map that are taken at once outside training.
SPAN = 65536


class Words(nn.Module):
    """A query as the token vectors that every attention of a network looks at.

    Args:
        size: width of the query's vectors.
        listening: ``tokens`` looks at the token vectors, or at the pooled vector as the only token where a query has
            no others; ``pooled`` at the pooled vector alone, whatever else a query has; ``both`` at all of them.
        projection: with a positive number each vector first passes a small network that ends in that width. It keeps
            the linear layers of the attentions small and lets wordings of one sound meet.
        rest: append a learnt token that a position can look at when no word concerns it. Without it, a query of one
            token would be the same to all positions, because attention weights add up to 1.
    """

    def __init__(self, size: int, listening: Listening, projection: int, rest: bool) -> None:
        super().__init__()
        self.listening = listening
        self.size = projection or size
        layers: list[nn.Module] = [nn.LayerNorm(size)]
        if projection:
            layers += [nn.Linear(size, 2 * projection), nn.SiLU(), nn.Linear(2 * projection, projection)]
            layers.append(nn.LayerNorm(projection))
        self.projection = nn.Sequential(*layers)
        self.rest = nn.Parameter(0.1 * torch.randn(self.size)) if rest else None

    def forward(self, query: Query) -> tuple[Tensor, Tensor | None]:
        """Tokens ``(batch, length, size)`` and the mask ``(batch, length)``, True for a real one; None if all are."""
        tokens, mask = self._chosen(query)
        tokens = self.projection(tokens)
        if self.rest is not None:
            tokens = torch.cat([tokens, self.rest.to(tokens.dtype).expand(len(tokens), 1, -1)], dim=1)
            mask = None if mask is None else _with_real(mask, before=False)
        return tokens, mask

    def _chosen(self, query: Query) -> tuple[Tensor, Tensor | None]:
        pooled = query.pooled[:, None]
        if self.listening == "pooled" or query.tokens is None:
            return pooled, None
        if self.listening == "tokens":
            return query.tokens, query.mask
        mask = None if query.mask is None else _with_real(query.mask, before=True)
        return torch.cat([pooled, query.tokens], dim=1), mask


class MapQueriesText(nn.Module):
    """Every position of the map asks the words, and what it hears is added to it: the usual direction."""

    def __init__(self, channels: int, words: int, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Conv2d(channels, size, 1, bias=False)
        # What is compared is normalised, not the map: that is fewer channels, and keeps the weights moderate.
        self.norm = nn.BatchNorm2d(size, momentum=0.01)
        self.key_value = nn.Linear(words, 2 * size, bias=False)
        self.out = nn.Conv2d(size, channels, 1)

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """``(batch, channels, frames, bins)`` and tokens ``(batch, length, words)`` to the map's shape."""
        # (batch, length, 2 * size) -> two of (batch, heads, length, size / heads)
        key, value = self.key_value(tokens).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mask = None if mask is None else mask[:, None, None, :]
        if torch.is_grad_enabled() or self.training:
            return x + self._heard(x, key, value, mask)
        out = torch.empty_like(x)
        for first, part in _spans(x):
            torch.add(part, self._heard(part, key, value, mask), out=out[:, :, first : first + part.shape[2]])
        return out

    def _heard(self, x: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        query = _positions(self.norm(self.query(x)), self.heads)
        heard = _attend(query, key, value, mask)
        return self.out(_map(heard, x.shape[2:])).to(x.dtype)


class TextQueriesMap(nn.Module):
    """The words ask the map: each gathers the positions that concern it (the thesis's direction).

    What comes out of such an attention is one vector a token, not a map. The mean of the tokens' vectors therefore
    steers the map: a linear layer makes of it a scale around 1 and a shift of every channel, the same at all positions.
    """

    def __init__(self, channels: int, words: int, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(words, size, bias=False)
        self.key_value = nn.Conv2d(channels, 2 * size, 1, bias=False)
        self.norm = nn.BatchNorm2d(2 * size, momentum=0.01)
        # The words themselves come along: what they find is added to what they are.
        self.out = nn.Linear(size, 2 * channels)

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """``(batch, channels, frames, bins)`` and tokens ``(batch, length, words)`` to the map's shape."""
        asked = self.query(tokens)
        key, value = self.norm(self.key_value(x)).chunk(2, dim=1)
        query = asked.unflatten(2, (self.heads, -1)).transpose(1, 2)
        key, value = _positions(key, self.heads), _positions(value, self.heads)
        found = _attend(query, key, value, None).transpose(1, 2).flatten(2)
        scale, shift = self.out(_mean(asked + found, mask)).to(x.dtype)[:, :, None, None].chunk(2, dim=1)
        if torch.is_grad_enabled() or self.training:
            return x * (1.0 + scale) + shift
        return torch.addcmul(shift, x, 1.0 + scale)


ATTENTIONS: dict[Direction, type[MapQueriesText | TextQueriesMap]] = {
    "map-queries-text": MapQueriesText,
    "text-queries-map": TextQueriesMap,
}


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """The fused kernel; in training on a processor in single precision, in which it is four times as fast there."""
    if query.device.type != "cpu":
        return scaled_dot_product_attention(query, key.to(query.dtype), value.to(query.dtype), attn_mask=mask)
    with torch.autocast("cpu", enabled=False):
        return scaled_dot_product_attention(query.float(), key.float(), value.float(), attn_mask=mask)


def _positions(x: Tensor, heads: int) -> Tensor:
    """``(batch, size, frames, bins)`` to ``(batch, heads, frames * bins, size / heads)``."""
    return x.flatten(2).unflatten(1, (heads, -1)).transpose(2, 3)


def _map(x: Tensor, shape: torch.Size) -> Tensor:
    """``(batch, heads, frames * bins, size / heads)`` to ``(batch, size, frames, bins)``."""
    return x.transpose(2, 3).flatten(1, 2).unflatten(2, shape)


def _spans(x: Tensor) -> list[tuple[int, Tensor]]:
    """Parts of a map along its frames, of at most SPAN positions or one frame, each after its first frame."""
    frames = max(1, SPAN // (x.shape[0] * x.shape[3]))
    return list(zip(range(0, x.shape[2], frames), x.split(frames, dim=2), strict=True))


def _mean(tokens: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over the real tokens, ``(batch, size)``; zero where there is none."""
    if mask is None:
        return tokens.mean(1)
    weight = mask[:, :, None].to(tokens.dtype)
    return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1.0)


def _with_real(mask: Tensor, *, before: bool) -> Tensor:
    """The mask with one more token, a real one."""
    real = mask.new_ones(len(mask), 1)
    return torch.cat([real, mask] if before else [mask, real], dim=1)
