"""ResUNet: a residual U-Net over the mixture's spectrogram, steered by the query.

One class serves the published networks (AudioSep, arXiv:2308.05037; the DCASE 2024 task 9 baseline; its DPRNN
extension) and the compact ones shipped with the application. What only one of them uses is a field of
:class:`ResUNetConfig`, and the configuration travels in the checkpoint::

    mixture ─ STFT ─ features ─ bn0 ─ stem ─┬─ encoder 1 ──────────── skip ──────────── decoder n ─┬─ head ─ maps
                                            │    └ pool ─ encoder 2 ─ skip ─ decoder n-1 ┘          │          │
                                            │               └ pool … bottleneck (dual path) … ┘     │          │
    query ── FiLM: a shift (and a scale) before every convolution ──────────────────────────────────┘          │
    target ─ inverse STFT ─ mask applied to the mixture's spectrogram ─────────────────────────────────────────┘
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, leaky_relu, pad

from lass.models.dual_path import DualPath, DualPathConfig
from lass.models.film import Film, FilmKind, modulate
from lass.models.kernels import NEGATIVE_SLOPE
from lass.models.masks import MASKS, MaskKind
from lass.models.spectrum import Spectrum
from lass.queries.query import Query

Stride = tuple[int, int]
Modulations = dict[str, tuple[Tensor | None, Tensor]]


@dataclass(frozen=True)
class ResUNetConfig:
    """Everything that rebuilds a ResUNet. Pairs are (frames, bins).

    The defaults are the published 32 kHz network; ``window=1024, hop=160, sample_rate=16000`` is the 16 kHz one.

    Attributes:
        sample_rate: hertz.
        window: STFT window in samples.
        hop: STFT hop in samples.
        condition_size: size of the query's pooled vector.
        channels: width of each encoder block; the stem has the first one's.
        pooling: average pooling after each encoder block.
        stem: stride of the first convolution; (1, 1) in the published networks. A larger one lets the network work
            on fewer positions, and the head brings its maps back to full resolution.
        magnitude_power: exponent that compresses the features; the mask still applies to the plain spectrogram.
        film: ``shift`` (published) or ``scale-shift``.
        query_projection: width of a small network between the query and FiLM; 0 for none (published).
        query_gain: what the query's vector is multiplied by before all that; 1 in the published networks.
        mask: what the output maps mean, see :mod:`lass.models.masks`.
        dual_path: recurrence between bottleneck and decoder, or None.
        vestigial: also hold the decoder norms and shifts that published checkpoints carry and no forward pass uses.
    """

    sample_rate: int = 32000
    window: int = 2048
    hop: int = 320
    condition_size: int = 512
    channels: tuple[int, ...] = (32, 64, 128, 256, 384, 384)
    pooling: tuple[Stride, ...] = ((2, 2), (2, 2), (2, 2), (2, 2), (2, 2), (1, 2))
    stem: Stride = (1, 1)
    magnitude_power: float = 1.0
    film: FilmKind = "shift"
    query_projection: int = 0
    query_gain: float = 1.0
    mask: MaskKind = "magnitude-phase"
    dual_path: DualPathConfig | None = None
    vestigial: bool = True
    kind: Literal["resunet"] = "resunet"

    def __post_init__(self) -> None:
        for name in ("sample_rate", "window", "hop", "condition_size"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number above 0, not {getattr(self, name)!r}")
        if self.film not in get_args(FilmKind):
            raise ValueError(f"film must be one of {', '.join(get_args(FilmKind))}, not {self.film!r}")
        if self.mask not in get_args(MaskKind):
            raise ValueError(f"mask must be one of {', '.join(get_args(MaskKind))}, not {self.mask!r}")
        if not self.query_gain > 0:
            raise ValueError(f"query_gain must be above 0, not {self.query_gain!r}")
        if min(*self.channels, *sum(self.pooling, self.stem)) < 1:
            raise ValueError("channels, pooling and stem must hold whole numbers above 0")
        if len(self.channels) != len(self.pooling):
            raise ValueError("channels and pooling need one entry for each encoder block")
        if (self.window // 2) % self.stride[1]:
            raise ValueError(f"window / 2 must be a multiple of the bin stride {self.stride[1]}")

    @property
    def title(self) -> str:
        """The architecture's name for people."""
        return "ResUNet" if self.dual_path is None else "ResUNet + DPRNN"

    @property
    def stride(self) -> Stride:
        """Frames and bins of the spectrogram that become one position of the bottleneck."""
        frames, bins = self.stem
        for frame_pool, bin_pool in self.pooling:
            frames, bins = frames * frame_pool, bins * bin_pool
        return frames, bins


