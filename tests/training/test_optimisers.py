"""Optimisers and schedules are the ones that they are called after."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from lass.training.optimisers import build_optimiser, learning_rate
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
