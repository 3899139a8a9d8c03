"""CLAP's audio branch and CLAPScore: how much a recording sounds like another one, or like a description.

The branch itself is HTS-AT (Chen et al., arXiv:2202.00874) from the package `laion-clap`, which is imported when a
recording is first embedded, not before: importing it asks the Hugging Face hub for three tokenizers, and without a
network that takes minutes. It is imported offline here, gets none of them, and needs none: text goes through
`lass.queries.clap`.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lass.errors import ModelError
from lass.queries.clap import ClapTextEncoder, branch_tensors
from lass.queries.weights import fill

if TYPE_CHECKING:
    from torch import Tensor, nn

SAMPLE_RATE = 48000
# What the branch takes at a time: ten seconds, in samples.
CLIP = 10 * SAMPLE_RATE
IMPORT_SECONDS = 120.0

_PATCHES = "audio_branch.patch_embed.proj.weight"
_SIZE_OF_PATCHES = {96: "tiny", 128: "base", 256: "large"}
# laion-clap imports its own subpackage by this name.
_NETWORKS = "clap_module.model"
_importing = threading.Lock()


class _Parts(NamedTuple):
    branch: nn.Module
    projection: nn.Module


class ClapAudio:
    """Recordings to CLAP's 512-dimensional vectors, on the CPU. Safe to share between threads."""

    def __init__(self, tensors: Mapping[str, Tensor], source: str, *, import_seconds: float = IMPORT_SECONDS) -> None:
        """tensors: `audio_branch.…` and `audio_projection.…`, as `audio_tensors` selects them.

        source: what they are from, as a sentence begins: "The file x.pt".
        import_seconds: how long importing `laion-clap` may take.
        """
        self._tensors = tensors
        self._source = source
        self._import_seconds = import_seconds
        self._parts: _Parts | None = None
        self._loading = threading.Lock()

    def embed(self, waveform: np.ndarray, sample_rate: int) -> Tensor:
        """The vector (512,) of a recording, of length 1.

        waveform: (samples,) or (channels, samples), full scale at 1; channels are averaged.
        sample_rate: hertz; resampled to 48 kHz.

        A recording under ten seconds is repeated as often as it fits and filled up with silence, and samples are
        rounded to 16 bits, as `laion-clap` does. Of a longer one that package takes ten seconds at random; here
        every ten seconds are taken, the last ten of them from the end, and their vectors averaged, so that a score
        can be had twice.

        Raises ModelError when the weights do not fit or `laion-clap` cannot be imported, and ValueError for an empty
        waveform.
        """
        import torch
        import torchaudio
        from torch.nn import functional

        mono = np.asarray(waveform, np.float32).reshape(-1, np.shape(waveform)[-1]).mean(0)
        if not mono.size:
            raise ValueError("the waveform is empty")
        parts = self._loaded()
        with torch.no_grad():
            clips = _clips(torchaudio.functional.resample(torch.from_numpy(mono), sample_rate, SAMPLE_RATE))
            vectors = [
                parts.projection(parts.branch({"waveform": clip[None]}, mixup_lambda=None, device=None)["embedding"])
                for clip in clips
            ]
            return functional.normalize(functional.normalize(torch.cat(vectors), dim=-1).mean(0), dim=-1)

    def _loaded(self) -> _Parts:
        with self._loading:
            if self._parts is None:
                self._parts = self._load()
                self._tensors = {}
            return self._parts

    def _load(self) -> _Parts:
        import torch
        from torch import nn

        patches, joint = self._tensors.get(_PATCHES), self._tensors.get("audio_projection.0.weight")
        name = None if patches is None else _SIZE_OF_PATCHES.get(len(patches))
        if name is None or joint is None or joint.ndim != 2:
            raise ModelError(f"{self._source} holds no audio branch of a known size of CLAP; choose another file.")
        clap = _laion_clap(self._import_seconds)
        # The layout of every HTSAT of laion-clap, fusion off.
        facts = clap.CLAPAudioCfp(
            model_type="HTSAT",
            model_name=name,
            sample_rate=SAMPLE_RATE,
            window_size=1024,
            hop_size=480,
            fmin=50,
            fmax=14000,
            class_num=527,
            mel_bins=64,
            clip_samples=CLIP,
        )
        # Its first values are drawn at random and then replaced; the caller's generator stays where it was.
        with torch.random.fork_rng(devices=[]):
            branch = clap.create_htsat_model(facts, enable_fusion=False)
            size, width = joint.shape
            projection = nn.Sequential(nn.Linear(width, size), nn.ReLU(), nn.Linear(size, size))
        for prefix, module in (("audio_branch.", branch), ("audio_projection.", projection)):
            own = {key.removeprefix(prefix): v for key, v in self._tensors.items() if key.startswith(prefix)}
            fill(module, own, self._source, prefix=prefix)
        return _Parts(branch.eval().requires_grad_(False), projection.eval().requires_grad_(False))