class ResidualBlock(nn.Module):
    """Two pre-activated 3x3 convolutions, each steered by the query, around an identity or 1x1 shortcut."""

    def __init__(self, site: str, inputs: int, outputs: int) -> None:
        super().__init__()
        self.site = site
        self.bn1 = nn.BatchNorm2d(inputs, momentum=0.01)
        self.bn2 = nn.BatchNorm2d(outputs, momentum=0.01)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut: nn.Module = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        self.sites = {f"{site}->beta1": inputs, f"{site}->beta2": outputs}

    def forward(self, x: Tensor, film: Modulations) -> Tensor:
        """``(batch, inputs, frames, bins)`` to ``(batch, outputs, frames, bins)``."""
        h = self.conv1(activate(modulate(self.bn1(x), film[f"{self.site}->beta1"])))
        h = self.conv2(activate(modulate(self.bn2(h), film[f"{self.site}->beta2"])))
        return self.shortcut(x) + h


class EncoderBlock(nn.Module):
    """A residual block; its output is the skip, the pooled output goes on down."""

    def __init__(self, site: str, inputs: int, outputs: int, pool: Stride) -> None:
        super().__init__()
        self.conv_block1 = ResidualBlock(f"{site}->conv_block1", inputs, outputs)
        self.pool = pool
        self.sites = self.conv_block1.sites

    def forward(self, x: Tensor, film: Modulations) -> tuple[Tensor, Tensor]:
        """``(batch, inputs, frames, bins)`` to the pooled map and the skip."""
        skip = self.conv_block1(x, film)
        return (skip if self.pool == (1, 1) else avg_pool2d(skip, self.pool)), skip


class DecoderBlock(nn.Module):
    """Upsampling by a transposed convolution, the skip beside it, and a residual block."""

    def __init__(self, site: str, inputs: int, outputs: int, factor: Stride, vestigial: bool) -> None:
        super().__init__()
        self.site = site
        self.bn1 = nn.BatchNorm2d(inputs, momentum=0.01)
        self.conv1 = nn.ConvTranspose2d(inputs, outputs, factor, stride=factor, bias=False)
        self.conv_block2 = ResidualBlock(f"{site}->conv_block2", 2 * outputs, outputs)
        self.sites = {f"{site}->beta1": inputs} | self.conv_block2.sites
        if vestigial:
            self.bn2 = nn.BatchNorm2d(inputs, momentum=0.01)
            self.sites[f"{site}->beta2"] = inputs

    def forward(self, x: Tensor, skip: Tensor, film: Modulations) -> Tensor:
        """``(batch, inputs, frames, bins)`` and the skip to ``(batch, outputs, …)`` at the skip's resolution."""
        up = self.conv1(activate(modulate(self.bn1(x), film[f"{self.site}->beta1"])))
        return self.conv_block2(torch.cat([up, skip], dim=1), film)


