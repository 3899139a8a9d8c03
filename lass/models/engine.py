"""A ResUNet for inference on a processor: the network's own answer, faster and in bounded memory.

An :class:`Engine` is made once from a loaded network. For each query, batch norms and FiLM become one scale and one
shift a channel, and those behind a convolution go into its weights and bias. A recording then flows through the U-Net
in pieces: every block takes the frames that are there, keeps the few that its next piece needs, and works in tiles
that fit the processor's caches; skips live until the decoder has caught up. What comes out is what one pass over the
whole recording gives, but memory does not grow with its length and nothing is computed twice.

A dual path hears everything before it says anything. With one, a pass is still exact, but its memory grows with the
recording.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from lass.models.kernels import Convolution
from lass.models.line import Line
from lass.models.resunet import DecoderBlock, EncoderBlock, ResidualBlock, ResUNet
from lass.models.stages import Residual, Stage, Upsampling, Whole
from lass.models.steering import Affine, Layers, Steered, Steering, normalisation
from lass.models.transform import Analysis, Synthesis
from lass.queries.query import Query
from lass.waveforms import Waveform

Precision = Literal["float32", "fast"]

PIECE = 512
"""Frames of the spectrogram that enter at a time, about."""

_TILE = 32
"""Frames that pass the first and the last convolution at a time."""


@dataclass(frozen=True)
class Guide:
    """A query's share of an engine: the residual blocks, and what precedes the transposed convolutions, by name."""

    blocks: dict[str, Steered]
    ups: dict[str, Affine]


class Engine:
    """A ResUNet's weights as inference wants them. Holds nothing of a recording or a query: share it freely.

    Args:
        model: a network in evaluation mode, on the processor. Its weights must not change afterwards.
        precision: ``float32``, or ``fast`` for the U-Net's maps and weights in bfloat16. Fourier transforms, first
            and last convolution, recurrence and mask are float32 in both.

    Attributes:
        streams: whether memory stays the same however long the recording.

    Raises:
        ValueError: the network is in training mode.
    """

    def __init__(self, model: ResUNet, precision: Precision = "float32") -> None:
        if model.training:
            raise ValueError("an engine is made of a network in evaluation mode")
        self.model = model
        self.precision = precision
        self.dtype = torch.float32 if precision == "float32" else torch.bfloat16
        self.streams = model.config.dual_path is None
        stride = model.base.stride[0]
        self.piece = max(1, round(PIECE / stride)) * stride
        scaled = model.config.film == "scale-shift"
        self.layers: dict[str, Layers] = {}
        self.cells: dict[str, Convolution] = {}
        with torch.inference_mode():
            self.bins = tuple(value.float()[:-1] for value in normalisation(model.base.bn0))
            for name, module in model.base.named_modules():
                if isinstance(module, ResidualBlock):
                    inputs, outputs = module.conv1.in_channels, module.conv1.out_channels
                    parts = (outputs, outputs) if ".conv_block2" in name else (inputs,)
                    self.layers[name] = Layers(module, parts, scaled, self.dtype)
                elif isinstance(module, DecoderBlock):
                    # (inputs, outputs, down, across) as a 1x1 convolution to every value of a cell.
                    weight = module.conv1.weight.permute(2, 3, 1, 0).flatten(0, 2)
                    self.cells[name] = Convolution(weight[:, :, None, None], self.dtype)

    def __call__(self, mixture: Tensor, query: Query) -> Tensor:
        """As the network: ``(batch, channels, samples)`` and a query of ``batch`` rows or of one to the target."""
        if len(query) == 1:
            return self.separate(mixture, self.guide(query))
        rows = query.expand(len(mixture))
        return torch.cat([self.separate(row[None], self.guide(rows[index])) for index, row in enumerate(mixture)])

    def separate(self, mixture: Tensor, guide: Guide) -> Tensor:
        """The target of ``mixture (batch, channels, samples)`` for one query."""
        return torch.stack([torch.cat(list(self.parts(row, guide)), dim=1) for row in mixture])

    @torch.inference_mode()
    def guide(self, query: Query) -> Guide:
        """What a query of one row makes of the weights: for any number of recordings."""
        steering = Steering(self.model, query, self.dtype)
        blocks = {name: layers.steer(steering) for name, layers in self.layers.items()}
        ups = {}
        for name in self.cells:
            block = self.model.base.get_submodule(name)
            assert isinstance(block, DecoderBlock)
            ups[name] = steering.before(block.bn1, f"{block.site}->beta1")
        return Guide(blocks, ups)

    def steps(self, samples: int) -> int:
        """How many parts :meth:`parts` gives for a recording of so many samples."""
        spectrum = self.model.spectrum
        return math.ceil(spectrum.frames(samples) / self.piece)

    @torch.inference_mode()
    def parts(self, mixture: Tensor | Waveform, guide: Guide) -> Iterator[Tensor]:
        """The target of ``mixture (channels, samples)`` in parts ``(channels, some samples)``, in order.

        A mixture that is not in memory is read piece by piece.

        The first parts are shorter than the last one, and may be empty: the network has to hear what follows.
        """
        spectrum = self.model.spectrum
        analysis, synthesis = Analysis(spectrum, mixture), Synthesis(spectrum, mixture.shape[1])
        flow = Flow(self, guide, analysis.frames)
        waiting = torch.empty(mixture.shape[0], 0, spectrum.bins, dtype=torch.complex64)
        for first in range(0, analysis.frames, self.piece):
            heard = analysis(first, min(first + self.piece, analysis.frames))
            maps = flow.push(heard)
            waiting = torch.cat([waiting, heard], dim=1)
            masked = self.model.mask.apply(maps, waiting[None, :, : maps.shape[2]])[0]
            waiting = waiting[:, maps.shape[2] :].clone()
            yield synthesis(masked)


