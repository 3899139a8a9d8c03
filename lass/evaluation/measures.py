"""Measures beside SDR, SDRi and SI-SDR, through the libraries that define them: each costs time, so each is asked for.

========  =====================  ==============================================================================
name      scores                 what they are
========  =====================  ==============================================================================
pesq      pesq                   perceptual quality of speech, wide band, 1 to 4.6 (ITU-T P.862.2; package pesq)
stoi      stoi                   intelligibility of speech, 0 to 1 (Taal et al., 2011; package pystoi)
bss       bss_sdr, sir, sar      BSS Eval of target and residual, decibels (Vincent et al., 2006; mir_eval)
isr       isr                    image to spatial distortion ratio, decibels (BSS Eval of images; mir_eval)
clap      clap_audio, clap_text  CLAPScore of the estimate with the target, and with the query, -1 to 1
========  =====================  ==============================================================================

Speech is measured at 16 kHz, whatever the rate. A score that is not defined, as for silence, is NaN.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lass import audio
from lass.errors import LassError, SettingsError

if TYPE_CHECKING:
    from lass.queries.clap_audio import ClapScore

SPEECH_RATE = 16_000
Mono = NDArray[np.float32]


@dataclass(frozen=True)
class Answer:
    """One separated mixture: waveforms `(samples,)` at `sample_rate` hertz, and what was asked."""

    target: Mono
    estimate: Mono
    mixture: Mono
    sample_rate: int
    query: str


Measure = Callable[[Answer], dict[str, float]]

SCORES: dict[str, tuple[str, ...]] = {
    "pesq": ("pesq",),
    "stoi": ("stoi",),
    "bss": ("bss_sdr", "sir", "sar"),
    "isr": ("isr",),
    "clap": ("clap_audio", "clap_text"),
}
"""The scores of each measure, by its name."""

TITLES = {
    "pesq": "PESQ", "stoi": "STOI", "bss_sdr": "BSS SDR", "sir": "SIR", "sar": "SAR", "isr": "ISR",
    "clap_audio": "CLAPScore", "clap_text": "CLAPScore T",
}  # fmt: skip


def open_measures(names: Sequence[str], downloads: Path | None = None) -> list[Measure]:
    """The measures of these names, ready to use.

    Args:
        names: of `SCORES`.
        downloads: the folder of fetched checkpoints, in which CLAP's weights are looked for.

    Raises:
        SettingsError: there is no such measure.
        LassError: a package or a file that it needs is not here.
    """
    measures: list[Measure] = []
    for name in dict.fromkeys(names):
        match name:
            case "pesq":
                measures.append(_pesq())
            case "stoi":
                measures.append(_stoi)
            case "bss":
                measures.append(_bss)
            case "isr":
                measures.append(_isr)
            case "clap":
                measures.append(_clap(downloads))
            case _:
                raise SettingsError(f"There is no measure {name!r}; known are {', '.join(SCORES)}.")
    return measures


def _pesq() -> Measure:
    try:
        # Not among the requirements: it is built from C where it is installed.
        package: Any = importlib.import_module("pesq")
    except ImportError as error:
        raise LassError("PESQ needs the package pesq; `pip install pesq`, or leave pesq out.") from error

    def measure(answer: Answer) -> dict[str, float]:
        target, estimate = _speech(answer)
        if not target.any() or not estimate.any():
            return {"pesq": float("nan")}
        try:
            return {"pesq": float(package.pesq(SPEECH_RATE, target, estimate, "wb"))}
        except package.PesqError:  # nothing in it that sounds like speech, or less than a quarter of a second
            return {"pesq": float("nan")}

    return measure


def _stoi(answer: Answer) -> dict[str, float]:
    from pystoi import stoi

    target, estimate = _speech(answer)
    if not target.any():
        return {"stoi": float("nan")}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        score = float(stoi(target, estimate, SPEECH_RATE, extended=False))
    # It warns, and gives a number without meaning, where fewer than 30 frames are not silent.
    return {"stoi": float("nan") if any("Not enough STFT frames" in str(each.message) for each in said) else score}


def _bss(answer: Answer) -> dict[str, float]:
    from mir_eval.separation import bss_eval_sources

    nothing = dict.fromkeys(SCORES["bss"], float("nan"))
    pair = _pair(answer)
    if pair is None:
        return nothing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the next major version has no BSS Eval
        ratios = bss_eval_sources(*pair, compute_permutation=False)[:3]
    return {name: float(ratio[0]) for name, ratio in zip(nothing, ratios, strict=True)}


def _isr(answer: Answer) -> dict[str, float]:
    from mir_eval.separation import bss_eval_images

    pair = _pair(answer)
    if pair is None:
        return {"isr": float("nan")}
    references, estimates = pair
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ratios = bss_eval_images(references[..., None], estimates[..., None], compute_permutation=False)
    return {"isr": float(ratios[1][0])}


def _clap(downloads: Path | None) -> Measure:
    from lass.checkpoints.catalogue import CLAP_WEIGHTS
    from lass.checkpoints.published import load_clap_score

    name = CLAP_WEIGHTS.files[0].name
    place = None if downloads is None else downloads / CLAP_WEIGHTS.name / name
    if place is None or not place.is_file():
        where = "the folder of downloads" if place is None else str(place)
        raise LassError(
            f"CLAPScore needs {name}, which is not here: get it from {CLAP_WEIGHTS.source} and place it as {where}."
        )
    return clap_measure(load_clap_score(place, cache_dir=downloads))


def clap_measure(score: ClapScore) -> Measure:
    """CLAPScore by a CLAP that is loaded already."""

    def measure(answer: Answer) -> dict[str, float]:
        return {
            "clap_audio": score.between(answer.estimate, answer.target, answer.sample_rate),
            "clap_text": score.with_text(answer.estimate, answer.query, answer.sample_rate),
        }

    return measure


def _speech(answer: Answer) -> tuple[Mono, Mono]:
    return (
        audio.resample(answer.target, answer.sample_rate, SPEECH_RATE),
        audio.resample(answer.estimate, answer.sample_rate, SPEECH_RATE),
    )


def _pair(answer: Answer) -> tuple[np.ndarray, np.ndarray] | None:
    """Target and residual as they are and as estimated, `(2, samples)` each; None where one is silent."""
    references = np.stack([answer.target, answer.mixture - answer.target]).astype(np.float64)
    estimates = np.stack([answer.estimate, answer.mixture - answer.estimate]).astype(np.float64)
    if not references.any(1).all() or not estimates.any(1).all():
        return None
    return references, estimates
