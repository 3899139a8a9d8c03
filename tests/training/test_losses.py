"""Losses against numbers worked out by hand, and against torchmetrics."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio, signal_noise_ratio

from lass.training.losses import (
    LOSSES,
    l1,
    log_magnitude,
    mixit,
    negative_sdr,
    negative_si_sdr,
    silence,
    spectral_convergence,
    weighted,
)


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
    with pytest.raises(ValueError, match="unknown loss 'sd'; known are l1, log_magnitude, sdr, si_sdr"):
        weighted({"sd": 1.0})


def test_the_floor_is_configurable(pair: tuple[Tensor, Tensor]) -> None:
    target = pair[1]
    nearly = target + 1e-3 * pair[0].roll(1, 1)
    lower = weighted({"sdr": 1.0}, floor_db=100.0)(nearly, target)
    torch.testing.assert_close(lower, -signal_noise_ratio(nearly, target), atol=1e-3, rtol=1e-3)
    assert lower.max() < -35
    assert weighted({"sdr": 1.0})(nearly, target).min() > -30.01
    both = weighted({"sdr": 0.9, "si_sdr": 0.1}, floor_db=20.0)(target, target)
    torch.testing.assert_close(both, torch.full((6,), -20.0))


def magnitudes(waveform: Tensor, window: int, hop: int) -> Tensor:
    """Magnitude spectrograms frame by frame: ``(bins, frames)``."""
    padded = torch.nn.functional.pad(waveform, (window // 2, window // 2))
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(window) / window)
    frames = [torch.fft.rfft(padded[start : start + window] * hann).abs()
              for start in range(0, len(padded) - window + 1, hop)]  # fmt: skip
    return torch.stack(frames, 1)


@pytest.mark.parametrize("resolution", [(512, 256), (256, 64)])
def test_spectral_losses_follow_their_formulas(pair: tuple[Tensor, Tensor], resolution: tuple[int, int]) -> None:
    estimate, target = pair
    for row in range(6):
        wanted, given = magnitudes(target[row], *resolution), magnitudes(estimate[row], *resolution)
        convergence = torch.linalg.norm(wanted - given) / torch.linalg.norm(wanted)
        logarithm = (wanted.log() - given.log()).abs().mean()
        pairs = estimate[row : row + 1], target[row : row + 1]
        torch.testing.assert_close(spectral_convergence(*pairs, resolution)[0], convergence, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(log_magnitude(*pairs, resolution)[0], logarithm, atol=1e-4, rtol=1e-3)
    # Twice the magnitude is all of the target too much, and ln 2 at every point.
    assert spectral_convergence(2 * target, target, resolution).tolist() == pytest.approx([1.0] * 6, rel=1e-4)
    assert log_magnitude(2 * target, target, resolution).tolist() == pytest.approx([math.log(2)] * 6, rel=1e-3)


def test_several_resolutions_are_averaged(pair: tuple[Tensor, Tensor]) -> None:
    resolutions = ((512, 128), (1024, 256), (2048, 512))
    weights = {"spectral_convergence": 1.0, "log_magnitude": 2.0}
    total = weighted(weights, resolutions=resolutions)(*pair)
    by_hand = sum(spectral_convergence(*pair, one) + 2 * log_magnitude(*pair, one) for one in resolutions)
    torch.testing.assert_close(total, by_hand / 3)


def test_mixit_takes_the_best_of_all_assignments() -> None:
    generator = torch.Generator().manual_seed(1)
    estimates = torch.randn(5, 3, 50, generator=generator)
    references = torch.randn(5, 2, 50, generator=generator)
    found = mixit(estimates, references, torch.ones(5, 3, dtype=torch.bool))
    for row in range(5):
        errors = []
        for assignment in itertools.product((0, 1), repeat=3):
            sums = torch.zeros(2, 50)
            for place, mixture in enumerate(assignment):
                sums[mixture] += estimates[row, place]
            errors.append(float((references[row] - sums).square().sum()))
        assert len(errors) == 8
        assert float(found[row]) == pytest.approx(min(errors), rel=1e-5)


def test_mixit_is_zero_for_sources_in_any_order_and_leaves_out_what_is_not_there() -> None:
    sources = torch.randn(1, 4, 30, generator=torch.Generator().manual_seed(2))
    references = torch.stack([sources[:, 0] + sources[:, 2], sources[:, 1] + sources[:, 3]], 1)
    everything = torch.ones(1, 4, dtype=torch.bool)
    assert float(mixit(sources[:, [3, 2, 0, 1]], references, everything)) == pytest.approx(0, abs=1e-9)
    assert float(mixit(sources, references.flip(1), everything)) == pytest.approx(0, abs=1e-9)
    # A source that is in neither estimate is missing from one mixture, whatever the assignment.
    there = torch.tensor([[True, True, True, False]])
    assert float(mixit(sources, references, there)) == pytest.approx(float(sources[0, 3].square().sum()), rel=1e-4)


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("case", ["silent target", "silent estimate", "both silent", "perfect"])
def test_gradients_are_finite_at_the_edges(name: str, case: str) -> None:
    target = torch.linspace(-1, 1, 640)[None]
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
