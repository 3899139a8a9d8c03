"""The cosine between magnitude spectrograms: the formula, and mixtures that are too similar are drawn again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lass.training.similarity import magnitudes, similarity


def test_the_cosine_is_that_of_the_spectrograms_as_vectors(rng: np.random.Generator) -> None:
    target, other = (rng.standard_normal(512 + 256 * 9).astype(np.float32) for _ in range(2))

    def reference(wave: np.ndarray) -> torch.Tensor:
        window = torch.hann_window(512)
        return torch.stft(torch.from_numpy(wave), 512, 256, window=window, center=False, return_complex=True).abs()

    np.testing.assert_allclose(magnitudes(target, 512, 256), reference(target).T.numpy(), atol=1e-4)
    expected = torch.nn.functional.cosine_similarity(
        reference(target + other).flatten().double(), reference(target).flatten().double(), dim=0
    )
    assert similarity(target + other, target) == pytest.approx(float(expected), abs=1e-6)


def test_the_same_is_1_and_nothing_in_common_is_0(rng: np.random.Generator) -> None:
    noise = rng.standard_normal(8000).astype(np.float32)
    assert similarity(3 * noise, noise) == pytest.approx(1, abs=1e-6)
    assert similarity(noise, 0 * noise) == 0
    time = np.arange(8192, dtype=np.float32)
    low, high = np.sin(2 * np.pi * time * 20 / 512), np.sin(2 * np.pi * time * 200 / 512)
    assert similarity(low, high) < 0.01
    # Two of one level: the target's share of the mixture's length is 1 / sqrt(2).
    assert similarity(low + high, low) == pytest.approx(2**-0.5, abs=0.01)


def test_a_sound_shorter_than_a_frame_is_filled_up() -> None:
    assert magnitudes(np.ones(100, np.float32), 512, 256).shape == (1, 257)
    assert magnitudes(np.ones(513, np.float32), 512, 256).shape == (2, 257)
