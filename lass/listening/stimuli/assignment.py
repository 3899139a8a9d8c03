"""Which stimuli a participant hears, in which order.

Nothing is remembered: the place of a participant in the study, 0, 1, 2 …, and the study's seed decide everything, so
that the same trials come back after a restart, on another machine and in another version.

Stimuli are dealt like cards. All that are rated stand in one circle in which an item comes back only after all others,
each time with another condition; every participant takes the next ``items_per_rater`` of it. So any two stimuli have
been presented equally often, or once more, after any number of participants. For each block of as many participants as
there are stimuli the circle is drawn anew, and within a block a hand is turned so that every stimulus is heard at every
position equally often.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from lass.listening.design.study import Study
from lass.listening.stimuli.manifest import ROLES_RATED, Manifest, Stimulus

Kind = Literal["practice", "rating", "trap", "repeat"]


@dataclass(frozen=True)
class Trial:
    """One stimulus to rate: ``position`` from 0, ``stimulus`` the opaque id, and what the trial is for."""

    position: int
    stimulus: str
    kind: Kind


@dataclass(frozen=True)
class _Card:
    stimulus: Stimulus
    kind: Kind

    @property
    def item(self) -> str:
        return self.stimulus.item


def trials_for(study: Study, manifest: Manifest, place: int) -> tuple[Trial, ...]:
    """The trials of the participant at a place, counted from 0: practice first, traps and repeats among the others.

    No stimulus is heard twice but for the repeats, and the same item never twice in a row where that can be avoided.
    """
    if place < 0:
        raise ValueError(f"a place is counted from 0, not {place}")
    rated = [one for one in manifest.stimuli if one.role in ROLES_RATED]
    cards = [_Card(one, "rating") for one in _hand(study, rated, place)]
    cards = _apart(cards)
    _insert_repeats(cards, study, place)
    _insert_traps(cards, [one for one in manifest.stimuli if one.role == "trap"], study.seed, place)
    practice = [_Card(one, "practice") for one in manifest.stimuli if one.role == "practice"]
    return tuple(
        Trial(position, card.stimulus.id, card.kind) for position, card in enumerate([*practice, *_apart(cards)])
    )


def _rank(*parts: object) -> int:
    """A number that looks random and is the same for the same parts in every version of Python."""
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:8], "big")


def _hand(study: Study, rated: Sequence[Stimulus], place: int) -> list[Stimulus]:
    """The rated stimuli of a participant, in order."""
    count = len(rated)
    if count == 0:
        return []
    size = min(study.items_per_rater or count, count)
    block, within = divmod(place, count)
    circle = _circle(rated, study.seed, block)
    start = within * size % count
    # Of the stimuli that start a hand there are count / common; each of these hands is dealt `common` times in a
    # block, every time turned by another step, and the odd steps turn it backwards: then each stimulus is once at each
    # position, and no two always follow one another.
    common = math.gcd(size, count)
    steps = sorted(range(common), key=lambda step: _rank(study.seed, block, "step", step))
    step = steps[within // (count // common)]
    backwards = step % 2 == 1 if common % 2 == 0 else block % 2 == 1
    hand: list[Stimulus] = [circle[0]] * size
    for index in range(size):
        hand[((-index if backwards else index) + step) % size] = circle[(start + index) % count]
    return hand


def _circle(rated: Sequence[Stimulus], seed: int, block: int) -> list[Stimulus]:
    """All stimuli, round after round of all items; the conditions go round, so that a part of it has them evenly."""
    by_item: dict[str, list[Stimulus]] = {}
    for stimulus in rated:
        by_item.setdefault(stimulus.item, []).append(stimulus)
    items = sorted(by_item, key=lambda item: _rank(seed, block, "item", item))
    for item in items:
        by_item[item].sort(key=lambda one: _rank(seed, block, "condition", one.condition))
    circle = []
    for turn in range(max(map(len, by_item.values()))):
        for rank, item in enumerate(items):
            own = by_item[item]
            if turn < len(own):
                circle.append(own[(rank + turn) % len(own)])
    return circle


def _clashes(cards: Sequence[_Card]) -> int:
    """How often an item follows itself."""
    return sum(one.item == two.item for one, two in pairwise(cards))


def _apart(cards: list[_Card]) -> list[_Card]:
    """The cards with as few items following themselves as swaps can do, moving as little as possible."""
    cards = list(cards)
    for index in range(1, len(cards)):
        if cards[index].item != cards[index - 1].item:
            continue
        before = _clashes(cards)
        for other in sorted(range(len(cards)), key=lambda other: abs(other - index)):
            trial = list(cards)
            trial[index], trial[other] = trial[other], trial[index]
            if _clashes(trial) < before and not _repeats_touch(trial):
                cards = trial
                break
    most = Counter(card.item for card in cards).most_common(1)
    avoidable = bool(most) and most[0][1] <= (len(cards) + 1) // 2
    return _rebuilt(cards) if avoidable and _clashes(cards) else cards


def _rebuilt(cards: list[_Card]) -> list[_Card]:
    """An order without clashes: always a card of the item with the most cards left, other than the last one's."""
    left, ordered = list(cards), list[_Card]()
    while left:
        counts = Counter(card.item for card in left)
        last = ordered[-1].item if ordered else None
        allowed = [card for card in left if card.item != last] or left
        most = max(counts[card.item] for card in allowed)
        # A repeat comes after what it repeats, because the first of the equals is taken.
        chosen = next(card for card in allowed if counts[card.item] == most)
        left.remove(chosen)
        ordered.append(chosen)
    return ordered


