"""What a network is trained to lower. Waveforms are ``(batch, samples)``; every loss returns one value a row."""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# An error 30 dB under the target is inaudible beside it; without the floor the loss would chase the few
# mixtures that are almost perfect already.
FLOOR_DB = 30.0
SDR_FLOOR = 1e-3
TINY = 1e-8
# Of a spectrogram's power: 100 dB under a full-scale bin of one sample, so that silence has a logarithm.
POWER_FLOOR = 1e-10

Loss = Callable[[Tensor, Tensor], Tensor]
Resolution = tuple[int, int]
# Window and hop in samples: the thesis's spectrograms.
RESOLUTION: Resolution = (512, 256)


def negative_sdr(estimate: Tensor, target: Tensor, floor: float = SDR_FLOOR) -> Tensor:
    """-SDR in decibels, ``10 log10(||s - e||^2 / ||s||^2)``.

    ``floor`` is added to the ratio, so that no error far under the target counts. SRPOL report, equation 5.
    """
    power = target.square().sum(-1) + TINY
    error = (target - estimate).square().sum(-1)
    return 10 * torch.log10(error / power + floor)


def negative_si_sdr(estimate: Tensor, target: Tensor, floor: float = SDR_FLOOR) -> Tensor:
    """-SI-SDR in decibels: the target is first scaled to fit the estimate best. No mean removal.

    SRPOL report, equation 6.
    """
    scale = (estimate * target).sum(-1, keepdim=True) / (target.square().sum(-1, keepdim=True) + TINY)
    return negative_sdr(estimate, scale * target, floor)


def l1(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the waveforms."""
    return (estimate - target).abs().mean(-1)


def spectral_convergence(estimate: Tensor, target: Tensor, resolution: Resolution = RESOLUTION) -> Tensor:
    """``|| |S| - |E| || / || |S| ||``, Frobenius norms of magnitude spectrograms (thesis, section 5.4.2)."""
    wanted, given = _magnitude(target, resolution), _magnitude(estimate, resolution)
    difference = (wanted - given).square().sum((-2, -1)) + TINY
    return (difference / (wanted.square().sum((-2, -1)) + TINY)).sqrt()


def log_magnitude(estimate: Tensor, target: Tensor, resolution: Resolution = RESOLUTION) -> Tensor:
    """Mean of ``| ln |S| - ln |E| |`` over all points of the spectrograms (thesis, section 5.4.2)."""
    wanted, given = _magnitude(target, resolution), _magnitude(estimate, resolution)
    return (wanted.log() - given.log()).abs().mean((-2, -1))


def mixit(estimates: Tensor, references: Tensor, there: Tensor) -> Tensor:
    """Mixture invariant training (SRPOL report, equation 3; Wisdom et al., arXiv:2006.12701).

    Two mixtures are added, their sum is separated, and every estimate is counted to one of the two mixtures: the way
    that explains both best has the loss, ``min over assignments of sum_i ||x_i - sum of its estimates||^2``. No clean
    source is needed.

    A network that is asked in words gives one estimate for each query. So the sum of the two mixtures is separated
    once for the description of every recording in it; which mixture a recording came from is left to the minimum,
    for a description may well fit something in the other one too.

    Args:
        estimates: ``(batch, sources, samples)``.
        references: the two mixtures, ``(batch, 2, samples)``.
        there: ``(batch, sources)``, False for an estimate that does not count.

    Returns:
        ``(batch,)``, summed over samples, not averaged.
    """
    estimates = estimates * there[:, :, None].to(estimates)
    sources = estimates.shape[1]
    choices = torch.tensor(list(itertools.product((0.0, 1.0), repeat=sources)), device=estimates.device)
    # (assignments, sources) x (batch, sources, samples): what each assignment gives the first mixture.
    first = torch.einsum("as,bst->abt", choices.to(estimates), estimates)
    second = estimates.sum(1) - first
    errors = (references[:, 0] - first).square().sum(-1) + (references[:, 1] - second).square().sum(-1)
    return errors.min(0).values


def silence(estimate: Tensor, mixture: Tensor) -> Tensor:
    """Level of the output in decibels over the mixture, down to -30: what a query for an absent sound should give."""
    power = mixture.square().sum(-1) + TINY
    return 10 * torch.log10(estimate.square().sum(-1) / power + SDR_FLOOR)


LOSSES: dict[str, Loss] = {
    "sdr": negative_sdr,
    "si_sdr": negative_si_sdr,
    "l1": l1,
    "spectral_convergence": spectral_convergence,
    "log_magnitude": log_magnitude,
}
"""Losses against a clean target, by the names that recipes call them."""

SPECTRAL = ("spectral_convergence", "log_magnitude")
MIXIT = "mixit"
NAMES = (*LOSSES, MIXIT)


def weighted(
    weights: dict[str, float], floor_db: float = FLOOR_DB, resolutions: Sequence[Resolution] = (RESOLUTION,)
) -> Loss:
    """The sum of named losses with these weights.

    Args:
        weights: by name in :data:`LOSSES`.
        floor_db: how far under the target an error stops to count in ``sdr`` and ``si_sdr``.
        resolutions: windows and hops of the spectral losses, which are averaged over them.

    Raises:
        ValueError: a name that is not in :data:`LOSSES`.
    """
    for name in weights:
        if name not in LOSSES:
            raise ValueError(f"unknown loss {name!r}; known are {', '.join(sorted(LOSSES))}")
    floor = 10 ** (-floor_db / 10)

    def value(name: str, estimate: Tensor, target: Tensor) -> Tensor:
        match name:
            case "sdr":
                return negative_sdr(estimate, target, floor)
            case "si_sdr":
                return negative_si_sdr(estimate, target, floor)
            case "l1":
                return l1(estimate, target)
        spectral = spectral_convergence if name == "spectral_convergence" else log_magnitude
        return torch.stack([spectral(estimate, target, resolution) for resolution in resolutions]).mean(0)

    def loss(estimate: Tensor, target: Tensor) -> Tensor:
        return torch.stack([weight * value(name, estimate, target) for name, weight in weights.items()]).sum(0)

    return loss


def _magnitude(waveform: Tensor, resolution: Resolution) -> Tensor:
    """The magnitude spectrogram ``(batch, bins, frames)`` through Hann windows; never quite zero."""
    window, hop = resolution
    hann = torch.hann_window(window, device=waveform.device, dtype=waveform.dtype)
    spectrum = torch.stft(waveform, window, hop, window=hann, pad_mode="constant", return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square()).clamp(min=POWER_FLOOR).sqrt()
