"""A BERT text encoder in plain PyTorch, for inference.

The network of Devlin et al. 2019 (arXiv:1810.04805): learned positions, post-norm transformer layers, exact GELU.
`transformers` has it too, but importing that library takes longer than everything else an application does
before its first answer.

- queries, keys and values come from one fused projection
- the embedding of token type 0, the only type used here, is part of the position table
- no pooler and no dropout
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class BertConfig:
    """The dimensions of a network: table sizes in entries, widths in features."""

    vocabulary: int = 30522
    positions: int = 64
    size: int = 384
    layers: int = 6
    heads: int = 12
    hidden: int = 1536
    epsilon: float = 1e-12


class Layer(nn.Module):
    """Self-attention and a two-layer perceptron, each added to its input and then normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.size, 3 * config.size)
        self.project = nn.Linear(config.size, config.size)
        self.attention_norm = nn.LayerNorm(config.size, eps=config.epsilon)
        self.widen = nn.Linear(config.size, config.hidden)
        self.narrow = nn.Linear(config.hidden, config.size)
        self.output_norm = nn.LayerNorm(config.size, eps=config.epsilon)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: (batch, L, size); mask: (batch, 1, 1, L) bool, True where a position may be attended to."""
        batch, length, size = x.shape
        # (batch, L, 3 * size) -> three of (batch, heads, L, size / heads)
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, size // self.heads).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = self.attention_norm(x + self.project(attended.transpose(1, 2).reshape(batch, length, size)))
        out: Tensor = self.output_norm(x + self.narrow(functional.gelu(self.widen(x))))
        return out


class Bert(nn.Module):
    """Token numbers in, one vector per token out."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocabulary, config.size)
        self.positions = nn.Embedding(config.positions, config.size)
        self.norm = nn.LayerNorm(config.size, eps=config.epsilon)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids: (batch, L) long, L at most config.positions; mask: (batch, L) bool, True = real token.

        Returns (batch, L, size). Rows of padding hold numbers without meaning.
        """
        x = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, mask[:, None, None, :])
        return torch.as_tensor(x)
