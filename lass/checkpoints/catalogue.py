"""The catalogue: which checkpoints there are, what each one is, and whether it is here.

Tables of the bundled checkpoints, whose facts are in their own files, of the published ones, whose facts were read
from the publishers' pages, of ensembles of these, and of the companion files that some need. A licence or a size the
publisher does not state is not guessed: it says "not stated", or it is marked as approximate.
"""

import difflib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lass.checkpoints.remote import RemoteFile, in_words, page
from lass.checkpoints.store import Store
from lass.errors import ModelError

logger = logging.getLogger(__name__)

State = Literal["bundled", "downloaded", "to download"]

ASSETS = Path(__file__).resolve().parents[2] / "assets"
NOT_STATED = "not stated"
SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth")
FORMAT = 1

RESUNET30_PARAMETERS_32K = 26_447_941
"""Trainable parameters of ResUNet30 with a window of 2048."""
RESUNET30_PARAMETERS_16K = RESUNET30_PARAMETERS_32K - 2 * (1025 - 513)
"""A window of 1024 has 512 frequency bins fewer, each with a weight and a bias in ``bn0``, and nothing else."""


_FACTS = (
    "name", "title", "architecture", "encoder", "sample_rate", "parameters", "size_bytes", "licence", "state",
    "summary", "source",
)  # fmt: skip


@dataclass(frozen=True)
class ModelEntry:
    """One checkpoint that separates.

    ``parameters`` are the separator's trainable ones, ``None`` where they are not known before the file is
    here. ``size_bytes`` is what is stored or, for a file to download, what comes over the network;
    ``size_is_approximate`` marks an estimate. ``sample_rate`` is in hertz. ``source`` is a page for people.
    ``needs`` names the companions without which a query cannot be encoded. ``asset`` is the file of a bundled
    checkpoint; ``files`` are the published files of the others. ``members`` names the models whose targets an
    ensemble averages.
    """

    name: str
    title: str
    architecture: str
    encoder: str
    sample_rate: int
    parameters: int | None
    size_bytes: int | None
    licence: str
    state: State
    summary: str
    source: str
    size_is_approximate: bool = False
    needs: tuple[str, ...] = ()
    files: tuple[RemoteFile, ...] = ()
    asset: Path | None = None
    members: tuple[str, ...] = ()

    @property
    def size(self) -> str:
        """The size for people: ``1.26 GB``, ``about 1.2 GB``."""
        return in_words(self.size_bytes, approximate=self.size_is_approximate)

    def facts(self) -> dict[str, Any]:
        """What programs are told of a model, as plain JSON types."""
        return {name: getattr(self, name) for name in _FACTS}


