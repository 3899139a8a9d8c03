"""Optimisers and schedules are the ones that they are called after."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from lass.training.optimisers import Muon, build_optimiser, learning_rate, orthogonal
from lass.training.recipe import Optimisation


def test_the_learning_rate_warms_up_and_falls() -> None:
    settings = Optimisation(steps=100, warmup=10, rate=0.5, final=0.02)
    rates = [learning_rate(step, settings) for step in range(101)]
    assert rates[:10] == pytest.approx([0.05 * (step + 1) for step in range(10)])
    assert rates[10] == pytest.approx(0.5)
    assert rates[55] == pytest.approx(0.5 * (0.02 + 0.98 / 2))
    assert rates[100] == pytest.approx(0.01)
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[10:]))
    assert learning_rate(0, Optimisation(steps=1, warmup=0, rate=0.5)) == pytest.approx(0.5)


def test_without_warm_up_it_is_torchs_cosine_annealing() -> None:
    settings = Optimisation(steps=40, warmup=0, rate=1e-4, final=0.01)
    optimiser = torch.optim.Adam([nn.Parameter(torch.zeros(1))], lr=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=40, eta_min=1e-6)
    for step in range(41):
        assert learning_rate(step, settings) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-6)
        optimiser.step()
        schedule.step()


def test_three_decades_of_warm_up_and_then_one_rate() -> None:
    settings = Optimisation(steps=1_000_000, warmup=30_000, rate=1e-3, schedule="decades")
    steps = (0, 9_999, 10_000, 19_999, 20_000, 29_999, 30_000, 999_999)
    expected = [1e-6, 1e-6, 1e-5, 1e-5, 1e-4, 1e-4, 1e-3, 1e-3]
    assert [learning_rate(step, settings) for step in steps] == pytest.approx(expected)


def test_a_constant_rate() -> None:
    settings = Optimisation(steps=100, warmup=2, rate=1e-4, schedule="constant")
    assert [learning_rate(step, settings) for step in (0, 1, 2, 50, 99)] == pytest.approx([5e-5, *[1e-4] * 4])


@pytest.mark.parametrize(
    ("name", "kind", "amsgrad"),
    [
        ("adamw", torch.optim.AdamW, False), ("adamw-amsgrad", torch.optim.AdamW, True),
        ("adam", torch.optim.Adam, False), ("adam-amsgrad", torch.optim.Adam, True),
    ],
)  # fmt: skip
def test_optimisers_go_by_their_names_and_spare_norms(name: str, kind: type, amsgrad: bool) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    optimiser = build_optimiser(model, Optimisation(optimiser=name, weight_decay=0.3))  # type: ignore[arg-type]
    assert type(optimiser) is kind
    decayed, spared = optimiser.param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.3, 0)
    assert decayed["amsgrad"] is spared["amsgrad"] is amsgrad
    assert {weight.ndim for weight in spared["params"]} == {1}
    assert {weight.ndim for weight in decayed["params"]} == {2}


@pytest.mark.parametrize("shape", [(24, 200), (200, 24), (40, 40)])
def test_an_orthogonal_matrix_keeps_its_directions_and_makes_them_equally_long(shape: tuple[int, int]) -> None:
    noise = torch.randn(shape, generator=torch.manual_seed(0))
    rows, _, columns = torch.linalg.svd(noise, full_matrices=False)
    made = rows @ torch.logspace(0, -2, min(shape)).diag() @ columns
    kept = rows.T @ orthogonal(made) @ columns.T
    assert 0.5 < kept.diagonal().min() < kept.diagonal().max() < 1.3
    assert (kept - kept.diagonal().diag()).abs().max() < 0.1


def network() -> nn.Sequential:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(1, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 32, 3))
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def learn(model: nn.Module, optimiser: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        heard = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        model(heard).square().mean().backward()
        optimiser.step()


def test_muon_moves_kernels_as_far_as_adamw_moves_the_rest() -> None:
    settings = Optimisation(optimiser="muon", rate=1e-2, weight_decay=0)
    model = network()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    learn(model, build_optimiser(model, settings), range(1))
    moved = {
        name: float((weight - before[name]).detach().square().mean().sqrt())
        for name, weight in model.named_parameters()
    }
    assert moved["3.weight"] == pytest.approx(0.2 * settings.rate, rel=0.25)
    # Nine values for each channel are too few directions, so that is AdamW's: its first step moves all by the rate.
    assert moved["0.weight"] == pytest.approx(settings.rate, rel=0.01)
    assert moved["1.weight"] == pytest.approx(settings.rate, rel=0.01)


def test_muon_goes_on_where_its_state_was_saved() -> None:
    settings = Optimisation(optimiser="muon", rate=1e-2)
    whole, parted, later = network(), network(), network()
    learn(whole, build_optimiser(whole, settings), range(4))
    first = build_optimiser(parted, settings)
    learn(parted, first, range(2))
    later.load_state_dict(parted.state_dict())
    second = build_optimiser(later, settings)
    second.load_state_dict(first.state_dict())
    assert isinstance(second, Muon)
    learn(later, second, range(2, 4))
    for one, other in zip(whole.parameters(), later.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
