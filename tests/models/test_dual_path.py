"""The dual path: which axis each of its halves runs along, and what it is made of."""

import pytest
import torch
from torch import nn

from lass.models.dual_path import Cell, DualPath, DualPathConfig

CHANNELS = 6


def dual_path(config: DualPathConfig) -> DualPath:
    torch.manual_seed(0)
    return DualPath(CHANNELS, config).eval()


def feature_map(frames: int = 5, bins: int = 4) -> torch.Tensor:
    return torch.randn(2, CHANNELS, frames, bins, generator=torch.Generator().manual_seed(1))


def silence(norms: nn.ModuleList) -> None:
    """The paths behind these norms add nothing any more."""
    for norm in norms:
        nn.init.zeros_(norm.weight)
        nn.init.zeros_(norm.bias)


@torch.no_grad()
def test_the_time_path_treats_every_bin_alike() -> None:
    block = dual_path(DualPathConfig(layers=2, hidden=3))
    x, order = feature_map(), [2, 0, 3, 1]
    silence(block.col_norm)
    torch.testing.assert_close(block(x[..., order]), block(x)[..., order], atol=1e-5, rtol=1e-4)
    frames = [4, 2, 0, 3, 1]
    assert not torch.allclose(block(x[:, :, frames]), block(x)[:, :, frames], atol=1e-3)


@torch.no_grad()
def test_the_frequency_path_treats_every_frame_alike() -> None:
    block = dual_path(DualPathConfig(layers=2, hidden=3))
    x, order = feature_map(), [4, 2, 0, 3, 1]
    silence(block.row_norm)
    torch.testing.assert_close(block(x[:, :, order]), block(x)[:, :, order], atol=1e-5, rtol=1e-4)
    bins = [2, 0, 3, 1]
    assert not torch.allclose(block(x[..., bins]), block(x)[..., bins], atol=1e-3)


@torch.no_grad()
def test_both_directions_of_time_are_heard() -> None:
    block = dual_path(DualPathConfig(layers=1, hidden=3))
    # Normalisation joins all positions; without it a change can travel along the recurrence only.
    block.row_norm[0] = nn.Identity()
    silence(block.col_norm)
    x = feature_map()
    changed = x.clone()
    changed[:, :, 2, 1] += 1.0
    moved = (block(changed) - block(x)).abs().amax((0, 1))
    assert (moved[:, 1] > 1e-6).all()
    assert (moved[:, [0, 2, 3]] == 0).all()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("depth", [1, 2])
def test_its_size_is_what_its_configuration_says(cell: Cell, depth: int) -> None:
    hidden, layers = 3, 2
    block = dual_path(DualPathConfig(layers, hidden, cell, depth))
    gates = 3 if cell == "gru" else 4
    inputs = [CHANNELS, 2 * hidden][:depth]
    recurrent = sum(2 * gates * hidden * (size + hidden + 2) for size in inputs)
    path = recurrent + (2 * hidden + 1) * CHANNELS + 2 * CHANNELS
    output = 1 + (CHANNELS + 1) * CHANNELS
    assert sum(weight.numel() for weight in block.parameters()) == 2 * layers * path + output
    assert block(feature_map(1, 1)).shape == (2, CHANNELS, 1, 1)


@torch.no_grad()
def test_each_path_is_added_to_its_input() -> None:
    block = dual_path(DualPathConfig(layers=2, hidden=3))
    x = feature_map()
    silence(block.row_norm)
    silence(block.col_norm)
    torch.testing.assert_close(block(x), block.output(x))
