"""Places: who leaves before hearing anything leaves no gap, and everybody else keeps theirs; on both databases."""

import random
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

from lass.listening.participation import Participation
from lass.listening.ratings import rows
from lass.listening.ratings.journal import encode
from lass.listening.ratings.places import AWAY
from lass.listening.ratings.store import Store
from lass.listening.stimuli.manifest import ROLES_RATED
from lass.listening.studies import Studies
from tests.listening.databases import Place, begin, rate
from tests.listening.small import small_study


class Clock:
    """A clock that a test sets."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def places(store: Store) -> dict[str, int]:
    return {session.token: session.place for session in store.sessions("study")}


def test_who_left_before_the_first_trial_leaves_the_place_to_the_next(place: Place) -> None:
    clock = Clock()
    store = place.open(clock=clock)
    first, gone, last = begin(store), begin(store), begin(store)
    for token in (first, last):
        store.opened(token, 0, clock.now)
    store.update(gone, consented=clock.now, headphones="passed")
    clock.now += AWAY / 2
    early = begin(store)
    assert places(store) == {first: 0, gone: 1, last: 2, early: 3}, "half an hour is no absence"
    clock.now += AWAY / 2 + 1
    late = begin(store)
    assert places(store) == {first: 0, late: 1, last: 2, early: 3, gone: 4}
    there = store.session(gone)
    assert there
    assert (there.consented, there.headphones) == (1_800_000_000.0, "passed"), "they may come back"
    store.opened(gone, 0, clock.now)
    clock.now += 100 * AWAY
    begin(store, "another-study")
    begin(store)
    assert places(store)[gone] == 4, "who has begun to listen keeps the place"


def test_who_has_answered_keeps_the_place_whatever_else_is_known(place: Place) -> None:
    clock = Clock()
    store = place.open(clock=clock)
    token = begin(store)
    rate(store, token)
    clock.now += 2 * AWAY
    begin(store)
    assert places(store)[token] == 0


def _moved_about(store: Store, clock: Clock) -> None:
    """Sessions that come, leave, and are deleted for half a day."""
    chance = random.Random(4)
    for _ in range(60):
        token = begin(store)
        if chance.random() < 0.5:
            store.opened(token, 0, clock.now)
        if chance.random() < 0.15:
            store.delete(chance.choice(sorted(places(store))))
        clock.now += AWAY / 4


def test_the_journals_tell_the_same_places(place: Place) -> None:
    clock = Clock()
    store = place.open(clock=clock)
    _moved_about(store, clock)
    before = places(store)
    assert len(set(before.values())) == len(before)
    store.close()
    place.lose_database()
    again = place.open()
    assert places(again) == before
    assert again.status()["problems"] == []


def test_an_older_database_follows_the_journals(tmp_path: Path) -> None:
    clock = Clock()
    with Store.open(None, tmp_path / "data", clock) as store:
        for _ in range(6):
            begin(store)
        store.backup(tmp_path / "older.sqlite")
        _moved_about(store, clock)
        before = places(store)
    for file in (tmp_path / "data").glob("ratings.sqlite*"):
        file.unlink()
    shutil.copy(tmp_path / "older.sqlite", tmp_path / "data" / "ratings.sqlite")
    with Store.open(None, tmp_path / "data", clock) as store:
        assert places(store) == before
        assert store.status()["problems"] == []


def test_a_place_that_changed_hands_is_replayed_in_any_order(place: Place) -> None:
    """Journals of two processes are read one after the other, whichever of their lines were written first."""
    store = place.open()
    sessions = [store.session(begin(store)) for _ in range(3)]
    store.close()
    lines = [
        encode(rows.session_entry(replace(session, place=session.place + 1), None, changes=2))
        for session in sessions if session
    ]  # fmt: skip
    (place.folder / "journal" / "20990101T000000Z-00000000.jsonl").write_text("\n".join(lines) + "\n")
    store = place.open()
    assert sorted(places(store).values()) == [1, 2, 3]
    assert store.status()["problems"] == []


def test_all_that_is_heard_is_heard_equally_often_though_many_leave(tmp_path: Path) -> None:
    folder = small_study(tmp_path / "studies", items=5, practice=0, items_per_rater=3, minimum_heard=0).parent
    clock, chance = Clock(), random.Random(9)
    with Store.open(None, tmp_path / "store", clock) as store:
        studies = Studies(folder, store, clock)
        home = studies.get("demo")
        heard = Counter({one.id: 0 for one in home.manifest.stimuli if one.role in ROLES_RATED})
        staying = []
        for number in range(60):
            one = Participation(home, store, None, clock=clock)
            session = one.begin("phone", False, f"{number:016}")
            if number >= 40 or chance.random() < 0.6:
                one.opened(0)
                staying.append(session.token)
            clock.now += 300
        assert len(staying) < 60
        for token in staying:
            here = store.session(token)
            assert here
            heard.update(trial.stimulus for trial in home.trials(here.place))
        assert sorted(here.place for here in store.sessions("demo")) == list(range(60))
    assert max(heard.values()) - min(heard.values()) <= 1
