"""ResUNet++ with cross attention: the mixture's spectrogram looks at the words of the query, level by level.

ResUNet++ (Jha et al., arXiv:1911.07067) is a residual U-Net with squeeze and excitation, atrous pyramids and gated
skips. The master thesis "Language-queried audio source separation" adds a cross attention to FLAN-T5's token states
after every block and masks the mixture's magnitude under the mixture's phase::

    mixture ─ STFT ─ features ─ stem ──────────────────────── gate ─ decoder 3 ─ attention ─ light pyramid ─ head
                                  └ encoder 1, attention ──── gate ─ decoder 2 ┘                               │
                                      └ encoder 2, attention ─ gate ─ decoder 1 ┘                              │
                                          └ encoder 3, attention ─ pyramid, attention ┘                        │
    query ── words: looked at in every attention; a decoder has its own before its residual block              │
    target ─ inverse STFT ─ mask applied to the mixture's spectrogram ─────────────────────────────────────────┘
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, relu

from lass.models.attention import ATTENTIONS, Direction, Listening, Words
from lass.models.masks import MASKS, MaskKind
from lass.models.spectrum import Spectrum
from lass.queries.query import Query

Stride = tuple[int, int]
# Decibels under a clip's peak that per-clip scaling keeps.
DYNAMIC_RANGE = 80.0
# Channels for each one of the small layer inside squeeze and excitation.
REDUCTION = 8


@dataclass(frozen=True)
class ResUNetPPConfig:
    """Everything that rebuilds a ResUNet++. Pairs are (frames, bins).

    The defaults are the thesis's network with FLAN-T5 base. It states window, hop and structure; it does not state
    the sample rate, the widths (here those of the published ResUNet++) or the number of heads.

    Attributes:
        sample_rate: hertz.
        window: STFT window in samples.
        hop: STFT hop in samples.
        condition_size: width of the query's token vectors and of its pooled vector.
        channels: width of the stem and of each encoder block.
        bridge: width of the pyramid at the bottom.
        decoder: width of each decoder block, from the bottom up.
        strides: stride of each encoder block.
        stem: stride of the stem; a larger one than (1, 1) lets the network work on fewer positions, and the head
            brings its maps back to full resolution.
        attention_direction: ``map-queries-text`` or the thesis's ``text-queries-map``, see
            :mod:`lass.models.attention`.
        attention_size: width of an attention, all heads together.
        heads: heads of an attention.
        listening: which vectors of the query are looked at, see :class:`lass.models.attention.Words`.
        text_projection: width of a small network between the query and the attentions; 0 for none.
        dilations: of the branches of the pyramid at the bottom.
        light_dilations: of the branches of the light pyramid at the end.
        clip_scaling: read the level in decibels, scaled to [0, 1] over each clip, and apply the mask on that scale
            (the thesis's). It makes the output depend on everything that is in the clip, so a recording that is cut
            into windows is separated by other scales than one that is not.
        magnitude_power: without ``clip_scaling``, exponent that compresses the features.
        mask: what the output maps mean, see :mod:`lass.models.masks`.
    """

    sample_rate: int = 32000
    window: int = 512
    hop: int = 256
    condition_size: int = 768
    channels: tuple[int, ...] = (32, 64, 128, 256)
    bridge: int = 512
    decoder: tuple[int, ...] = (256, 128, 64)
    strides: tuple[Stride, ...] = ((2, 2), (2, 2), (2, 2))
    stem: Stride = (1, 1)
    attention_direction: Direction = "map-queries-text"
    attention_size: int = 64
    heads: int = 4
    listening: Listening = "tokens"
    text_projection: int = 0
    dilations: tuple[int, ...] = (1, 6, 12, 18)
    light_dilations: tuple[int, ...] = (1, 6, 12, 18)
    clip_scaling: bool = True
    magnitude_power: float = 1.0
    mask: MaskKind = "magnitude"
    kind: Literal["resunetpp"] = "resunetpp"

    def __post_init__(self) -> None:
        for name in ("sample_rate", "window", "hop", "condition_size", "bridge", "attention_size", "heads"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number above 0, not {getattr(self, name)!r}")
        if not len(self.channels) - 1 == len(self.strides) == len(self.decoder):
            raise ValueError("channels need one entry for the stem and, like strides and decoder, one for each block")
        if not self.dilations or not self.light_dilations:
            raise ValueError("dilations and light_dilations need at least one entry")
        if (self.window // 2) % self.stride[1]:
            raise ValueError(f"window / 2 must be a multiple of the bin stride {self.stride[1]}")
        if self.attention_size % self.heads:
            raise ValueError(f"attention_size must be a multiple of the {self.heads} heads")
        if self.clip_scaling and (self.mask != "magnitude" or self.magnitude_power != 1.0):
            raise ValueError("clip_scaling needs the mask 'magnitude' and a magnitude_power of 1")

    @property
    def title(self) -> str:
        """The architecture's name for people."""
        return "ResUNet++"

    @property
    def stride(self) -> Stride:
        """Frames and bins of the spectrogram that become one position of the bridge."""
        frames, bins = self.stem
        for frame_stride, bin_stride in self.strides:
            frames, bins = frames * frame_stride, bins * bin_stride
        return frames, bins


class SqueezeExcitation(nn.Module):
    """A gain for each channel, from the means of all (Hu et al., arXiv:1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(4, channels // REDUCTION)
        # Not the paper's ReLU: all of so few units can die.
        self.excite = nn.Sequential(nn.Linear(channels, hidden), nn.SiLU(), nn.Linear(hidden, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channels, frames, bins)`` to the same shape."""
        return x * self.excite(x.mean((2, 3)))[:, :, None, None]


class ResidualBlock(nn.Module):
    """Two pre-activated 3x3 convolutions and squeeze and excitation, around a 1x1 shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: Stride = (1, 1)) -> None:
        super().__init__()
        self.bn1 = _norm(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn2 = _norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.excitation = SqueezeExcitation(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, inputs, frames, bins)`` to ``(batch, outputs, frames / stride, bins / stride)``."""
        h = self.conv1(_activate(self.bn1(x)))
        h = self.conv2(_activate(self.bn2(h)))
        return self.shortcut(x) + self.excitation(h)


class Stem(nn.Module):
    """Feature planes to the first map: like a residual block, but nothing comes before its first convolution."""

    def __init__(self, inputs: int, outputs: int, stride: Stride) -> None:
        super().__init__()
        # A strided stem sees every cell once; a plain one sees its neighbours.
        kernel, padding = (3, 1) if stride == (1, 1) else (stride, 0)
        self.conv1 = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)
        self.bn = _norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.excitation = SqueezeExcitation(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, stride, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, inputs, frames, bins)`` to ``(batch, outputs, frames / stride, bins / stride)``."""
        return self.shortcut(x) + self.excitation(self.conv2(_activate(self.bn(self.conv1(x)))))


class Pyramid(nn.Module):
    """Convolutions that look at several distances (ASPP: Chen et al., arXiv:1706.05587), then a 1x1 convolution.

    The branches of a full one are as wide as its output and added up. Those of a light one share the width of its
    input and lie beside one another and beside the input itself, so that fine detail need not pass through them.
    """

    def __init__(self, inputs: int, outputs: int, dilations: tuple[int, ...], light: bool = False) -> None:
        super().__init__()
        self.light = light
        width = max(1, inputs // len(dilations)) if light else outputs
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, width, 3, padding=dilation, dilation=dilation, bias=False),
                _norm(width),
                nn.ReLU(inplace=True),
            )
            for dilation in dilations
        )
        self.mix = nn.Conv2d(inputs + width * len(dilations) if light else width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, inputs, frames, bins)`` to ``(batch, outputs, frames, bins)``."""
        if self.light:
            return self.mix(torch.cat([x, *(branch(x) for branch in self.branches)], dim=1))
        total = self.branches[0](x)
        for branch in self.branches[1:]:
            total = total + branch(x)
        return self.mix(total)