def _repeats_touch(cards: Sequence[_Card]) -> bool:
    """Whether a repeat stands before what it repeats, or next to it."""
    first: dict[str, int] = {}
    for index, card in enumerate(cards):
        if card.kind == "rating":
            first[card.stimulus.id] = index
    return any(
        card.kind == "repeat" and index < first[card.stimulus.id] + 2 for index, card in enumerate(cards)
    )


def _insert_repeats(cards: list[_Card], study: Study, place: int) -> None:
    """Present some stimuli of the first half again near the end: far enough to have been forgotten."""
    half = cards[: max(1, len(cards) // 2)]
    # A control says less about how steady a rater is.
    half.sort(key=lambda card: (card.stimulus.role != "system", _rank(study.seed, place, "repeat", card.stimulus.id)))
    for card in half[: study.repeats]:
        again = _Card(card.stimulus, "repeat")
        first = cards.index(card)
        slots = [slot for slot in range(len(cards), first + 1, -1) if slot > first + 1]
        if slots:
            latest = slots[: max(1, len(slots) // 3)]
            latest.sort(key=lambda slot: _rank(study.seed, place, "slot", slot))
            _insert(cards, again, [*latest, *slots])


def _insert_traps(cards: list[_Card], traps: Sequence[Stimulus], seed: int, place: int) -> None:
    """Spread the traps over the test, each at a place that cannot be foreseen, never first."""
    order = sorted(traps, key=lambda trap: _rank(seed, place, "trap", trap.id))
    length = len(cards)
    for index, trap in enumerate(order):
        share = (index + (_rank(seed, place, "where", index) % 1000) / 1000) / max(1, len(order))
        wanted = index + 1 + int(share * length)
        slots = sorted(range(1, len(cards) + 1), key=lambda slot: abs(slot - wanted))
        _insert(cards, _Card(trap, "trap"), slots or [0])


def _insert(cards: list[_Card], card: _Card, slots: Sequence[int]) -> None:
    """Insert a card at the first slot whose neighbours are other items, or at the first slot."""
    for slot in slots:
        if all(near.item != card.item for near in cards[max(0, slot - 1) : slot + 1]):
            cards.insert(slot, card)
            return
    cards.insert(slots[0], card)


__all__ = ["Kind", "Trial", "trials_for"]