@dataclass(frozen=True)
class Companion:
    """Files that some checkpoints or measures need beside themselves, fetched and placed like a checkpoint."""

    name: str
    title: str
    licence: str
    summary: str
    source: str
    files: tuple[RemoteFile, ...]

    @property
    def asset(self) -> Path | None:
        """Companions are never bundled."""
        return None

    @property
    def size_bytes(self) -> int | None:
        """What a download costs, in bytes."""
        sizes = [file.expected_bytes for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def size_is_approximate(self) -> bool:
        """Whether ``size_bytes`` is an estimate."""
        return any(file.size_bytes is None for file in self.files)

    @property
    def size(self) -> str:
        """The size for people."""
        return in_words(self.size_bytes, approximate=self.size_is_approximate)


ROBERTA_TOKENIZER = Companion(
    name="roberta-tokenizer",
    title="RoBERTa tokenizer",
    licence="MIT",
    summary="Cuts a query into the tokens that CLAP's text branch knows; every CLAP checkpoint needs it.",
    source="https://huggingface.co/FacebookAI/roberta-base",
    files=(
        RemoteFile("hf-model", "FacebookAI/roberta-base", "vocab.json", about_bytes=899_000),
        RemoteFile("hf-model", "FacebookAI/roberta-base", "merges.txt", about_bytes=456_000),
        RemoteFile("hf-model", "FacebookAI/roberta-base", "tokenizer.json", about_bytes=1_356_000),
        RemoteFile("hf-model", "FacebookAI/roberta-base", "tokenizer_config.json", about_bytes=100),
        RemoteFile("hf-model", "FacebookAI/roberta-base", "config.json", about_bytes=500),
    ),
)

CLAP_WEIGHTS = Companion(
    name="clap-weights",
    title="LAION-CLAP, music, speech and AudioSet",
    licence="CC0-1.0",
    summary="CLAP's text and audio branches: for CLAPScore, and for checkpoints that carry no text branch.",
    source="https://huggingface.co/lukewys/laion_clap",
    files=(
        RemoteFile(
            "hf-model",
            "lukewys/laion_clap",
            "music_speech_audioset_epoch_15_esc_89.98.pt",
            size_bytes=2_352_471_003,
            sha256="51c68f12f9d7ea25fdaaccf741ec7f81e93ee594455410f3bca4f47f88d8e006",
        ),
    ),
)

COMPANIONS: tuple[Companion, ...] = (ROBERTA_TOKENIZER, CLAP_WEIGHTS)


def _published(
    name: str,
    title: str,
    file: RemoteFile,
    *,
    architecture: str = "ResUNet30",
    sample_rate: int,
    parameters: int | None,
    licence: str,
    summary: str,
) -> ModelEntry:
    return ModelEntry(
        name=name,
        title=title,
        architecture=architecture,
        encoder="CLAP",
        sample_rate=sample_rate,
        parameters=parameters,
        size_bytes=file.expected_bytes,
        size_is_approximate=file.expected_bytes != file.size_bytes,
        licence=licence,
        state="to download",
        summary=summary,
        source=page(file),
        needs=(ROBERTA_TOKENIZER.name,),
        files=(file,),
    )


PUBLISHED: tuple[ModelEntry, ...] = (
    _published(
        "audiosep-32k",
        "AudioSep",
        RemoteFile(
            "hf-space",
            "Audio-AGI/AudioSep",
            "checkpoint/audiosep_base_4M_steps.ckpt",
            size_bytes=1_264_844_076,
            sha256="f8cda01bfd0ebd141eef45d41db7a3ada23a56568465840d3cff04b8010ce82c",
        ),
        sample_rate=32_000,
        parameters=RESUNET30_PARAMETERS_32K,
        licence="MIT",
        summary="The original AudioSep: open-domain sounds at 32 kHz, four million training steps.",
    ),
    _published(
        "audiosep-hive-32k",
        "AudioSep-hive",
        RemoteFile("hf-model", "AlayaLab/AudioSep-hive", "audiosep_hive.ckpt", about_bytes=1_260_000_000),
        sample_rate=32_000,
        parameters=RESUNET30_PARAMETERS_32K,
        licence="Apache-2.0",
        summary="AudioSep's network trained again by AlayaLab, 32 kHz; the publisher states no checksum.",
    ),
    _published(
        "dcase2024-baseline-16k",
        "DCASE 2024 Task 9 baseline",
        RemoteFile("zenodo", "10887460", "audiosep_16k,baseline,step=200000.ckpt", about_bytes=1_200_000_000),
        sample_rate=16_000,
        parameters=RESUNET30_PARAMETERS_16K,
        licence=NOT_STATED,
        summary="Trained on Clotho and FSD50K, 200,000 steps; 5.708 dB SDR on DCASE-T9 validation.",
    ),
    _published(
        "audiosep-dp-32k",
        "AudioSep-DP",
        # The one checkpoint in the archive is named after its epoch and score, so it is found by its ending.
        RemoteFile(
            "zenodo",
            "14208090",
            "resunet_with_dprnn_32k.zip",
            about_bytes=1_600_000_000,
            member="*.ckpt",
            saved_as="resunet_with_dprnn_32k.ckpt",
        ),
        architecture="ResUNet30 + DPRNN",
        sample_rate=32_000,
        parameters=None,
        licence=NOT_STATED,
        summary="With a dual-path recurrent block; its authors report 8.191 dB SDR on DCASE-T9 validation.",
    ),
)


def _ensemble(name: str, title: str, summary: str, *members: str) -> ModelEntry:
    """An entry that is the mean of other entries; its size and needs are theirs together."""
    entries = [entry for member in members for entry in PUBLISHED if entry.name == member]
    parameters = [entry.parameters for entry in entries]
    return ModelEntry(
        name=name,
        title=title,
        architecture="Ensemble",
        encoder=entries[0].encoder,
        sample_rate=max(entry.sample_rate for entry in entries),
        parameters=None if None in parameters else sum(count or 0 for count in parameters),
        size_bytes=sum(entry.size_bytes or 0 for entry in entries),
        size_is_approximate=any(entry.size_is_approximate for entry in entries),
        licence=NOT_STATED,
        state="to download",
        summary=summary,
        source=entries[0].source,
        needs=tuple(dict.fromkeys(need for entry in entries for need in entry.needs)),
        members=members,
    )


ENSEMBLES: tuple[ModelEntry, ...] = (
    _ensemble(
        "audiosep-ensemble",
        "AudioSep ensemble",
        "The mean of three published models; a similar ensemble gave its authors 8.467 dB SDR on DCASE-T9 validation.",
        "audiosep-dp-32k",
        "audiosep-32k",
        "dcase2024-baseline-16k",
    ),
)


@dataclass(frozen=True)
class Bundled:
    """A checkpoint in ``assets/<name>/model.safetensors``; all but its title is read from the file itself."""

    name: str
    title: str


BUNDLED: tuple[Bundled, ...] = (
    Bundled("resunet-compact", "ResUNet, compact"),
    Bundled("resunet-dprnn-compact", "ResUNet with DPRNN, compact"),
    Bundled("resunetpp-compact", "ResUNet++, compact"),
)


def list_models(cache_dir: Path | str | None = None, assets_dir: Path | str | None = None) -> list[ModelEntry]:
    """Every checkpoint and its state, the bundled ones first; asks no network and reads no weights.

    ``cache_dir`` is the store's folder; without one nothing counts as downloaded. A bundled checkpoint whose
    file is missing or damaged is left out and logged; :func:`find` says why.
    """
    entries = []
    for bundled in BUNDLED:
        try:
            entries.append(_bundled_entry(bundled, assets_dir))
        except ModelError as error:
            logger.warning("%s", error)
    return entries + [_with_state(entry, cache_dir) for entry in PUBLISHED + ENSEMBLES]


def find(name: str, cache_dir: Path | str | None = None, assets_dir: Path | str | None = None) -> ModelEntry:
    """The entry with this name.

    Raises:
        ModelError: no such name, with the closest one and all good ones; or a bundled file is missing or
            damaged.
    """
    for bundled in BUNDLED:
        if bundled.name == name:
            return _bundled_entry(bundled, assets_dir)
    for entry in PUBLISHED + ENSEMBLES:
        if entry.name == name:
            return _with_state(entry, cache_dir)
    raise _unknown("model", name, names())


def file_named(name_or_path: str | Path) -> Path | None:
    """The checkpoint file that these words name; None where they are not a path, and so a model's name.

    Raises:
        ModelError: they are a path, and there is no file.
    """
    path = Path(name_or_path)
    # Not path.is_file(), which raises for a name that is too long to be one.
    if os.path.isfile(path):
        return path
    if path.suffix in SUFFIXES or len(path.parts) > 1:
        raise ModelError(f"There is no checkpoint at {path}; check the path, or give a model's name.")
    return None


def find_companion(name: str) -> Companion:
    """The companion with this name.

    Raises:
        ModelError: no such name.
    """
    for companion in COMPANIONS:
        if companion.name == name:
            return companion
    raise _unknown("companion file", name, [companion.name for companion in COMPANIONS])


def companions(entry: ModelEntry) -> tuple[Companion, ...]:
    """What has to be fetched beside the entry before a query can be encoded."""
    return tuple(find_companion(name) for name in entry.needs)


def parts(name: str, cache_dir: Path | str | None = None) -> tuple[ModelEntry | Companion, ...]:
    """Everything to fetch for a model or a companion: an ensemble's members, and what they need.

    Raises:
        ModelError: no model and no companion has this name.
    """
    if name in (companion.name for companion in COMPANIONS):
        return (find_companion(name),)
    entry = find(name, cache_dir)
    models = tuple(find(member, cache_dir) for member in entry.members) or (entry,)
    return models + companions(entry)


def names() -> list[str]:
    """The names of all models, the bundled ones first."""
    return [bundled.name for bundled in BUNDLED] + [entry.name for entry in PUBLISHED + ENSEMBLES]


def read_metadata(path: Path) -> Mapping[str, Any]:
    """The ``lass`` metadata of one of our own checkpoints; reads the header only, and needs no torch.

    Raises:
        ModelError: the file is missing, not safetensors, not written by this project, or by a newer version
            of it.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            metadata = json.loads((file.metadata() or {})["lass"])
        version = int(metadata["format"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The checkpoint {path} is damaged or was not written by this application; install it again."
        ) from error
    if version > FORMAT:
        raise ModelError(f"The checkpoint {path} was written by a newer version of this application; update it.")
    return metadata


def starts(training: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a checkpoint's training says of the checkpoint it started from, of the one that this had started from, …"""
    while start := training.get("start"):
        yield start
        training = start.get("training") or {}


def _bundled_entry(bundled: Bundled, assets_dir: Path | str | None) -> ModelEntry:
    asset = Path(assets_dir or ASSETS) / bundled.name / "model.safetensors"
    if not asset.is_file():
        raise ModelError(f"{bundled.name} should come with the application but {asset} is missing; install it again.")
    metadata = read_metadata(asset)
    try:
        return ModelEntry(
            name=bundled.name,
            title=bundled.title,
            architecture=str(metadata["architecture"]),
            encoder=str(metadata["encoder"]),
            sample_rate=int(metadata["config"]["sample_rate"]),
            parameters=int(metadata["parameters"]),
            size_bytes=asset.stat().st_size,
            licence=str(metadata["licence"]),
            state="bundled",
            summary=str(metadata["summary"]),
            source="bundled with the application",
            asset=asset,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"The checkpoint {asset} lacks a fact about itself ({error}); install the application again."
        ) from error


def _with_state(entry: ModelEntry, cache_dir: Path | str | None) -> ModelEntry:
    files = [model for model in PUBLISHED if model.name in entry.members] or [entry]
    here = cache_dir is not None and all(Store(cache_dir, offline=True).is_here(file) for file in files)
    return replace(entry, state="downloaded" if here else "to download")


def _unknown(kind: str, name: str, good: list[str]) -> ModelError:
    close = difflib.get_close_matches(name.lower(), good, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return ModelError(f"There is no {kind} called {name!r}{hint}; choose one of: {', '.join(good)}.")