class ClapScore:
    """CLAPScore: the cosine between two CLAP vectors, from -1 to 1; higher is more alike."""

    def __init__(self, audio: ClapAudio, text: ClapTextEncoder) -> None:
        self._audio = audio
        self._text = text

    def between(self, estimate: np.ndarray, reference: np.ndarray, sample_rate: int) -> float:
        """How much an estimate sounds like the reference; waveforms as in `ClapAudio.embed`, of any lengths.

        Silence has a vector like any other sound, so two silences score 1.
        """
        return float(self._audio.embed(estimate, sample_rate) @ self._audio.embed(reference, sample_rate))

    def with_text(self, estimate: np.ndarray, description: str, sample_rate: int) -> float:
        """How much an estimate sounds like a description."""
        return float(self._audio.embed(estimate, sample_rate) @ self._text.encode([description]).pooled[0])


def audio_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """CLAP's audio branch and its projection out of a checkpoint; empty when there is none."""
    return branch_tensors(tensors, _PATCHES, r"audio_branch\.|audio_projection\.")


def _clips(waveform: Tensor) -> list[Tensor]:
    """Ten-second pieces (CLIP,) of a waveform (samples,) at 48 kHz."""
    import torch
    from torch.nn import functional

    waveform = (waveform.clamp(-1, 1) * 32767).to(torch.int16).float() / 32767
    if len(waveform) < CLIP:
        waveform = waveform.repeat(CLIP // len(waveform))
        return [functional.pad(waveform, (0, CLIP - len(waveform)))]
    starts = [*range(0, len(waveform) - CLIP, CLIP), len(waveform) - CLIP]
    return [waveform[start : start + CLIP] for start in starts]


def _laion_clap(seconds: float) -> ModuleType:
    """The modules of `laion-clap` that hold its networks. Raises ModelError when they cannot be had in time."""
    done = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            _import_offline()
        except BaseException as error:  # noqa: BLE001 (raised again in the calling thread, in words)
            failures.append(error)
        finally:
            done.set()

    threading.Thread(target=work, name="import-laion-clap", daemon=True).start()
    if not done.wait(seconds):
        raise ModelError(
            f"CLAP's audio branch cannot be used: importing laion-clap took more than {seconds:g} seconds; try again, "
            "or install laion-clap==1.1.7 anew."
        )
    if failures:
        raise ModelError(
            f"CLAP's audio branch cannot be used: laion-clap does not import ({_in_a_line(failures[0])}); install "
            "laion-clap==1.1.7 anew."
        ) from failures[0]
    return sys.modules[_NETWORKS]


def _import_offline() -> None:
    """Import `laion_clap` without a network, and leave the process as it was but for the modules."""
    with _importing:
        if _NETWORKS in sys.modules:
            return
        from huggingface_hub import constants

        before, paths = constants.HF_HUB_OFFLINE, sys.path.copy()
        constants.HF_HUB_OFFLINE = True
        try:
            importlib.import_module("laion_clap")
        finally:
            constants.HF_HUB_OFFLINE = before
            # It puts its own folder there, and with it general names such as `training`.
            sys.path[:] = paths


def _in_a_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
