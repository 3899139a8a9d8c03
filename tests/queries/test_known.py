"""What a checkpoint makes of a query: the nearest of its sounds, and whether that is near."""

import dataclasses
from pathlib import Path

import pytest
import torch
import yaml

from lass.checkpoints.bundled import load_bundled
from lass.queries import CompactEncoder, Query
from lass.queries.known import KnownSounds
from lass.queries.recogniser import Recogniser

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


SURE = Recogniser(torch.eye(2), torch.full((2,), -6.0))


def test_a_query_that_is_surely_one_sound_becomes_that_sound() -> None:
    known = KnownSounds(("a", "b"), torch.eye(2), threshold=0.3, recogniser=SURE)
    query = Query(torch.nn.functional.normalize(torch.tensor([[0.95, 0.3]]), dim=1))
    understood = known.nearest(query)
    assert (understood.label, understood.familiar) == ("a", True)
    assert understood.similarity == pytest.approx(0.9536, abs=1e-3)
    assert known.settle(query).pooled[0, 0] > 0.999


def test_a_query_that_blends_two_sounds_stays_between_them() -> None:
    known = KnownSounds(("a", "b"), torch.eye(2), threshold=0.3, recogniser=SURE)
    torch.testing.assert_close(known.settle(Query(torch.ones(1, 2))).pooled, torch.full((1, 2), 0.5**0.5))


def test_a_query_that_is_no_known_sound_keeps_half_of_itself() -> None:
    known = KnownSounds(("a", "b"), torch.eye(3)[:2], 0.3, Recogniser(torch.eye(3)[:2], torch.full((2,), -6.0)))
    query = Query(torch.tensor([[0.2, 0.1, 0.95]]))
    assert not known.nearest(query).familiar
    assert known.settle(query).pooled[0, 2] > 0.6


def test_a_near_vector_is_unfamiliar_where_the_recogniser_says_so() -> None:
    known = KnownSounds(("a", "b"), torch.eye(2), 0.3, Recogniser(torch.eye(2), torch.full((2,), -20.0)))
    assert not known.nearest(Query(torch.tensor([[1.0, 0.0]]))).familiar


# Words that may mean a, less likely b or c, and hardly d. e is a under another name.
ASKED = Query(torch.tensor([[1.0, 0.8, 0.6, 0.0, 0.95]]))
VECTORS = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0.98, 0.2, 0, 0]])


def unsure(bias: float = 0.0) -> KnownSounds:
    """Five known sounds; log-odds of ASKED are ten times its places, and ``bias``."""
    odds = Recogniser(torch.eye(5) * ASKED.pooled.norm(), torch.full((5,), bias))
    vectors = torch.nn.functional.normalize(torch.nn.functional.pad(VECTORS, (0, 1)), dim=1)
    return KnownSounds(tuple("abcde"), vectors, 0.3, odds)


def test_sounds_that_words_leave_open_are_to_be_listened_for() -> None:
    assert unsure().candidates(ASKED) == [0, 4, 1, 2]


def test_words_that_tell_need_no_listening() -> None:
    sure = Query(torch.tensor([[1.0, 0.1, 0.2, 0.0, 0.0]]))
    assert unsure().candidates(sure) == []
    two_names = Query(torch.tensor([[1.0, 0.1, 0.2, 0.0, 0.95]]))
    assert unsure().candidates(two_names) == []
    assert dataclasses.replace(unsure(), recogniser=None).candidates(ASKED) == []


def test_what_is_heard_decides_between_sounds_that_words_leave_open() -> None:
    known = unsure(-12)
    by_words, by_ear = known.nearest(ASKED), known.nearest(ASKED, {0: 0.0, 1: 0.5, 2: 0.001, 4: 0.0})
    assert (by_words.label, by_ear.label) == ("a", "b")
    # Hearing something does not make strange words familiar.
    assert not by_words.familiar
    assert not by_ear.familiar
    settled = known.settle(ASKED, {0: 0.0, 1: 0.5, 2: 0.001, 4: 0.0}).pooled[0]
    assert settled @ known.vectors[1] > 0.95 > known.settle(ASKED).pooled[0] @ known.vectors[1] + 0.2


def test_familiar_words_do_not_vouch_for_another_sound_that_is_heard() -> None:
    known = unsure(-9)
    assert known.nearest(ASKED).familiar
    by_ear = known.nearest(ASKED, {0: 0.0, 1: 0.0, 2: 0.9, 4: 0.0})
    assert (by_ear.label, by_ear.familiar) == ("c", False)


