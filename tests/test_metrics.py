"""The measures against formulas worked by hand, against torchmetrics, and in the corner cases of silence."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from lass.errors import AudioError
from lass.metrics import LIMIT_DB, level_db, sdr, sdri, si_sdr, summarise

RNG = np.random.default_rng(20)
REFERENCE = RNG.standard_normal(8_000).astype(np.float32)
NOISE = RNG.standard_normal(8_000).astype(np.float32)
SILENCE = np.zeros(8_000, dtype=np.float32)


def test_sdr_is_the_ratio_of_the_energies_in_decibels() -> None:
    assert sdr([3.0, 4.0], [3.0, 3.5]) == pytest.approx(20.0)  # 25 / 0.25
    assert sdr([1.0, 0.0], [2.0, 3.0]) == pytest.approx(-10.0)  # 1 / 10


def test_half_of_the_reference_scores_six_decibels_and_no_scale_invariant_error() -> None:
    assert sdr(REFERENCE, REFERENCE / 2) == pytest.approx(20 * math.log10(2), abs=1e-9)
    assert si_sdr(REFERENCE, REFERENCE / 2) == LIMIT_DB


def test_si_sdr_ignores_gain_and_sign_of_the_estimate() -> None:
    estimate = REFERENCE + 0.3 * NOISE
    expected = si_sdr(REFERENCE, estimate)
    assert si_sdr(REFERENCE, -0.05 * estimate) == pytest.approx(expected, abs=1e-5)
    assert sdr(REFERENCE, -0.05 * estimate) < 0.0


def test_a_constant_offset_counts_as_an_error() -> None:
    reference = np.array([1.0, -1.0, 1.0, -1.0])
    assert si_sdr(reference, reference + 1.0) == pytest.approx(0.0, abs=1e-9)


def test_sdri_is_the_gain_over_the_mixture() -> None:
    mixture, estimate = REFERENCE + NOISE, REFERENCE + 0.1 * NOISE
    assert sdri(REFERENCE, estimate, mixture) == pytest.approx(20.0, abs=1e-5)
    assert sdri(REFERENCE, mixture, mixture) == 0.0


@pytest.mark.parametrize("gain", [0.01, 0.5, 2.0, 30.0])
def test_agrees_with_torchmetrics(gain: float) -> None:
    torch = pytest.importorskip("torch")
    audio = pytest.importorskip("torchmetrics.functional.audio")
    estimate = 0.8 * REFERENCE + gain * NOISE
    reference_tensor = torch.from_numpy(REFERENCE.astype(np.float64))
    estimate_tensor = torch.from_numpy(estimate.astype(np.float64))
    expected_sdr = float(audio.signal_noise_ratio(estimate_tensor, reference_tensor, zero_mean=False))
    expected_si_sdr = float(
        audio.scale_invariant_signal_distortion_ratio(estimate_tensor, reference_tensor, zero_mean=False)
    )
    assert sdr(REFERENCE, estimate) == pytest.approx(expected_sdr, abs=1e-6)
    assert si_sdr(REFERENCE, estimate) == pytest.approx(expected_si_sdr, abs=1e-6)
    assert sdr(reference_tensor, estimate_tensor) == pytest.approx(expected_sdr, abs=1e-6)


@pytest.mark.parametrize("measure", [sdr, si_sdr])
def test_channels_are_measured_together(measure: Callable[[np.ndarray, np.ndarray], float]) -> None:
    reference = np.stack([REFERENCE, 0.01 * REFERENCE])
    estimate = np.stack([REFERENCE + 0.1 * NOISE, NOISE])
    assert measure(reference, estimate) == pytest.approx(measure(reference.ravel(), estimate.ravel()), abs=1e-12)
    loud_only = measure(REFERENCE, estimate[0])
    assert measure(reference, estimate) < loud_only


def test_a_silent_reference_is_undefined() -> None:
    assert math.isnan(sdr(SILENCE, NOISE))
    assert math.isnan(sdr(SILENCE, SILENCE))
    assert math.isnan(sdri(SILENCE, NOISE, NOISE))
    assert math.isnan(si_sdr(SILENCE, NOISE))


def test_a_silent_estimate_has_a_score() -> None:
    assert sdr(REFERENCE, SILENCE) == 0.0
    assert si_sdr(REFERENCE, SILENCE) == -LIMIT_DB


def test_perfect_and_hopeless_estimates_are_bounded() -> None:
    assert sdr(REFERENCE, REFERENCE) == LIMIT_DB
    assert si_sdr(REFERENCE, REFERENCE) == LIMIT_DB
    assert si_sdr([1.0, 0.0], [0.0, 1.0]) == -LIMIT_DB
    assert sdr(REFERENCE, 1e30 * NOISE) == -LIMIT_DB
    assert sdri(REFERENCE, REFERENCE + NOISE, REFERENCE) == pytest.approx(sdr(REFERENCE, REFERENCE + NOISE) - LIMIT_DB)


def test_very_quiet_recordings_are_measured_like_loud_ones() -> None:
    reference = REFERENCE.astype(np.float64)
    estimate = reference + 0.1 * NOISE
    assert sdr(1e-12 * reference, 1e-12 * estimate) == pytest.approx(sdr(reference, estimate), abs=1e-9)


def test_level_of_an_output_under_its_mixture() -> None:
    assert level_db(0.1 * REFERENCE, REFERENCE) == pytest.approx(-20.0, abs=1e-5)
    assert level_db(SILENCE, REFERENCE) == -LIMIT_DB
    assert math.isnan(level_db(REFERENCE, SILENCE))


def test_the_mean_leaves_undefined_rows_out_and_counts_them() -> None:
    summary = summarise([1.0, float("nan"), 3.0])
    assert (summary.mean, summary.deviation, summary.count, summary.undefined) == (2.0, 1.0, 2, 1)
    nothing = summarise([float("nan")])
    assert math.isnan(nothing.mean)
    assert (nothing.count, nothing.undefined) == (0, 1)
    assert summarise([]).count == 0


@pytest.mark.parametrize(
    ("reference", "estimate"),
    [
        (np.ones(4), np.ones(5)),
        (np.ones((2, 4)), np.ones(8)),
        (np.ones(0), np.ones(0)),
        (np.ones(3), np.array([1.0, np.nan, 1.0])),
        (np.array([1.0, np.inf]), np.ones(2)),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(reference: np.ndarray, estimate: np.ndarray) -> None:
    for measure in (sdr, si_sdr):
        with pytest.raises(AudioError) as error:
            measure(reference, estimate)
        assert "\n" not in str(error.value)
        assert str(error.value).endswith(".")