class Base(nn.Module):
    """The U-Net proper: feature planes in, output maps out. Module names are those of the published checkpoints."""

    def __init__(self, config: ResUNetConfig) -> None:
        super().__init__()
        mask, widths = MASKS[config.mask], config.channels
        self.stride = config.stride
        self.depth = len(widths)
        self.bn0 = nn.BatchNorm2d(config.window // 2 + 1, momentum=0.01)
        self.pre_conv = nn.Conv2d(mask.inputs, widths[0], config.stem, stride=config.stem)
        inputs = widths[0]
        self.sites: dict[str, int] = {}
        for index, (width, pool) in enumerate(zip(widths, config.pooling, strict=True), start=1):
            self._add(f"encoder_block{index}", EncoderBlock(f"encoder_block{index}", inputs, width, pool))
            inputs = width
        self.bottleneck_name = f"conv_block{self.depth + 1}a"
        self._add(self.bottleneck_name, EncoderBlock(self.bottleneck_name, inputs, inputs, (1, 1)))
        if config.dual_path is not None:
            # A list of one, because published checkpoints name it DPRNN.0.
            self.DPRNN = nn.ModuleList([DualPath(inputs, config.dual_path)])
        for index, (width, pool) in enumerate(zip(reversed(widths), reversed(config.pooling), strict=True), start=1):
            name = f"decoder_block{index}"
            self._add(name, DecoderBlock(name, inputs, width, pool, config.vestigial))
            inputs = width
        head = nn.Conv2d if config.stem == (1, 1) else nn.ConvTranspose2d
        self.after_conv = head(inputs, mask.outputs, config.stem, stride=config.stem)

    def _add(self, name: str, block: EncoderBlock | DecoderBlock) -> None:
        self.add_module(name, block)
        self.sites |= block.sites

    def forward(self, features: Tensor, film: Modulations) -> Tensor:
        """``(batch, inputs, frames, bins)`` to maps ``(batch, outputs, frames, bins)``; the top bin's are zero."""
        frames = features.shape[2]
        x = self.bn0(features.transpose(1, 3)).transpose(1, 3)
        x = pad(x[..., :-1], (0, 0, 0, -frames % self.stride[0]))
        x = self.pre_conv(x)
        skips: list[Tensor] = []
        for index in range(1, self.depth + 1):
            x, skip = self.get_submodule(f"encoder_block{index}")(x, film)
            skips.append(skip)
        x, _ = self.get_submodule(self.bottleneck_name)(x, film)
        if hasattr(self, "DPRNN"):
            x = self.DPRNN[0](x)
        for index in range(1, self.depth + 1):
            x = self.get_submodule(f"decoder_block{index}")(x, skips.pop(), film)
        return pad(self.after_conv(x)[:, :, :frames], (0, 1))


class ResUNet(nn.Module):
    """Query-conditioned separation network: mixture and query in, target out."""

    def __init__(self, config: ResUNetConfig) -> None:
        super().__init__()
        self.config = config
        self.mask = MASKS[config.mask]
        self.spectrum = Spectrum(config.window, config.hop)
        self.base = Base(config)
        self.film = Film(
            self.base.sites, config.condition_size, config.film, config.query_projection, config.query_gain
        )
        self._initialise()

    def forward(self, mixture: Tensor, query: Query) -> Tensor:
        """``(batch, channels, samples)`` and a query of ``batch`` rows to the target, of the mixture's shape.

        The published networks are mono; with more channels one mask is estimated and applied to each.
        """
        spectrum = self.spectrum(mixture)
        maps = self.maps(spectrum, query)
        return self.spectrum.inverse(self.mask.apply(maps, spectrum), mixture.shape[-1])

    def maps(self, spectrum: Tensor, query: Query) -> Tensor:
        """Output maps ``(batch, outputs, frames, bins)`` for a spectrogram ``(batch, channels, frames, bins)``."""
        features = self.mask.features(spectrum, self.config.magnitude_power)
        return self.base(features, self.film(query.pooled)).float()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if self.config.mask == "magnitude-phase":
            # Start with the mixture's own phase: a random rotation would have to be unlearned first.
            head = self.base.after_conv
            outputs = slice(1, 3)
            with torch.no_grad():
                (head.weight[:, outputs] if isinstance(head, nn.ConvTranspose2d) else head.weight[outputs]).mul_(0.1)
                assert head.bias is not None
                head.bias[1] = 2.0


def activate(x: Tensor) -> Tensor:
    """Leaky rectifier with the published slope."""
    return leaky_relu(x, NEGATIVE_SLOPE)