def test_where_nothing_is_heard_the_words_decide() -> None:
    known, nothing = unsure(-12), dict.fromkeys([0, 1, 2, 4], 0.001)
    assert known.nearest(ASKED, nothing).label == "a"
    assert torch.equal(known.settle(ASKED, nothing).pooled, known.settle(ASKED).pooled)


def test_a_sound_that_was_not_listened_for_counts_as_not_heard() -> None:
    known = unsure()
    assert known.nearest(Query(torch.tensor([[0.0, 0.5, 0.0, 0.55, 0.0]])), {1: 1.0}).label == "b"


# None of these is in the captions, for training or held out.
PARAPHRASES = {
    "dog bark": ["a loud canine outside the window", "woofing from the neighbour's garden", "two dogs barking at once",
                 "please keep the barking hound", "a barky little pup"],
    "rain": ["rainfall in the evening", "it rains on the metal shed", "a long shower of rain", "raindrops on glass"],
    "sea waves": ["waves that break on the beach", "the ocean's surf", "the waves of the Atlantic", "sea surf on sand"],
    "baby cry": ["an infant in tears", "a newborn baby screams", "wailing of a small baby", "the kid in the cot cries"],
    "clock tick": ["a ticking alarm clock", "tick tock from the wall", "an old watch that ticks", "the clock's ticks"],
    "person sneeze": ["he sneezes hard", "somebody had to sneeze", "a sneezing woman", "sneezed twice"],
    "helicopter": ["rotor noise of a helicopter", "a hovering chopper", "helicopters overhead", "blades of choppers"],
    "chainsaw": ["a chainsaw in the forest", "chainsawing a tree", "sawing a trunk with a power saw", "motor saws"],
    "rooster": ["crowing rooster on a farm", "the cockerel's crow", "a rooster waking everyone", "cock-a-doodle"],
    "fire crackling": ["the crackle of burning logs", "campfire flames", "a fire burns and pops", "crackly fireplace"],
}  # fmt: skip
UNKNOWN = [
    "a violin solo", "a cow mooing", "a cat meowing", "tearing paper", "frying eggs in a pan", "a gunshot", "hiccups",
    "a camera shutter", "quantum mechanics", "the tax return of a notary", "an accordion", "a zipper", "brushing teeth",
    "hammering nails", "a basketball bouncing", "a coin dropping", "Morse code", "a harp", "a sheep bleating",
    "laughing",
]  # fmt: skip
SAME = {"rain falling": "rain", "clock ticking": "clock tick"}


@pytest.fixture(scope="module")
def shipped(root: Path) -> KnownSounds:
    sounds = load_bundled(root / "assets" / "resunet-compact" / "model.safetensors")[2]
    assert sounds is not None
    return sounds


def test_the_shipped_checkpoint_understands_other_wordings(shipped: KnownSounds, encoder: CompactEncoder) -> None:
    query = encoder.encode([text for texts in PARAPHRASES.values() for text in texts])
    meant = [label for label, texts in PARAPHRASES.items() for _ in texts]
    understood = [shipped.nearest(query[row]) for row in range(len(query))]
    right = [SAME.get(one.label, one.label) == label for one, label in zip(understood, meant, strict=True)]
    assert sum(right) >= 0.9 * len(meant)
    assert sum(one.familiar for one in understood) >= 0.85 * len(meant)
    # A network that learned 65 sounds does best where it is asked in the vectors of those.
    own = shipped.vectors[[shipped.labels.index(label) for label in meant]]
    assert (shipped.settle(query).pooled * own).sum(1).mean() > 0.9


def test_the_shipped_checkpoint_knows_its_own_labels(shipped: KnownSounds, encoder: CompactEncoder) -> None:
    query = encoder.encode(shipped.labels)
    assert tuple(shipped.nearest(query[row]).label for row in range(len(query))) == shipped.labels


def test_the_shipped_checkpoint_says_what_it_does_not_know(shipped: KnownSounds, encoder: CompactEncoder) -> None:
    query = encoder.encode(UNKNOWN)
    assert sum(shipped.nearest(query[row]).familiar for row in range(len(query))) <= 0.25 * len(UNKNOWN)


def test_no_paraphrase_of_these_tests_is_in_the_captions(root: Path) -> None:
    table = yaml.safe_load((root / "lass" / "training" / "captions.yaml").read_text("utf-8"))
    written = {text.lower() for kinds in table.values() for texts in kinds.values() for text in texts}
    assert not written & {text.lower() for texts in PARAPHRASES.values() for text in texts}
