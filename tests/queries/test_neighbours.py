"""The wordings a checkpoint remembers, and whose are nearest."""

from dataclasses import replace

import torch

from lass.queries.neighbours import NEAREST, Neighbours
from lass.queries.recogniser import Recogniser
from tests.queries.test_recogniser import around

SIZE = 160  # more than the directions kept


def test_cosines_survive_a_byte_and_fewer_directions() -> None:
    sounds = [around(place, count=20, size=SIZE, seed=place) for place in range(5)]
    kept = Neighbours.fit(sounds)
    queries = torch.cat([around(place, count=10, size=SIZE, seed=9) for place in range(5)])
    near = queries @ kept.axes @ kept.wordings.float().T
    torch.testing.assert_close(near, queries @ torch.cat(sounds).T, atol=0.03, rtol=0)
    assert kept.wordings.dtype == torch.int8
    assert kept.wordings.shape[1] < SIZE


def test_the_nearest_wordings_vote_for_their_sound() -> None:
    # One sound has two quite different names: their mean, which a classifier goes by, is like neither.
    sounds = [torch.cat([around(0), around(1)]), around(2, count=16), around(3, count=16)]
    votes = Neighbours.fit(sounds).votes(torch.cat([around(0, count=5, seed=5), around(1, count=5, seed=6)]), 3)
    assert votes.shape == (10, 3)
    torch.testing.assert_close(votes.sum(1), torch.ones(10))
    assert (votes.argmax(1) == 0).all()
    assert (votes[:, 0] > 0.8).all()


def test_fewer_wordings_than_votes() -> None:
    votes = Neighbours.fit([around(0, count=1), around(1, count=2)]).votes(around(1, count=1, seed=3), 2)
    assert NEAREST > 3
    assert votes.argmax() == 1


def test_neighbours_decide_where_classifiers_hardly_differ() -> None:
    kept = Neighbours.fit([around(0), around(1)])
    classifiers = Recogniser(torch.zeros(2, 12), torch.tensor([0.5, 0.0]))
    query = around(1, count=1, seed=3)
    assert classifiers.preference(query).argmax() == 0
    assert replace(classifiers, neighbours=kept).preference(query).argmax() == 1