class Gate(nn.Module):
    """How much of each position of a skip passes, told by the map below it (Oktay et al., arXiv:1804.03999)."""

    def __init__(self, skip: int, below: int, stride: Stride) -> None:
        super().__init__()
        hidden = max(8, skip // 2)
        self.stride = stride
        self.look = nn.Conv2d(skip, hidden, stride, stride=stride, bias=False)
        self.ask = nn.Conv2d(below, hidden, 1)
        self.decide = nn.Conv2d(hidden, 1, 1)

    def forward(self, skip: Tensor, below: Tensor) -> Tensor:
        """The skip ``(batch, skip, frames, bins)`` and the map below, smaller by the stride, to the skip's shape."""
        gate = torch.sigmoid(self.decide(relu(self.look(skip) + self.ask(below), inplace=True)))
        return skip * _enlarge(gate, self.stride)


class Decoder(nn.Module):
    """Upsampling, the gated skip beside it, a cross attention and a residual block."""

    def __init__(self, below: int, skip: int, outputs: int, stride: Stride, attention: nn.Module) -> None:
        super().__init__()
        self.stride = stride
        self.gate = Gate(skip, below, stride)
        self.attention = attention
        self.block = ResidualBlock(below + skip, outputs)

    def forward(self, x: Tensor, skip: Tensor, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """The map below and the skip to ``(batch, outputs, …)`` at the skip's resolution."""
        x = torch.cat([_enlarge(x, self.stride), self.gate(skip, x)], dim=1)
        # By one name: what is no longer needed is freed before the block, where a long recording needs most memory.
        x = self.attention(x, tokens, mask)
        return self.block(x)


class ResUNetPP(nn.Module):
    """Query-conditioned separation network: mixture and query in, target out."""

    def __init__(self, config: ResUNetPPConfig) -> None:
        super().__init__()
        self.config = config
        self.mask = MASKS[config.mask]
        self.spectrum = Spectrum(config.window, config.hop)
        # Levels scaled over their clip are normalised already.
        self.bn0 = None if config.clip_scaling else _norm(config.window // 2 + 1)
        self.words = Words(
            config.condition_size,
            config.listening,
            config.text_projection,
            rest=config.attention_direction == "map-queries-text",
        )
        widths, strides = config.channels, config.strides
        self.stem = Stem(self.mask.inputs, widths[0], config.stem)
        self.encoders = nn.ModuleList(
            ResidualBlock(inputs, outputs, stride)
            for inputs, outputs, stride in zip(widths, widths[1:], strides, strict=False)
        )
        self.encoder_attentions = nn.ModuleList(self._attention(width) for width in widths[1:])
        self.bridge = Pyramid(widths[-1], config.bridge, config.dilations)
        self.bridge_attention = self._attention(config.bridge)
        below = (config.bridge, *config.decoder)
        self.decoders = nn.ModuleList(
            Decoder(inputs, skip, outputs, stride, self._attention(inputs + skip))
            for inputs, skip, outputs, stride in zip(
                below, widths[-2::-1], config.decoder, reversed(strides), strict=False
            )
        )
        self.last_attention = self._attention(below[-1])
        self.last_pyramid = Pyramid(below[-1], widths[0], config.light_dilations, light=True)
        head = nn.Conv2d if config.stem == (1, 1) else nn.ConvTranspose2d
        self.head = head(widths[0], self.mask.outputs, config.stem, stride=config.stem)
        self._initialise()

    def forward(self, mixture: Tensor, query: Query) -> Tensor:
        """``(batch, channels, samples)`` and a query of ``batch`` rows to the target, of the mixture's shape.

        A query without token vectors is one of a single token, its pooled vector. With several channels one mask is
        estimated and applied to each.
        """
        spectrum = self.spectrum(mixture)
        features = self.mask.features(spectrum, self.config.magnitude_power)
        if self.config.clip_scaling:
            scaled, span = scale_levels(features)
            masked = spectrum * level_gain(torch.sigmoid(self.maps(scaled, query)), scaled, span)
        else:
            masked = self.mask.apply(self.maps(features, query), spectrum)
        return self.spectrum.inverse(masked, mixture.shape[-1])

    def maps(self, features: Tensor, query: Query) -> Tensor:
        """Output maps ``(batch, outputs, frames, bins)``, float32, for features ``(batch, inputs, frames, bins)``."""
        frames = features.shape[2]
        x = features if self.bn0 is None else self.bn0(features.transpose(1, 3)).transpose(1, 3)
        x = pad(x[..., :-1], (0, 0, 0, -frames % self.config.stride[0]))
        maps = self.head(self._body(x, *self.words(query)))[:, :, :frames].float()
        # The top bin, left out for a number of bins that can be halved, does as its neighbour.
        return pad(maps, (0, 1, 0, 0), mode="replicate")

    def _body(self, x: Tensor, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Encoder, bridge and decoder: ``(batch, inputs, frames, bins)`` to the stem's resolution and width."""
        skips = [self.stem(x)]
        for encoder, attention in zip(self.encoders, self.encoder_attentions, strict=True):
            skips.append(attention(encoder(skips[-1]), tokens, mask))
        x = self.bridge_attention(self.bridge(skips.pop()), tokens, mask)
        for decoder in self.decoders:
            x = decoder(x, skips.pop(), tokens, mask)
        return self.last_pyramid(self.last_attention(x, tokens, mask))

    def _attention(self, channels: int) -> nn.Module:
        config = self.config
        kind = ATTENTIONS[config.attention_direction]
        return kind(channels, self.words.size, config.attention_size, config.heads)

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def scale_levels(magnitude: Tensor) -> tuple[Tensor, Tensor]:
    """The level of ``(batch, 1, frames, bins)`` in decibels, 0 at each clip's lowest and 1 at its highest.

    What is further under the clip's peak than DYNAMIC_RANGE counts as lowest. Also returns the decibels from 0 to 1,
    ``(batch, 1, 1, 1)``, with which :func:`level_gain` finds the way back.
    """
    level = 20.0 * torch.log10(magnitude)
    top = level.amax((1, 2, 3), keepdim=True)
    bottom = torch.maximum(level.amin((1, 2, 3), keepdim=True), top - DYNAMIC_RANGE)
    # One decibel at least: a clip of one level everywhere has no range to divide by.
    span = (top - bottom).clamp(min=1.0)
    return ((level - bottom) / span).clamp(min=0.0), span


def level_gain(mask: Tensor, scaled: Tensor, span: Tensor) -> Tensor:
    """The factor on the spectrogram that multiplies its scaled level by ``mask``: 1 for 1, the clip's lowest for 0."""
    return torch.pow(10.0, (mask - 1.0) * scaled * span / 20.0)


def _activate(x: Tensor) -> Tensor:
    return relu(x, inplace=True)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, momentum=0.01)


def _enlarge(x: Tensor, factor: Stride) -> Tensor:
    """Every position as a rectangle of ``factor`` positions."""
    return interpolate(x, scale_factor=(float(factor[0]), float(factor[1])), mode="nearest")
