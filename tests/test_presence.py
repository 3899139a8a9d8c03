"""How much of a recording a sound has in it."""

import numpy as np
import pytest
import torch

from lass import presence

RATE = 100


def test_a_short_recording_is_heard_whole() -> None:
    mixture = np.random.default_rng(0).normal(size=(2, 960)).astype(np.float32)
    (part,) = presence.excerpts(mixture, RATE)
    np.testing.assert_array_equal(part, mixture)


def test_a_long_recording_is_heard_at_its_begin_its_middle_and_its_end() -> None:
    mixture = np.arange(5000, dtype=np.float32)[None]
    parts = presence.excerpts(mixture, RATE)
    assert [part.shape for part in parts] == [(1, 320)] * 3
    assert [part[0, 0] for part in parts] == [0, 2340, 4680]


def test_the_share_is_one_of_energy_over_all_parts() -> None:
    parts = [torch.ones(1, 1, 300), 2 * torch.ones(1, 1, 100)]
    assert presence.share(parts, lambda part: part / 2) == pytest.approx(0.25)
    # Of 300 and 400, all of the second.
    assert presence.share(parts, lambda part: part * (part > 1)) == pytest.approx(4 / 7)


def test_no_sound_has_more_than_everything() -> None:
    assert presence.share([torch.ones(1, 1, 300)], lambda part: 2 * part) == 1.0


def test_silence_holds_nothing() -> None:
    assert presence.share([torch.zeros(1, 1, 300)], lambda part: part) == 0.0
