"""Augmentation: the sound stays what it is, at the level it had, and what is off changes nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lass.training.augmentation import augment, band, layered, room
from lass.training.recipe import Mixing
from tests.training.small import RATE, sound

PLAIN = Mixing(seconds=1.0, speed=(1.0, 1.0), equaliser=0.0)


def rms(wave: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))


def test_augmenting_changes_speed_and_colour_and_keeps_the_sound() -> None:
    plain = sound("whistle", 1.0, 0)
    untouched = augment(plain, RATE, PLAIN, np.random.default_rng(1))
    inner = slice(200, -200)
    np.testing.assert_allclose(np.abs(untouched[inner]), np.abs(plain[inner]), atol=2e-3)
    assert {bool(augment(plain, RATE, PLAIN, np.random.default_rng(n))[300] > 0) for n in range(9)} == {True, False}

    def pitch(wave: np.ndarray) -> float:
        return float(np.abs(np.fft.rfft(wave)).argmax()) * RATE / len(wave)

    faster = augment(sound("whistle", 1.25, 0), RATE, PLAIN, np.random.default_rng(1))
    assert faster.shape == (RATE,)
    assert pitch(faster) == pytest.approx(1.25 * pitch(plain), rel=0.01)
    noise = sound("hiss", 1.0, 0)
    coloured = augment(noise, RATE, dataclasses.replace(PLAIN, equaliser=6.0), np.random.default_rng(1))
    gains = 20 * np.log10(np.abs(np.fft.rfft(coloured)[50:]) / np.abs(np.fft.rfft(noise)[50:]))
    assert np.abs(np.median(gains[:3950].reshape(-1, 50), axis=1)).max() < 6.5
    assert np.ptp(gains) > 2


def probably(option: str, probability: float) -> Mixing:
    if option == "reverb":
        return dataclasses.replace(PLAIN, reverb=probability)
    return dataclasses.replace(PLAIN, band=probability)


@pytest.mark.parametrize("option", ["reverb", "band"])
def test_a_room_or_a_recorder_changes_the_sound_and_not_its_level(option: str) -> None:
    noise = sound("hiss", 1.0, 0)
    settings = probably(option, 1.0)
    for seed in range(6):
        plain = augment(noise, RATE, PLAIN, np.random.default_rng(seed))
        changed = augment(noise, RATE, settings, np.random.default_rng(seed))
        assert changed.shape == plain.shape
        assert rms(changed) == pytest.approx(rms(plain), rel=1e-3)
        assert rms(changed - plain) > 1e-3 * rms(plain)
    rarely = probably(option, 0.5)
    changed_ones = [
        not np.array_equal(
            augment(noise, RATE, rarely, np.random.default_rng(seed)),
            augment(noise, RATE, PLAIN, np.random.default_rng(seed)),
        )
        for seed in range(30)
    ]
    assert 5 < sum(changed_ones) < 25


def test_a_room_answers_with_a_falling_tail() -> None:
    for seed in range(10):
        response = np.fft.irfft(room(RATE, RATE, np.random.default_rng(seed)), RATE)
        assert response[0] == pytest.approx(1, abs=1e-5)
        tail = response[1:]
        assert 10 ** (-9 / 10) * 0.99 < np.sum(tail**2) < 10 ** (3 / 10) * 1.01
        # Half of the tail's time holds nearly all of its energy: it falls by 30 dB until then.
        end = int(np.flatnonzero(np.abs(tail) > 3e-6).max()) + 1
        assert 0.1 * RATE < end < 0.83 * RATE
        assert np.sum(tail[: end // 2 + 160] ** 2) > 0.99 * np.sum(tail**2)


def test_a_recorder_loses_the_top_or_the_bottom_or_both() -> None:
    curves = [band(RATE * 4, RATE * 4, np.random.default_rng(seed)) for seed in range(30)]
    kinds = {(bool(curve[1] < 0.5), bool(curve[-1] < 0.75)) for curve in curves}
    assert kinds == {(True, False), (False, True), (True, True)}
    for curve in curves:
        assert curve.max() <= 1
        assert curve[1000] > 0.3, "the middle stays"


def test_two_recordings_of_a_sound_become_one_at_the_first_ones_level() -> None:
    first, second = sound("hum", 1.0, 0), sound("hiss", 1.0, 1)
    both = layered(first, second, np.random.default_rng(0))
    assert rms(both) == pytest.approx(rms(first), rel=1e-4)
    # A sum of the two, the second at or under the first.
    weights, *_ = np.linalg.lstsq(np.stack([first / rms(first), second / rms(second)], 1), both, rcond=None)
    np.testing.assert_allclose(
        weights[0] * first / rms(first) + weights[1] * second / rms(second), both, atol=1e-4
    )
    assert 10 ** (-12.1 / 20) < weights[1] / weights[0] < 10 ** (0.1 / 20)
    assert np.array_equal(layered(first, 0 * second, np.random.default_rng(0)), first)
    assert not layered(0 * first, second, np.random.default_rng(0)).any()
