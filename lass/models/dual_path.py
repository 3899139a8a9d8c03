"""Dual-path recurrence over the bottom of a U-Net (AudioSep-DP, DCASE 2024 task 9; Luo et al., arXiv:1910.06379).

One layer passes a map ``(batch, channels, frames, bins)`` twice: along time, each bin a sequence of its own, and
along frequency, each frame a sequence of its own. The report says Bi-LSTM; its published code and weights are GRU.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

Cell = Literal["gru", "lstm"]


@dataclass(frozen=True)
class DualPathConfig:
    """Size of a dual-path block.

    ``layers`` pairs of paths, each a bidirectional recurrent network of ``depth`` layers with ``hidden`` units a
    direction.
    """

    layers: int = 2
    hidden: int = 128
    cell: Cell = "gru"
    depth: int = 2

    def __post_init__(self) -> None:
        if self.cell not in get_args(Cell):
            raise ValueError(f"cell must be one of {', '.join(get_args(Cell))}, not {self.cell!r}")
        if min(self.layers, self.hidden, self.depth) < 1:
            raise ValueError("layers, hidden and depth must be above 0")


class Path(nn.Module):
    """A bidirectional recurrent network along one axis, projected back to the number of channels."""

    def __init__(self, channels: int, config: DualPathConfig) -> None:
        super().__init__()
        recurrent = nn.GRU if config.cell == "gru" else nn.LSTM
        self.rnn = recurrent(
            channels,
            config.hidden,
            num_layers=config.depth,
            batch_first=True,
            bidirectional=True,
            dropout=0.1 if config.depth > 1 else 0.0,
        )
        self.proj = nn.Linear(2 * config.hidden, channels)

    def forward(self, sequences: Tensor) -> Tensor:
        """``(sequences, steps, channels)`` to the same shape."""
        return self.proj(self.rnn(sequences)[0])


class DualPath(nn.Module):
    """``config.layers`` times over time and over frequency, each path normalised and added to its input."""

    def __init__(self, channels: int, config: DualPathConfig) -> None:
        super().__init__()
        layers = range(config.layers)
        self.row_rnn = nn.ModuleList(Path(channels, config) for _ in layers)
        self.col_rnn = nn.ModuleList(Path(channels, config) for _ in layers)
        self.row_norm = nn.ModuleList(nn.GroupNorm(1, channels, eps=1e-8) for _ in layers)
        self.col_norm = nn.ModuleList(nn.GroupNorm(1, channels, eps=1e-8) for _ in layers)
        self.output = nn.Sequential(nn.PReLU(), nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channels, frames, bins)`` to the same shape."""
        batch, channels, frames, bins = x.shape
        for row, col, row_norm, col_norm in zip(
            self.row_rnn, self.col_rnn, self.row_norm, self.col_norm, strict=True
        ):
            rows = row(x.permute(0, 3, 2, 1).reshape(batch * bins, frames, channels))
            x = x + row_norm(rows.reshape(batch, bins, frames, channels).permute(0, 3, 2, 1))
            columns = col(x.permute(0, 2, 3, 1).reshape(batch * frames, bins, channels))
            x = x + col_norm(columns.reshape(batch, frames, bins, channels).permute(0, 3, 1, 2))
        return self.output(x)