class Flow:
    """One recording on its way through an engine's U-Net.

    Args:
        engine: the weights.
        guide: the query.
        frames: of the recording's spectrogram.
    """

    def __init__(self, engine: Engine, guide: Guide, frames: int) -> None:
        self.engine = engine
        self.base = engine.model.base
        self.frames = frames
        self.heard = self.said = 0
        self.guide = guide
        self.stages: list[Stage] = []
        config = engine.model.config
        total = math.ceil(frames / self.base.stride[0]) * self.base.stride[0] // config.stem[0]
        self.stem = Line(config.channels[0], config.window // 2 // config.stem[1], total, engine.dtype)
        self.head = self._build(self.stem)

    def push(self, spectrum: Tensor) -> Tensor:
        """The next frames ``(channels, frames, bins)`` in, and the maps ``(1, outputs, frames, bins)`` that follow."""
        self._enter(spectrum)
        for stage in self.stages:
            stage.advance()
        return self._leave()

    def _build(self, x: Line) -> Line:
        base, skips = self.base, []
        for index in range(1, base.depth + 1):
            skip, x = self._encoder(f"encoder_block{index}", x)
            skips.append(skip)
        x, _ = self._encoder(base.bottleneck_name, x)
        if hasattr(base, "DPRNN"):
            seen = Line(x.channels, x.bins, x.total, x.dtype)
            self.stages.append(Whole(base.DPRNN[0], x, seen))
            x = seen
        for index in range(1, base.depth + 1):
            x = self._decoder(f"decoder_block{index}", x, skips.pop())
        return x

    def _encoder(self, name: str, x: Line) -> tuple[Line, Line]:
        block = self.base.get_submodule(name)
        assert isinstance(block, EncoderBlock)
        outputs, (down, across) = block.conv_block1.conv1.out_channels, block.pool
        y = Line(outputs, x.bins, x.total, x.dtype)
        pooled = y if block.pool == (1, 1) else Line(outputs, x.bins // across, x.total // down, x.dtype)
        steered = self.guide.blocks[f"{name}.conv_block1"]
        self.stages.append(Residual(steered, [x], y, block.pool, None if pooled is y else pooled))
        return y, pooled

    def _decoder(self, name: str, x: Line, skip: Line) -> Line:
        factor = (skip.total // x.total, skip.bins // x.bins)
        up, y = (Line(skip.channels, skip.bins, skip.total, skip.dtype) for _ in range(2))
        self.stages.append(Upsampling(self.guide.ups[name], self.engine.cells[name], factor, x, up))
        self.stages.append(Residual(self.guide.blocks[f"{name}.conv_block2"], [up, skip], y, (1, 1), None))
        return y

    def _enter(self, spectrum: Tensor) -> None:
        config, convolution = self.engine.model.config, self.base.pre_conv
        scale, shift = self.engine.bins
        features = self.engine.model.mask.features(spectrum[None], config.magnitude_power)[..., :-1]
        features = torch.addcmul(shift, features, scale)
        self.heard += spectrum.shape[1]
        if self.heard == self.frames:
            features = pad(features, (0, 0, 0, self.stem.total * config.stem[0] - self.frames))
        for tile in features.split(_TILE * config.stem[0], dim=2):
            y = conv2d(tile, convolution.weight, convolution.bias, stride=config.stem)
            self.stem.extend(y.shape[2]).copy_(y)

    def _leave(self) -> Tensor:
        line, model = self.head, self.engine.model
        tiles = [torch.empty(1, model.mask.outputs, 0, model.config.window // 2)]
        while line.start < line.end:
            first, last = line.start, min(line.start + _TILE, line.end)
            tiles.append(self.base.after_conv(line.view(first, last).float()))
            line.release(last)
        maps = torch.cat(tiles, dim=2)[:, :, : self.frames - self.said]
        self.said += maps.shape[2]
        return pad(maps, (0, 1))
