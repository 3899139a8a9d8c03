"""What a checkpoint makes of a query: the nearest of its sounds, and whether that is near."""

import pytest
import torch

from lass.queries import CompactEncoder, Query
from lass.queries.known import KnownSounds

LABELS = ("dog bark", "rain", "church bells")


@pytest.fixture(scope="module")
def encoder() -> CompactEncoder:
    return CompactEncoder()


@pytest.fixture(scope="module")
def known(encoder: CompactEncoder) -> KnownSounds:
    return KnownSounds(LABELS, encoder.encode(LABELS).pooled, threshold=0.5)


@pytest.mark.parametrize(
    ("text", "label"), [("a barking dog", "dog bark"), ("heavy rain", "rain"), ("bells of a church", "church bells")]
)
def test_a_wording_is_understood_as_its_sound(
    known: KnownSounds, encoder: CompactEncoder, text: str, label: str
) -> None:
    understood = known.nearest(encoder.encode([text]))
    assert understood.label == label
    assert understood.familiar
    assert 0.5 <= understood.similarity <= 1.0001


def test_a_label_itself_is_as_near_as_can_be(known: KnownSounds, encoder: CompactEncoder) -> None:
    assert known.nearest(encoder.encode(["rain"])).similarity == pytest.approx(1, abs=1e-5)


def test_a_query_far_from_everything_is_said_to_be(known: KnownSounds, encoder: CompactEncoder) -> None:
    understood = known.nearest(encoder.encode(["the tax return of a notary"]))
    assert understood.label in LABELS
    assert not understood.familiar


def test_the_length_of_a_query_s_vector_does_not_matter(known: KnownSounds, encoder: CompactEncoder) -> None:
    pooled = encoder.encode(["heavy rain"]).pooled
    near, far = known.nearest(Query(pooled)), known.nearest(Query(7 * pooled))
    assert far.similarity == pytest.approx(near.similarity, abs=1e-5)


def test_the_threshold_itself_is_familiar() -> None:
    known = KnownSounds(("a", "b"), torch.eye(2), threshold=0.0)
    assert known.nearest(Query(torch.tensor([[0.0, -1.0]]))).familiar  # a, at exactly 0
    assert known.nearest(Query(torch.tensor([[0.0, 2.0]]))).label == "b"


def test_a_query_is_drawn_towards_the_sound_it_means(known: KnownSounds, encoder: CompactEncoder) -> None:
    query = encoder.encode(["a barking dog", "bells of a church"])
    settled = known.settle(query)
    for row, label in enumerate(("dog bark", "church bells")):
        vector = known.vectors[LABELS.index(label)]
        assert settled.pooled[row] @ vector > query.pooled[row] @ vector + 0.02
    torch.testing.assert_close(settled.pooled.norm(dim=1), torch.ones(2))
    assert settled.tokens is query.tokens


def test_a_label_stays_where_it_is(known: KnownSounds, encoder: CompactEncoder) -> None:
    query = encoder.encode(["rain"])
    assert known.settle(query).pooled[0] @ query.pooled[0] > 0.999


def test_what_lies_between_two_sounds_stays_between_them() -> None:
    known = KnownSounds(("a", "b"), torch.eye(2), threshold=0.0)
    middle = Query(torch.tensor([[1.0, 1.0]]))
    torch.testing.assert_close(known.settle(middle).pooled, torch.full((1, 2), 0.5**0.5))
