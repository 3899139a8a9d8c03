"""Checkpoints as the field publishes them: AudioSep's layout, whose tensors alone tell the network.

Such a file is a PyTorch Lightning checkpoint with the separator under ``ss_model.base.…`` and ``ss_model.film.…`` and
the query encoder it was trained with, CLAP, under ``query_encoder.…``. Mirrors hold the same as a flat dictionary,
without prefixes, without the encoder, or as safetensors; all of these are read.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from lass.checkpoints.catalogue import CLAP_WEIGHTS, ROBERTA_TOKENIZER
from lass.checkpoints.tensors import read_tensors
from lass.errors import ModelError
from lass.models import DualPathConfig, ResUNet, ResUNetConfig
from lass.models.masks import MaskKind
from lass.queries.clap import ClapTextEncoder, text_tensors
from lass.queries.clap_audio import ClapAudio, ClapScore, audio_tensors
from lass.queries.weights import fill

_MARK = "base.bn0.weight"
# Fixed kernels of a Fourier transform, which torch.stft takes the place of.
_TRANSFORM = re.compile(r"base\.i?stft\.")
# Two maps may be a ratio for each part or one complex ratio: the tensors are the same.
_MASK_OF_OUTPUTS: dict[int, MaskKind] = {3: "magnitude-phase", 1: "magnitude"}
_CELL_OF_GATES = {3: "gru", 4: "lstm"}
_SAMPLE_RATE_OF_WINDOW = {1024: 16000, 2048: 32000}


def load_published(
    path: Path, *, sample_rate: int | None = None, cache_dir: Path | None = None
) -> tuple[ResUNet, ClapTextEncoder]:
    """The network in evaluation mode, in single precision on the CPU, and the encoder of its queries.

    The encoder reads its tensors and looks for its tokenizer when a query is first encoded, so that a checkpoint
    can be used with conditions from elsewhere when those are not here.

    Args:
        path: the checkpoint.
        sample_rate: hertz; by default 16000 for a window of 1024 and 32000 for one of 2048.
        cache_dir: the folder of fetched checkpoints, in which CLAP's tokenizer (``roberta-tokenizer/``) and, for a
            checkpoint without text branch, CLAP's weights (``clap-weights/``) are looked for; so they are beside the
            checkpoint itself.

    Raises:
        ModelError: the file is damaged, wants to run code, or is not a network of this layout.
    """
    source = f"The checkpoint {path}"
    tensors = read_tensors(path)
    prefix = _prefix(tensors, source)
    separator = {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith((f"{prefix}base.", f"{prefix}film."))
    }
    separator = {name: value for name, value in separator.items() if not _TRANSFORM.match(name)}
    model = build_published(separator, source, prefix=prefix, sample_rate=sample_rate)
    return model, _encoder(path, tensors, model.config.condition_size, cache_dir)


def load_clap_score(path: Path, *, cache_dir: Path | None = None) -> ClapScore:
    """CLAPScore with the published weights of LAION-CLAP (``.pt``), both branches.

    Raises:
        ModelError: the file is damaged, wants to run code, or holds no CLAP.
    """
    tensors = read_tensors(path)
    audio, text = audio_tensors(tensors), text_tensors(tensors)
    if not audio or not text:
        raise ModelError(
            f"The file {path} does not hold CLAP's two branches; get {CLAP_WEIGHTS.files[0].name} from "
            f"{CLAP_WEIGHTS.source}."
        )
    source = f"The file {path}"
    folders = _folders(path, ROBERTA_TOKENIZER.name, cache_dir)
    return ClapScore(ClapAudio(audio, source), ClapTextEncoder(lambda: text, source, tokenizer_folders=folders))


def build_published(
    tensors: Mapping[str, Tensor], source: str, *, prefix: str = "", sample_rate: int | None = None
) -> ResUNet:
    """The network that ``base.…`` and ``film.…`` tensors belong to, in evaluation mode and with these values.

    ``source`` begins a sentence about the tensors, ``prefix`` is what their names begin with in the file.

    Raises:
        ModelError: a tensor is missing, has no place, or has another shape than the others ask for.
    """
    config = _Reader(tensors, source, prefix).config(sample_rate)
    # Drawn at random and then overwritten, which takes a fifth of the time of building on the meta device; the
    # caller's generator stays where it was.
    with torch.random.fork_rng(devices=[]):
        model = ResUNet(config)
    fill(model, tensors, source, prefix=prefix)
    return model.eval()


class _Reader:
    """Reads a configuration off the shapes of tensors."""

    def __init__(self, tensors: Mapping[str, Tensor], source: str, prefix: str) -> None:
        self._tensors = tensors
        self._source = source
        self._prefix = prefix

    def config(self, sample_rate: int | None) -> ResUNetConfig:
        (bins,) = self._shape(_MARK, 1)
        window = 2 * (bins - 1)
        blocks = self._count("base.encoder_block{}.conv_block1.conv1.weight", first=1)
        encoders = range(1, blocks + 1)
        outputs, _, *stem = self._shape("base.after_conv.weight", 4)
        if outputs not in _MASK_OF_OUTPUTS or stem != [1, 1]:
            raise ModelError(
                f"{self._source} ends in {outputs} maps with a {stem[0]} x {stem[1]} kernel, which does not tell what "
                "they mean; networks of three maps or one and a 1 x 1 kernel can be loaded."
            )
        try:
            return ResUNetConfig(
                sample_rate=self._sample_rate(window, sample_rate),
                window=window,
                # 1024 and 160, 2048 and 320.
                hop=window * 5 // 32,
                condition_size=self._shape("film.encoder_block1->conv_block1->beta1.weight", 2)[1],
                channels=tuple(self._shape(f"base.encoder_block{n}.conv_block1.conv1.weight", 4)[0] for n in encoders),
                # The last decoder undoes the pooling of the first encoder.
                pooling=tuple(self._pooling(f"base.decoder_block{blocks + 1 - n}.conv1.weight") for n in encoders),
                mask=_MASK_OF_OUTPUTS[outputs],
                dual_path=self._dual_path(),
                vestigial="base.decoder_block1.bn2.weight" in self._tensors,
            )
        except ValueError as error:
            raise ModelError(f"{self._source} does not fit together ({error}); choose another checkpoint.") from error

    def _dual_path(self) -> DualPathConfig | None:
        if not any(name.startswith("base.DPRNN.") for name in self._tensors):
            return None
        first = "base.DPRNN.0.row_rnn.0.rnn.weight_hh_l"
        rows, hidden = self._shape(f"{first}0", 2)
        cell = _CELL_OF_GATES.get(rows // hidden) if hidden and rows % hidden == 0 else None
        if cell is None:
            raise ModelError(
                f"{self._source} has a recurrent cell that is neither GRU nor LSTM ({rows} rows for {hidden} units); "
                "choose another checkpoint."
            )
        return DualPathConfig(
            layers=self._count("base.DPRNN.0.row_rnn.{}.rnn.weight_hh_l0"),
            hidden=hidden,
            cell="gru" if cell == "gru" else "lstm",
            depth=self._count(first + "{}"),
        )

    def _sample_rate(self, window: int, given: int | None) -> int:
        known = given or _SAMPLE_RATE_OF_WINDOW.get(window)
        if known is None or known < 0:
            raise ModelError(
                f"{self._source} does not tell its sample rate, and its window of {window} samples is not one of the "
                "published ones; give the sample rate in hertz."
            )
        return known

    def _pooling(self, name: str) -> tuple[int, int]:
        *_, frames, bins = self._shape(name, 4)
        return frames, bins

    def _count(self, pattern: str, first: int = 0) -> int:
        """How many tensors there are, numbered from ``first`` without a gap."""
        number = first
        while pattern.format(number) in self._tensors:
            number += 1
        return number - first

    def _shape(self, name: str, dimensions: int) -> list[int]:
        if name not in self._tensors:
            raise ModelError(
                f"{self._source} is incomplete: it lacks the tensor {self._prefix}{name}; fetch it again, or choose a "
                "checkpoint in AudioSep's layout."
            )
        shape = list(self._tensors[name].shape)
        if len(shape) != dimensions or 0 in shape:
            raise ModelError(
                f"{self._source} does not fit AudioSep's layout: the tensor {self._prefix}{name} has the shape "
                f"{shape} where {dimensions} dimensions belong; choose another checkpoint."
            )
        return shape


def _prefix(tensors: Mapping[str, Tensor], source: str) -> str:
    """What stands before ``base.`` and ``film.``: ``ss_model.`` in published files, nothing in some mirrors."""
    prefixes = {name.removesuffix(_MARK) for name in tensors if name == _MARK or name.endswith(f".{_MARK}")}
    if not prefixes:
        raise ModelError(
            f"{source} holds no separation network in AudioSep's layout (no tensor {_MARK}); choose another file."
        )
    return min(prefixes, key=len)


def _encoder(path: Path, tensors: Mapping[str, Tensor], size: int, cache_dir: Path | None) -> ClapTextEncoder:
    text = text_tensors(tensors)
    folders = _folders(path, ROBERTA_TOKENIZER.name, cache_dir)
    if text:
        return ClapTextEncoder(lambda: text, f"The checkpoint {path}", size=size, tokenizer_folders=folders)
    weights = CLAP_WEIGHTS.files[0].name
    places = [folder / weights for folder in _folders(path, CLAP_WEIGHTS.name, cache_dir)]

    def from_clap() -> dict[str, Tensor]:
        for place in places:
            if place.is_file():
                return text_tensors(read_tensors(place))
        raise ModelError(
            f"The checkpoint {path} carries no text branch, so a query needs CLAP's own weights: get {weights} from "
            f"{CLAP_WEIGHTS.source} and place it as {places[0]}."
        )

    return ClapTextEncoder(from_clap, f"CLAP's file {weights}", size=size, tokenizer_folders=folders)


def _folders(path: Path, name: str, cache_dir: Path | None) -> list[Path]:
    """Where a companion may be: the first one is where a person is told to place it."""
    beside = path.resolve().parent / name
    return [beside] if cache_dir is None else [Path(cache_dir) / name, beside]
