"""A BERT text encoder in plain PyTorch, for inference.

The network of Devlin et al. 2019 (arXiv:1810.04805): learned positions, post-norm transformer layers, exact
GELU. `transformers` has it too, but importing that library takes twice as long as importing torch.

- queries, keys and values come from one fused projection
- the embedding of token type 0, the only type used here, is part of the position table
- no pooler and no dropout
- built without initial values, because a state always follows: that is 0.6 s faster, and leaves the random
  generator of whoever loads an encoder as it was
"""

from dataclasses import dataclass

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


class Linear(nn.Linear):
    """A linear layer whose values come from a state."""

    def reset_parameters(self) -> None:
        """Leave the memory as it is."""


class Embedding(nn.Embedding):
    """A table whose values come from a state."""

    def reset_parameters(self) -> None:
        """Leave the memory as it is."""


class Layer(nn.Module):
    """Self-attention and a two-layer perceptron, each added to its input and then normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = Linear(config.size, 3 * config.size)
        self.project = Linear(config.size, config.size)
        self.attention_norm = nn.LayerNorm(config.size, eps=config.epsilon)
        self.widen = Linear(config.size, config.hidden)
        self.narrow = Linear(config.hidden, config.size)
        self.output_norm = nn.LayerNorm(config.size, eps=config.epsilon)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: (batch, L, size); mask: (batch, 1, 1, L) bool, True where a position may be attended to."""
        batch, length, size = x.shape
        # (batch, L, 3 * size) -> three of (batch, heads, L, size / heads)
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, size // self.heads).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = self.attention_norm(x + self.project(attended.transpose(1, 2).reshape(batch, length, size)))
        return self.output_norm(x + self.narrow(functional.gelu(self.widen(x))))


class Bert(nn.Module):
    """Token numbers in, one vector per token out."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.words = Embedding(config.vocabulary, config.size)
        self.positions = Embedding(config.positions, config.size)
        self.norm = nn.LayerNorm(config.size, eps=config.epsilon)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids: (batch, L) long, L at most config.positions; mask: (batch, L) bool, True = real token.

        Returns (batch, L, size). Rows of padding hold numbers without meaning.
        """
        x = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, mask[:, None, None, :])
        return x
