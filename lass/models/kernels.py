"""Convolutions as inference wants them: channels last, the rectifier and sums done while results are warm.

PyTorch reaches oneDNN's fused convolutions through operators made for its compiler. Where this build of PyTorch has
none of them, plain ones compute the same.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, leaky_relu_

NEGATIVE_SLOPE = 0.01
"""Of the leaky rectifier, in all published networks."""

_ONES = [1, 1]
_OPERATORS = ("_convolution_pointwise", "_convolution_pointwise_")


def has_fused() -> bool:
    """Whether oneDNN's fused convolutions are to be had here."""
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in _OPERATORS)


def has_fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 natively (AVX-512 BF16 or AMX); where not, it gains nothing."""
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return has_fused() and any(check is not None and check() for check in checks)


class Convolution:
    """A convolution over ``(1, inputs, frames, bins)`` in channels-last layout, padded with zeros along bins only.

    Frames are not padded: whoever cuts a recording into pieces gives the neighbours' frames, and zeros at its ends.

    Args:
        weight: ``(outputs, inputs, frames, bins)``, of odd size.
        dtype: what is computed in.
    """

    def __init__(self, weight: Tensor, dtype: torch.dtype) -> None:
        self.padding = [0, weight.shape[3] // 2]
        # Not in oneDNN's own layout, which depends on the size of the map too: laid out for another size a weight is
        # rearranged at every call by a slow routine, while rearranging this one costs next to nothing.
        self.weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
        self._fused = has_fused()

    def __call__(self, x: Tensor, bias: Tensor | None = None, *, rectify: bool = False) -> Tensor:
        """To a new ``(1, outputs, frames - height + 1, bins)``, rectified if asked."""
        if not self._fused:
            result = conv2d(x, self.weight, bias, padding=self.padding)
            return leaky_relu_(result, NEGATIVE_SLOPE) if rectify else result
        name, scalars = ("leaky_relu", [NEGATIVE_SLOPE]) if rectify else ("none", [])
        fused: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self.weight, bias, self.padding, _ONES, _ONES, 1, name, scalars, ""
        )
        return fused

    def add_to(self, total: Tensor, x: Tensor, bias: Tensor | None = None) -> None:
        """Add the result to ``total`` in place."""
        if not self._fused:
            total += conv2d(x, self.weight, bias, padding=self.padding)
            return
        torch.ops.mkldnn._convolution_pointwise_.binary(
            total, x, self.weight, bias, self.padding, _ONES, _ONES, 1, "add", 1.0, None, [], None
        )
