"""SIGKILL at any moment: what was acknowledged is there afterwards, in the database and in the journal alike."""

import json
import multiprocessing
import os
import random
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from lass.listening.ratings.store import Store, StoreError
from tests.listening.databases import Place, begin, rate

# After how many acknowledged writes each of the processes is killed, and a random moment more.
KILLS = (0, 0, 0, 1, 1, 2, 3, 5, 8, 10, 15, 20, 30, 40, 60, 80)
RATERS = 12


def _rate_for_ever(url: str | None, folder: Path, seed: int, told: Connection) -> None:
    """Participants who rate as fast as they can; each answer that was acknowledged is told, and only then."""
    store = Store.open(url, folder)
    pipe = told.fileno()

    def tell(**fact: object) -> None:
        os.write(pipe, f"{json.dumps(fact)}\n".encode())  # short enough to arrive whole

    def rater(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        while True:
            token = begin(store)
            tell(kind="session", token=token)
            for trial in range(12):
                score = chance.randint(1, 5)
                record = rate(store, token, trial, score, key=f"{trial}-{score}")
                tell(kind="rating", token=token, trial=trial, revision=record.revision, score=score)
                if chance.random() < 0.2:
                    store.update(token, flags=(str(trial),))
                    tell(kind="flags", token=token, trial=trial)
            if number == 0:
                store.delete(token)
                tell(kind="deleted", token=token)

    threads = [threading.Thread(target=rater, args=(number,)) for number in range(RATERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _kill_one(place: Place, chance: random.Random, wanted: int) -> list[dict[str, object]]:
    """Starts a process of raters, kills it at a random moment, and gives what it told."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lass.listening.ratings.store", "alembic.command", "pg8000.dbapi", __name__])
    listens, told = context.Pipe(duplex=False)
    process = context.Process(target=_rate_for_ever, args=(place.url, place.folder, chance.randrange(2**32), told))
    process.start()
    told.close()
    heard, pipe = b"", listens.fileno()
    while heard.count(b"\n") < wanted:
        piece = os.read(pipe, 65536)
        assert piece, "the raters ended by themselves"
        heard += piece
    time.sleep(chance.uniform(0, 0.2 if wanted == 0 else 0.02))
    process.kill()
    while piece := os.read(pipe, 65536):
        heard += piece
    process.join(30)
    assert process.exitcode == -9
    listens.close()
    return [json.loads(line) for line in heard.split(b"\n")[:-1]]


def test_nothing_acknowledged_is_lost(place: Place) -> None:
    chance = random.Random(20261121)
    sessions: set[object] = set()
    deleted: set[object] = set()
    scores: dict[tuple[object, object, object], object] = {}
    flags: dict[object, object] = {}
    counts = []
    for wanted in chance.sample(KILLS, len(KILLS)):
        facts = _kill_one(place, chance, wanted)
        counts.append(len(facts))
        for fact in facts:
            match fact["kind"]:
                case "session":
                    sessions.add(fact["token"])
                case "deleted":
                    deleted.add(fact["token"])
                case "flags":
                    flags[fact["token"]] = fact["trial"]
                case "rating":
                    scores[fact["token"], fact["trial"], fact["revision"]] = fact["score"]
        # Before anything mends it, the journal by itself has them: the database may be lost in the same moment.
        journal = {key: entry["score"] for key, entry in _ratings_in(place).items()}
        written = {token for token, *_ in journal}
        # One that had rated everything may have been about to be deleted.
        going = {token for token, trial, _ in scores if trial == 11 and token not in written}
        told = {key: score for key, score in scores.items() if key[0] not in deleted | going}
        assert told.items() <= journal.items()
        with place.open() as store:
            _check(place, store, sessions, deleted, scores, flags)
    assert sum(counts) >= sum(KILLS)
    place.lose_database()
    with place.open() as store:
        _check(place, store, sessions, deleted, scores, flags)
        assert store.status()["problems"] == []


def _ratings_in(place: Place) -> dict[tuple[object, object, object], dict[str, object]]:
    entries = [json.loads(line) for line in place.lines() if line.endswith('"}')]
    ratings = [entry for entry in entries if entry["kind"] == "rating"]
    return {(entry["session"], entry["trial"], entry["revision"]): entry for entry in ratings}


def _check(
    place: Place,
    store: Store,
    sessions: set[object],
    deleted: set[object],
    scores: dict[tuple[object, object, object], object],
    flags: dict[object, object],
) -> None:
    there = {session.token: session for session in store.sessions("study")}
    ratings = store.ratings("study")
    kept = {(record.session, record.trial, record.revision): record.score for record in ratings}
    # One whose deletion was under way when the process died may be gone without having been told so.
    lost = sessions - there.keys() - deleted
    assert not [token for token in lost if (token, 11, 1) not in scores]
    assert len(lost) <= len(KILLS)
    assert {key: score for key, score in scores.items() if key[0] not in deleted | lost}.items() <= kept.items()
    assert not deleted & there.keys()
    for token, trial in flags.items():
        if token in there:
            assert int(there[token].flags[0]) >= int(str(trial))
    # The journal says the same as the tables.
    assert {key: entry["score"] for key, entry in _ratings_in(place).items()} == kept
    entries = [json.loads(line) for line in place.lines() if line.endswith('"}')]
    assert {entry["token"] for entry in entries if entry["kind"] == "session"} == there.keys()
    places = sorted(session.place for session in there.values())
    assert len(set(places)) == len(places)


def test_a_store_that_died_while_it_made_its_tables(place: Place) -> None:
    """Killed before there is anything: the next start makes it all."""
    chance = random.Random(3)
    context = multiprocessing.get_context("forkserver")
    for _ in range(5):
        listens, told = context.Pipe(duplex=False)
        process = context.Process(target=_rate_for_ever, args=(place.url, place.folder, 1, told))
        process.start()
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.join(30)
        told.close()
        listens.close()
        try:
            rate(place.open(), begin(place.open()))
        except StoreError as error:
            raise AssertionError("the next start failed") from error
        for store in place.stores:
            store.close()
        place.lose_database()
