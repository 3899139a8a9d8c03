"""Losses against numbers worked out by hand, and against torchmetrics."""

import math

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio, signal_noise_ratio

from lass.training.losses import LOSSES, l1, negative_sdr, negative_si_sdr, silence, weighted


def floored(decibels: Tensor) -> Tensor:
    """A ratio in decibels with an error floor 30 dB under the target, as the losses have it, negated."""
    return 10 * torch.log10(10 ** (-decibels / 10) + 1e-3)


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    target = torch.randn(6, 4000, generator=generator)
    noise = torch.randn(6, 4000, generator=generator)
    return target + noise * torch.tensor([3.0, 1.0, 0.5, 0.1, 0.03, 0.01])[:, None], target


def test_sdr_by_hand() -> None:
    target = torch.tensor([[3.0, 4.0], [3.0, 4.0], [3.0, 4.0]])
    estimate = torch.tensor([[3.0, 9.0], [0.0, 0.0], [3.0, 4.0]])
    # Error as strong as the target: 0 dB. Silence: the same. No error: the floor.
    expected = [10 * math.log10(1.001), 10 * math.log10(1.001), -30.0]
    assert negative_sdr(estimate, target).tolist() == pytest.approx(expected, abs=1e-4)


def test_sdr_agrees_with_torchmetrics(pair: tuple[Tensor, Tensor]) -> None:
    expected = floored(signal_noise_ratio(*pair))
    torch.testing.assert_close(negative_sdr(*pair), expected, atol=1e-4, rtol=1e-4)
    assert expected.min() < -27
    assert expected.max() > 9


def test_si_sdr_agrees_with_torchmetrics_and_ignores_scale(pair: tuple[Tensor, Tensor]) -> None:
    estimate, target = pair
    expected = floored(scale_invariant_signal_distortion_ratio(estimate, target))
    torch.testing.assert_close(negative_si_sdr(estimate, target), expected, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(negative_si_sdr(0.1 * estimate, target), expected, atol=1e-3, rtol=1e-3)
    assert (negative_sdr(0.1 * estimate, target) - negative_sdr(estimate, target)).abs().max() > 1


def test_l1_by_hand() -> None:
    estimate, target = torch.tensor([[1.0, -1.0], [0.0, 2.0]]), torch.tensor([[0.0, 1.0], [0.0, 2.0]])
    assert l1(estimate, target).tolist() == [1.5, 0.0]


def test_silence_is_the_level_under_the_mixture() -> None:
    mixture = torch.tensor([[1.0, 1.0]]).expand(4, 2)
    estimate = torch.tensor([[1.0], [0.1], [0.0], [10.0]]) * mixture
    expected = [10 * math.log10(ratio + 1e-3) for ratio in (1.0, 0.01, 0.0, 100.0)]
    assert silence(estimate, mixture).tolist() == pytest.approx(expected, abs=1e-4)


def test_a_weighted_sum_is_that_sum(pair: tuple[Tensor, Tensor]) -> None:
    total = weighted({"sdr": 0.9, "si_sdr": 0.1, "l1": 20.0})(*pair)
    by_hand = 0.9 * negative_sdr(*pair) + 0.1 * negative_si_sdr(*pair) + 20 * l1(*pair)
    torch.testing.assert_close(total, by_hand)
    assert total.shape == (6,)


def test_an_unknown_loss_is_named() -> None:
    with pytest.raises(ValueError, match="unknown loss 'sd'; known are l1, sdr, si_sdr"):
        weighted({"sd": 1.0})


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("case", ["silent target", "silent estimate", "both silent", "perfect"])
def test_gradients_are_finite_at_the_edges(name: str, case: str) -> None:
    target = torch.linspace(-1, 1, 64)[None]
    estimate = target.clone() if case == "perfect" else torch.full_like(target, 0.5)
    if case in ("silent target", "both silent"):
        target = torch.zeros_like(target)
    if case in ("silent estimate", "both silent"):
        estimate = torch.zeros_like(target)
    estimate.requires_grad_()
    loss = LOSSES[name](estimate, target).sum()
    loss.backward()
    assert loss.isfinite()
    assert estimate.grad is not None
    assert estimate.grad.isfinite().all()
