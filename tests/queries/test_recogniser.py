"""Telling known sounds apart by words, and from sounds that are none of them."""

import pytest
import torch
from torch import Tensor

from lass.queries import recogniser
from lass.queries.recogniser import Recogniser


def around(*places: int, count: int = 8, size: int = 12, seed: int = 0) -> Tensor:
    """Vectors scattered about one direction for all the ``places`` together."""
    generator = torch.Generator().manual_seed(seed)
    centre = torch.zeros(size)
    centre[list(places)] = 1.0
    return torch.nn.functional.normalize(centre + 0.2 * torch.randn(count, size, generator=generator), dim=1)


@pytest.fixture(scope="module")
def fitted() -> Recogniser:
    found = Recogniser.fit([around(0), around(1), around(2, count=20)])
    assert found is not None
    return found


@pytest.mark.parametrize("sound", [0, 1, 2])
def test_vectors_it_never_met_are_recognised(fitted: Recogniser, sound: int) -> None:
    odds = fitted.odds(around(sound, count=30, seed=9))
    assert odds.shape == (30, 3)
    assert (odds.argmax(1) == sound).all()
    assert (odds[:, sound] > fitted.familiar).float().mean() >= 0.9


def test_what_is_none_of_them_is_not_familiar(fitted: Recogniser) -> None:
    own = torch.cat([fitted.odds(around(sound, count=30, seed=3)).amax(1) for sound in range(3)])
    others = torch.cat([fitted.odds(around(place, count=30, seed=3)).amax(1) for place in range(4, 12)])
    assert own.quantile(0.1) > others.quantile(0.9)
    assert others.median() < fitted.familiar < own.median()


def test_a_vector_between_two_may_be_either(fitted: Recogniser) -> None:
    both = fitted.odds(around(0, 1, count=30, seed=4)).mean(0)
    assert abs(both[0] - both[1]) < both[:2].min() - both[2]


def test_the_same_wordings_give_the_same_recogniser(fitted: Recogniser) -> None:
    again = Recogniser.fit([around(0), around(1), around(2, count=20)])
    assert again is not None
    assert torch.equal(again.weights, fitted.weights)
    assert torch.equal(again.bias, fitted.bias)
    assert not fitted.weights.requires_grad


def test_a_wording_of_two_sounds_counts_for_both() -> None:
    shared = around(3, count=4)
    found = Recogniser.fit([torch.cat([around(0), shared]), torch.cat([around(1), shared]), around(2)])
    assert found is not None
    odds = found.odds(shared).mean(0)
    assert odds[0] == pytest.approx(float(odds[1]), abs=0.7)
    assert odds[:2].min() > odds[2] + 1


def test_one_sound_alone_cannot_be_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Recogniser.fit([]) is None
    assert Recogniser.fit([around(0)]) is None
    monkeypatch.setattr(recogniser, "MOST_SOUNDS", 2)
    assert Recogniser.fit([around(0), around(1)]) is not None
    assert Recogniser.fit([around(0), around(1), around(2)]) is None


def test_vectors_that_are_inferences_can_be_learned_from() -> None:
    with torch.inference_mode():
        wordings = [around(0), around(1)]
    assert Recogniser.fit(wordings) is not None
