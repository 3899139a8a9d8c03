"""Measures of speech and of BSS Eval agree with the libraries that others use, and are wired the right way round."""

from __future__ import annotations

import math
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from lass.errors import LassError, SettingsError
from lass.evaluation import SCORES, Answer, EvaluationSettings, open_measures
from lass.evaluation.measures import clap_measure
from tests.evaluation.recordings import RATE, Half, tone, write

SPEECH = 16_000


def speech(seed: int, seconds: float = 2.0) -> np.ndarray:
    """Noise in syllables through a few formants: enough like speech for what measures speech."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * SPEECH)) / SPEECH
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * time + seed)
    voice = sum(np.sin(2 * np.pi * np.cumsum(pitch) * k / SPEECH) / k for k in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * (3 + seed) * time), 0, 1)
    return (0.1 * (voice * syllables + 0.05 * rng.standard_normal(len(time)))).astype(np.float32)


@pytest.fixture
def answer() -> Answer:
    target, other = speech(0), speech(1)
    return Answer(target, target + 0.1 * other, target + other, SPEECH, "a man speaking")


def scores(name: str, answer: Answer) -> dict[str, float]:
    if name == "pesq":
        pytest.importorskip("pesq", reason="PESQ is built from C by those who want it")
    (measure,) = open_measures([name])
    return measure(answer)


@pytest.mark.parametrize("name", [name for name in SCORES if name != "clap"])
def test_every_measure_gives_the_scores_that_it_names(answer: Answer, name: str) -> None:
    assert tuple(scores(name, answer)) == SCORES[name]


@pytest.mark.parametrize("name", ["pesq", "stoi"])
def test_speech_is_measured_as_torchmetrics_does(answer: Answer, name: str) -> None:
    measured = scores(name, answer)[name]
    audio = pytest.importorskip("torchmetrics.functional.audio")
    pair = torch.from_numpy(answer.estimate), torch.from_numpy(answer.target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "pesq":
            expected = audio.perceptual_evaluation_speech_quality(*pair, SPEECH, "wb")
        else:
            expected = audio.short_time_objective_intelligibility(*pair, SPEECH)
    assert measured == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.parametrize("name", ["pesq", "stoi"])
def test_other_rates_are_converted_and_the_better_answer_wins(answer: Answer, name: str) -> None:
    from lass import audio

    def at(rate: int, wave: np.ndarray) -> np.ndarray:
        return audio.resample(wave, SPEECH, rate)

    higher = Answer(*(at(32_000, wave) for wave in (answer.target, answer.estimate, answer.mixture)), 32_000, "x")
    assert scores(name, higher)[name] == pytest.approx(scores(name, answer)[name], abs=0.1)
    untouched = Answer(answer.target, answer.mixture, answer.mixture, SPEECH, "x")
    assert scores(name, untouched)[name] < scores(name, answer)[name] - 0.02


def test_bss_eval_knows_interference_from_artefacts() -> None:
    rng = np.random.default_rng(0)
    target, other, artefact = rng.standard_normal((3, 4000)).astype(np.float32)
    leaking = scores("bss", Answer(target, target + 0.1 * other, target + other, 8000, "x"))
    assert leaking["sir"] == pytest.approx(20, abs=1)
    assert leaking["sar"] > 50
    damaged = scores("bss", Answer(target, target + 0.1 * artefact, target + other, 8000, "x"))
    # A filter of 512 taps explains some of any noise by the sources.
    assert damaged["sir"] > 25
    assert damaged["sar"] == pytest.approx(20.5, abs=1.5)
    image = scores("isr", Answer(target, 0.5 * target, target + other, 8000, "x"))
    assert image["isr"] == pytest.approx(20 * math.log10(2), abs=0.5), "a gain is a distortion of the image"


def test_bss_eval_is_mir_evals(answer: Answer) -> None:
    from mir_eval import separation

    residual = answer.mixture - answer.target
    references = np.stack([answer.target, residual]).astype(float)
    estimates = np.stack([answer.estimate, answer.mixture - answer.estimate]).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sdr, sir, sar, _ = separation.bss_eval_sources(references, estimates, compute_permutation=False)
    assert list(scores("bss", answer).values()) == pytest.approx([sdr[0], sir[0], sar[0]], abs=0.01)


@pytest.mark.parametrize("name", ["pesq", "stoi", "bss", "isr"])
def test_silence_has_no_score(answer: Answer, name: str) -> None:
    nothing = np.zeros_like(answer.target)
    for score in scores(name, Answer(nothing, answer.estimate, answer.mixture, SPEECH, "x")).values():
        assert math.isnan(score)


def test_clapscore_compares_with_the_target_and_with_the_query(answer: Answer) -> None:
    class Fake:
        def between(self, estimate: np.ndarray, reference: np.ndarray, sample_rate: int) -> float:
            assert estimate is answer.estimate
            assert reference is answer.target
            return 0.5

        def with_text(self, estimate: np.ndarray, description: str, sample_rate: int) -> float:
            assert (description, sample_rate) == ("a man speaking", SPEECH)
            return 0.25

    assert clap_measure(Fake())(answer) == {"clap_audio": 0.5, "clap_text": 0.25}  # type: ignore[arg-type]


def test_what_is_not_here_is_told_before_the_first_mixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pesq", None)
    with pytest.raises(LassError, match="PESQ needs the package pesq; `pip install pesq`"):
        open_measures(["pesq"])
    with pytest.raises(LassError, match=r"CLAPScore needs .* which is not here: get it from"):
        open_measures(["clap"], tmp_path)
    with pytest.raises(SettingsError, match="no measure 'mos'; known are pesq, stoi, bss, isr, clap"):
        open_measures(["mos"])


def test_further_measures_are_in_the_report(tmp_path: Path) -> None:
    for label in ("hum", "beep"):
        write(tmp_path / f"{label}.wav", tone(label))
    (tmp_path / "clips.csv").write_text("file,label\nhum.wav,hum\nbeep.wav,beep\n")
    settings = EvaluationSettings(tmp_path, clips_csv=tmp_path / "clips.csv", count=2, captions=None, metrics=("bss",))
    report = settings.run(Half(RATE))
    assert report.measures == ("sdr", "sdri", "si_sdr", "bss_sdr", "sir", "sar")
    # Half of a mixture of two equally loud tones.
    assert report.summary()["sir"]["mean"] == pytest.approx(0, abs=0.5)
    assert report.summary()["labels"]["hum"]["sir"]["count"] == 1
    assert report.to_csv().splitlines()[0].endswith("bss_sdr,sir,sar")
    assert "SIR" in report.to_table()
    assert report.figure("sir").axes[0].get_xlabel() == "SIR (dB)"
    assert report.settings["metrics"] == ["bss"]
