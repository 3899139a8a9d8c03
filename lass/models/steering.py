"""A ResUNet's blocks for one query: batch norms and FiLM folded into scales, shifts, weights and biases."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu_, pad

from lass.models.kernels import NEGATIVE_SLOPE, Convolution
from lass.models.line import Line
from lass.models.resunet import ResidualBlock, ResUNet
from lass.queries.query import Query


@dataclass(frozen=True)
class Affine:
    """A scale and a shift a channel, ``(1, channels, 1, 1)``, with the leaky rectifier behind them."""

    scale: Tensor
    shift: Tensor

    def __call__(self, x: Tensor, out: Tensor) -> None:
        """Of ``x`` into ``out``."""
        torch.addcmul(self.shift, x, self.scale, out=out)
        leaky_relu_(out, NEGATIVE_SLOPE)

    def channels(self, first: int, count: int) -> "Affine":
        """Those for some of the channels."""
        return Affine(self.scale[:, first : first + count], self.shift[:, first : first + count])


class Steering:
    """What a query makes of a network's norms: computed once a query.

    Args:
        model: the network.
        query: of one row.
        dtype: what is computed in.
    """

    def __init__(self, model: ResUNet, query: Query, dtype: torch.dtype) -> None:
        self.film = model.film(query.pooled)
        self.dtype = dtype

    def affine(self, norm: nn.BatchNorm2d, site: str) -> tuple[Tensor, Tensor]:
        """The norm and the query's modulation behind it, as one scale and one shift ``(channels,)`` in float64."""
        scale, shift = normalisation(norm)
        factor, offset = self.film[site]
        offset = offset.flatten().double()
        if factor is None:
            return scale, shift + offset
        factor = factor.flatten().double()
        return scale * factor, shift * factor + offset

    def before(self, norm: nn.BatchNorm2d, site: str) -> Affine:
        """The same, to be applied to a map, with the rectifier."""
        scale, shift = (value.to(self.dtype)[None, :, None, None] for value in self.affine(norm, site))
        return Affine(scale, shift)


class Layers:
    """A residual block's convolutions; the second norm is part of the first of them, unless the query scales it.

    Args:
        block: the block.
        parts: channels of each of the maps that are concatenated to its input.
        scaled: whether the query scales what the norms give, or only shifts it.
        dtype: what is computed in.
    """

    def __init__(self, block: ResidualBlock, parts: tuple[int, ...], scaled: bool, dtype: torch.dtype) -> None:
        self.block = block
        self.parts = parts
        self.dtype = dtype
        # Over a concatenation a convolution is the sum of convolutions over its parts.
        self.first = None if scaled else self._split(block.conv1.weight, normalisation(block.bn2)[0])
        self.second = Convolution(block.conv2.weight, dtype)
        self.shortcut: list[Convolution] = []
        self.shortcut_bias: Tensor | None = None
        if isinstance(block.shortcut, nn.Conv2d):
            self.shortcut = self._split(block.shortcut.weight, None)
            assert block.shortcut.bias is not None
            self.shortcut_bias = block.shortcut.bias.to(dtype)

    def steer(self, steering: Steering) -> "Steered":
        """These layers for a query."""
        block = self.block
        scale, shift = steering.affine(block.bn2, f"{block.site}->beta2")
        first = self._split(block.conv1.weight, scale) if self.first is None else self.first
        before = steering.before(block.bn1, f"{block.site}->beta1")
        parts, begin = [], 0
        for width in self.parts:
            parts.append(before.channels(begin, width))
            begin += width
        return Steered(self, parts, first, shift.to(self.dtype))

    def _split(self, weight: Tensor, scale: Tensor | None) -> list[Convolution]:
        if scale is not None:
            weight = (weight.double() * scale[:, None, None, None]).float()
        return [Convolution(part, self.dtype) for part in weight.split(list(self.parts), dim=1)]


@dataclass(frozen=True, eq=False)
class Steered:
    """A residual block for one query, over maps of any number of frames."""

    layers: Layers
    before: list[Affine]
    first: list[Convolution]
    bias: Tensor

    def __call__(self, inputs: list[Line], first: int, last: int, total: int) -> Tensor:
        """Frames ``first`` to ``last`` of the block's output; its inputs must hold two more on each side."""
        h = self._hidden(inputs, max(first - 1, 0), min(last + 1, total), total)
        edges = (int(first == 0), int(last == total))
        if any(edges):
            h = pad(h.permute(0, 2, 3, 1), (0, 0, 0, 0, *edges)).permute(0, 3, 1, 2)
        layers = self.layers
        if layers.shortcut:
            y = layers.shortcut[0](inputs[0].view(first, last), layers.shortcut_bias)
            for convolution, line in zip(layers.shortcut[1:], inputs[1:], strict=True):
                convolution.add_to(y, line.view(first, last))
            layers.second.add_to(y, h)
            return y
        y = layers.second(h)
        y += inputs[0].view(first, last)
        return y

    def _hidden(self, inputs: list[Line], first: int, last: int, total: int) -> Tensor:
        """Frames ``first`` to ``last`` behind the first convolution, second norm and rectifier."""
        result: Tensor | None = None
        single = len(inputs) == 1
        for line, affine, convolution in zip(inputs, self.before, self.first, strict=True):
            begin, end = max(first - 1, 0), min(last + 1, total)
            x = line.view(begin, end)
            a = torch.empty(1, last - first + 2, x.shape[3], x.shape[1], dtype=x.dtype).permute(0, 3, 1, 2)
            affine(x, a[:, :, begin - first + 1 : end - first + 1])
            if begin == first:
                a[:, :, 0] = 0
            if end == last:
                a[:, :, -1] = 0
            if result is None:
                result = convolution(a, self.bias, rectify=single)
            else:
                convolution.add_to(result, a)
        assert result is not None
        return result if single else leaky_relu_(result, NEGATIVE_SLOPE)


def normalisation(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """A trained batch norm's scale and shift ``(features,)`` in float64."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale
