"""What each kind of mask reads and does, on spectrograms whose answer can be written down."""

import math

import pytest
import torch

from lass.models.masks import MASKS, MaskKind
from lass.models.spectrum import Spectrum

# (batch 1, channels 2, frames 1, bins 2): the second channel is the first one upside down.
SPECTRUM = torch.tensor([[[[3 + 4j, -2 + 0j]], [[-3 - 4j, 2 + 0j]]]])


def maps(*values: tuple[float, float]) -> torch.Tensor:
    """Output maps (1, outputs, 1, 2) from one pair of bins a map."""
    return torch.tensor(values)[None, :, None, :]


def logit(value: float) -> float:
    return math.log(value / (1 - value))


def assert_masked(kind: MaskKind, outputs: torch.Tensor, expected: list[complex]) -> None:
    masked = MASKS[kind].apply(outputs, SPECTRUM)
    wanted = torch.tensor([[[expected], [[-value for value in expected]]]])
    torch.testing.assert_close(masked, wanted, atol=1e-5, rtol=1e-5)


def test_magnitude_keeps_the_mixtures_phase() -> None:
    assert_masked("magnitude", maps((logit(0.25), 0.0)), [0.75 + 1j, -1 + 0j])


def test_magnitude_phase_turns_by_the_angle_of_the_second_and_third_map() -> None:
    # A quarter turn in the first bin: multiplication by 1j. An eighth in the second, from equal parts of any size.
    outputs = maps((logit(0.5), logit(0.8)), (0.0, 0.3), (0.7, 0.3))
    eighth = complex(math.sqrt(0.5), math.sqrt(0.5))
    assert_masked("magnitude-phase", outputs, [0.5j * (3 + 4j), 0.8 * eighth * -2])


def test_magnitude_phase_is_silent_where_no_angle_is_given() -> None:
    assert_masked("magnitude-phase", maps((9.0, 9.0), (0.0, 0.0), (0.0, 0.0)), [0j, 0j])


def test_real_imaginary_has_a_ratio_for_each_part() -> None:
    assert_masked("real-imaginary", maps((2.0, 0.5), (-0.25, 7.0)), [6 - 1j, -1 + 0j])


def test_complex_ratio_is_a_complex_product() -> None:
    assert_masked("complex", maps((2.0, 0.5), (-0.25, 1.0)), [(3 + 4j) * (2 - 0.25j), -2 * (0.5 + 1j)])


def test_magnitude_features_are_the_root_mean_square_over_channels() -> None:
    for kind in ("magnitude", "magnitude-phase"):
        torch.testing.assert_close(MASKS[kind].features(SPECTRUM, 1.0), torch.tensor([[[[5.0, 2.0]]]]))
        torch.testing.assert_close(MASKS[kind].features(SPECTRUM, 0.5), torch.tensor([[[[5.0**0.5, 2.0**0.5]]]]))
    unequal = torch.tensor([[[[3 + 0j]], [[0 + 4j]]]])
    torch.testing.assert_close(MASKS["magnitude"].features(unequal, 1.0), torch.tensor([[[[12.5**0.5]]]]))


def test_complex_features_are_the_parts_compressed_along_their_angle() -> None:
    mono = SPECTRUM[:, :1]
    for kind in ("real-imaginary", "complex"):
        plain = MASKS[kind].features(mono, 1.0)
        torch.testing.assert_close(plain, torch.tensor([[[[3.0, -2.0]], [[4.0, 0.0]]]]))
        compressed = MASKS[kind].features(mono, 0.5)
        expected = torch.tensor([[[[3 / 5**0.5, -(2**0.5)]], [[4 / 5**0.5, 0.0]]]])
        torch.testing.assert_close(compressed, expected)


@pytest.mark.parametrize("kind", MASKS)
def test_silence_has_a_finite_gradient(kind: MaskKind) -> None:
    mask = MASKS[kind]
    waveform = torch.zeros(1, 1, 800, requires_grad=True)
    spectrum = Spectrum(128, 64)(waveform)
    features = mask.features(spectrum, 0.3)
    assert features.shape[1] == mask.inputs
    outputs = torch.zeros(1, mask.outputs, *features.shape[2:], requires_grad=True)
    (mask.apply(outputs, spectrum).abs().sum() + features.sum()).backward()
    assert waveform.grad is not None
    assert outputs.grad is not None
    assert torch.isfinite(waveform.grad).all()
    assert torch.isfinite(outputs.grad).all()


@pytest.mark.parametrize("samples", [1, 63, 64, 65, 129, 1000, 1024])
def test_the_transform_gives_back_what_it_was_given(samples: int) -> None:
    waveform = torch.randn(2, 2, samples, generator=torch.Generator().manual_seed(0))
    transform = Spectrum(128, 32)
    spectrum = transform(waveform)
    assert spectrum.shape[3] == transform.bins == 65
    torch.testing.assert_close(transform.inverse(spectrum, samples), waveform, atol=1e-5, rtol=1e-4)
