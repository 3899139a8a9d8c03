"""Matrices as 8-bit integers with one scale per row: a quarter of the size of float32."""

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE_SUFFIX = ".scale"


def quantise(state: Mapping[str, Tensor], names: set[str]) -> dict[str, Tensor]:
    """The state with each matrix of `names` as int8 (rows, columns) beside `name.scale`, float32 (rows, 1).

    Symmetric and linear: value = integer x scale, scale = largest magnitude of the row / 127.
    Rows are output channels of a linear layer, or entries of an embedding table.
    """
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        if name in names:
            # The floor keeps a row of zeros at zero instead of dividing by it.
            scale = value.float().abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / 127
            out[name] = torch.round(value.float() / scale).to(torch.int8)
            out[name + SCALE_SUFFIX] = scale
        else:
            out[name] = value.float()
    return out


def dequantise(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The float32 state from what `quantise` made. Raises KeyError when a scale is missing."""
    return {
        name: value.float() * state[name + SCALE_SUFFIX] if value.dtype == torch.int8 else value.float()
        for name, value in state.items()
        if not name.endswith(SCALE_SUFFIX)
    }
