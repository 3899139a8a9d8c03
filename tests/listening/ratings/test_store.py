"""The store: what is saved once, in which order, and what is deleted; on both databases."""

import json
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lass.listening.ratings import database, schema
from lass.listening.ratings.records import reference
from lass.listening.ratings.store import Store, StoreError, UnknownSessionError
from tests.listening.databases import Place, begin, rate

# What happens to the files of a server is the server's business.
ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


def test_a_session_is_what_was_begun(place: Place) -> None:
    store = place.open(clock=lambda: 1000.5)
    session = store.begin("a-study", "ff" * 32, 2**70, "fr", "phone", True)
    assert (session.study, session.study_sha256, session.seed) == ("a-study", "ff" * 32, 2**70)
    assert (session.language, session.agent_class, session.kiosk) == ("fr", "phone", True)
    assert (session.place, session.created, session.consented, session.finished) == (0, 1000.5, None, None)
    assert len(session.token) >= 22
    assert store.session(session.token) == session
    assert store.session("another") is None


def test_a_session_changes_and_stays_changed(place: Place) -> None:
    store = place.open()
    token = begin(store)
    store.update(token, consented=5.0, headphones="passed", language="fr")
    store.update(token, answers={"age": "30–39", "=1+1": "\ud83d\0x"}, flags=("slow", "phones"))
    after = store.update(token, finished=9.5, code="ABC")
    assert (after.consented, after.headphones, after.finished, after.code) == (5.0, "passed", 9.5, "ABC")
    assert after.language == "fr"
    assert after.answers == {"age": "30–39", "=1+1": "?x"}
    assert after.flags == ("slow", "phones")
    store.close()
    assert place.open().session(token) == after


def test_what_stays_the_same_is_not_written_again(place: Place) -> None:
    store = place.open()
    token = begin(store)
    store.update(token, consented=5.0)
    lines = len(place.lines())
    store.update(token, consented=5.0)
    assert len(place.lines()) == lines


def test_only_what_may_change_can_be_changed(place: Place) -> None:
    store = place.open()
    with pytest.raises(TypeError, match="place"):
        store.update(begin(store), place=3)


def test_a_session_is_found_by_what_an_export_says(place: Place) -> None:
    store = place.open()
    token = begin(store)
    begin(store)
    for participant in (token, reference(token)):
        found = store.find("study", participant)
        assert found is not None
        assert found.token == token
    assert store.find("another", token) is None
    assert store.find("study", "nobody") is None


def test_places_follow_each_other_in_each_study(place: Place) -> None:
    store = place.open()
    places = [store.begin(study, "", 1, "en", "other", False).place for study in "aababb"]
    assert places == [0, 1, 0, 2, 1, 2]


def test_a_hundred_who_begin_at_once_get_a_hundred_places(place: Place) -> None:
    store = place.open()
    with ThreadPoolExecutor(50) as pool:
        tokens = list(pool.map(lambda _: begin(store), range(100)))
    assert len(set(tokens)) == 100
    assert [session.place for session in store.sessions("study")] == list(range(100))


def _begin_many(url: str | None, folder: Path, count: int) -> None:
    with Store.open(url, folder) as store, ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: begin(store), range(count)))


def test_two_processes_share_the_places(place: Place) -> None:
    """They also open an empty database at once, so that only one of them makes the tables."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_begin_many, args=(place.url, place.folder, 50)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert [session.place for session in place.open().sessions("study")] == list(range(100))


def test_the_same_request_begins_one_session(place: Place) -> None:
    store = place.open()
    first = begin(store, key="made by a browser")
    assert begin(store, key="made by a browser") == first
    assert begin(store, key="made by another") != first
    assert begin(store, "another-study", key="made by a browser") != first
    assert len(store.sessions("study")) == 2


def test_a_rating_is_what_was_given(place: Place) -> None:
    store = place.open(clock=lambda: 77.25)
    token = begin(store)
    record = rate(store, token, trial=3, score=5, question="rel", key="k", plays=2, seconds_heard=1.5)
    assert (record.session, record.trial, record.stimulus, record.question) == (token, 3, "stimulus3", "rel")
    assert (record.score, record.revision, record.key, record.plays) == (5, 1, "k", 2)
    assert (record.seconds_heard, record.seconds_to_rate, record.created) == (1.5, 6.25, 77.25)
    assert store.ratings("study") == [record]
    assert store.latest(token) == {(3, "rel"): record}


def test_a_replayed_rating_is_one_row(place: Place) -> None:
    store = place.open()
    token = begin(store)
    first = rate(store, token, score=2, key="once")
    assert rate(store, token, score=4, key="once") == first
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: rate(store, token, score=2, key="once"), range(40))) == {first}
    assert store.ratings("study") == [first]


def test_a_changed_answer_is_a_revision(place: Place) -> None:
    store = place.open()
    token = begin(store)
    records = [rate(store, token, score=score, key=f"k{score}") for score in (2, 5, 3)]
    assert [record.revision for record in records] == [1, 2, 3]
    assert store.ratings("study") == records
    assert store.latest(token) == {(0, "rating"): records[-1]}
    # A request that comes late is still the answer it was, and not the newest.
    assert rate(store, token, score=2, key="k2") == records[0]
    assert store.latest(token) == {(0, "rating"): records[-1]}


def test_all_answers_to_a_trial_are_saved_or_none(place: Place) -> None:
    store = place.open(clock=lambda: 8.5)
    token = begin(store)
    with pytest.raises(StoreError, match="score"):
        store.rate(token, 0, "s", "ab" * 32, {"rel": 4, "ovl": 6}, "k", 1, 1.0, 2.0)
    assert (store.ratings("study"), store.first_answered(token, 0)) == ([], None)
    before = len(place.lines())
    saved = store.rate(token, 0, "s", "ab" * 32, {"rel": 4, "ovl": 2}, "k", 1, 1.0, 2.0)
    assert {question: record.score for question, record in saved.items()} == {"rel": 4, "ovl": 2}
    assert len(place.lines()) == before + 2
    assert store.rate(token, 0, "s", "ab" * 32, {"rel": 4, "ovl": 2}, "k", 1, 1.0, 2.0) == saved
    with ThreadPoolExecutor(8) as pool:
        pairs = [{"rel": score, "ovl": score} for score in (1, 2, 3, 4, 5)]
        list(pool.map(lambda pair: store.rate(token, 0, "s", "ab" * 32, pair, f"k{pair['rel']}", 1, 1.0, 2.0), pairs))
    latest = store.latest(token)
    assert latest[0, "rel"].score == latest[0, "ovl"].score, "the answers of one click stay together"
    assert latest[0, "rel"].revision == latest[0, "ovl"].revision == 6


def test_when_a_trial_was_first_answered_does_not_change(place: Place) -> None:
    now = [10.0]
    store = place.open(clock=lambda: now[0])
    token = begin(store)
    rate(store, token, 2)
    now[0] = 20.0
    rate(store, token, 2, key="changed")
    assert (store.first_answered(token, 2), store.first_answered(token, 1)) == (10.0, None)


def test_revisions_of_one_answer_at_once_have_no_gap(place: Place) -> None:
    store = place.open()
    token = begin(store)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda number: rate(store, token, key=f"k{number}"), range(40)))
    assert [record.revision for record in store.ratings("study")] == list(range(1, 41))


def test_ratings_come_in_order(place: Place) -> None:
    store = place.open()
    tokens = [begin(store) for _ in range(2)]
    begin(store, "another")
    for token in reversed(tokens):
        for trial in (1, 0):
            for question in ("rel", "ovl"):
                rate(store, token, trial, question=question)
    assert [(record.session, record.trial, record.question) for record in store.ratings("study")] == [
        (token, trial, question) for token in tokens for trial in (0, 1) for question in ("ovl", "rel")
    ]
    assert store.ratings("another") == []


@pytest.mark.parametrize("score", [0, 6, -1, True, 3.0, "3", None])
def test_a_score_that_is_none_is_refused(place: Place, score: object) -> None:
    store = place.open()
    token = begin(store)
    with pytest.raises(StoreError, match="score"):
        rate(store, token, score=score)  # type: ignore[arg-type]
    assert store.ratings("study") == []


def test_numbers_that_no_column_holds_are_refused(place: Place) -> None:
    store = place.open()
    token = begin(store)
    for wrong in ({"plays": 10**12}, {"plays": -1}, {"seconds_heard": float("nan")}, {"trial": 2**31}):
        with pytest.raises(StoreError):
            rate(store, token, **wrong)
    assert store.ratings("study") == []


def test_one_who_is_unknown_cannot_rate_and_spoils_nothing(place: Place) -> None:
    store = place.open()
    token = begin(store)
    started = threading.Barrier(20)

    def one(number: int) -> bool:
        started.wait()
        try:
            rate(store, token if number % 2 else "nobody\0", number)
        except UnknownSessionError:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(one, range(20))) == [bool(number % 2) for number in range(20)]
    assert [record.trial for record in store.ratings("study")] == list(range(1, 20, 2))
    for call in (lambda: store.update("nobody", code="x"), lambda: store.opened("nobody", 0, 1.0)):
        with pytest.raises(UnknownSessionError):
            call()


def test_the_first_opening_counts(place: Place) -> None:
    store = place.open()
    token = begin(store)
    assert store.opened(token, 4, 100.5) == 100.5
    assert store.opened(token, 4, 200.0) == 100.5
    store.close()
    assert place.open().opened(token, 4, 300.0) == 100.5


def test_votes_are_kept(place: Place) -> None:
    store = place.open(clock=lambda: 3.5)
    store.preference("compare", {"winner": "a", "models": ["a", "b"], "n": 2})
    store.preference("compare", {"winner": "b"}, key="once")
    store.preference("compare", {"winner": "b"}, key="once")
    store.close()
    votes = place.open().preferences()
    assert len(votes) == 2
    assert {"kind": "compare", "created": 3.5, "values": {"winner": "a", "models": ["a", "b"], "n": 2}} in votes


def test_a_deleted_participant_is_gone_and_stays_gone(place: Place) -> None:
    store = place.open()
    stays, goes = begin(store), begin(store)
    for token in (stays, goes):
        store.update(token, answers={"name": f"name of {token}"})
        store.opened(token, 0, 1.0)
        rate(store, token)
    store.close()
    old = {path: path.read_bytes() for path in (place.folder / "journal").glob("*.jsonl")}
    store = place.open()
    assert store.delete(goes)
    assert not store.delete(goes)
    assert store.session(goes) is None
    assert [session.token for session in store.sessions("study")] == [stays]
    assert [record.session for record in store.ratings("study")] == [stays]
    assert not [line for line in place.lines() if goes in line]
    with pytest.raises(UnknownSessionError):
        rate(store, goes, key="late")
    store.close()
    # An older copy of the journal comes back, and the database is lost at the same time.
    for path, content in old.items():
        path.write_bytes(content)
    place.lose_database()
    store = place.open()
    assert [session.token for session in store.sessions("study")] == [stays]
    assert not [line for line in place.lines() if goes in line]
    assert [session.token for session in place.open().sessions("study")] == [stays]


@ON_SQLITE
def test_a_deletion_reaches_an_older_database(place: Place, tmp_path: Path) -> None:
    store = place.open()
    goes = begin(store)
    rate(store, goes)
    store.backup(tmp_path / "old.sqlite")
    store.delete(goes)
    store.close()
    place.lose_database()
    (tmp_path / "old.sqlite").rename(place.folder / "ratings.sqlite")
    assert place.open().sessions("study") == []


@ON_SQLITE
@pytest.mark.parametrize("by", ["the application", "another process"])
def test_no_trace_of_the_deleted_is_in_the_files(place: Place, by: str) -> None:
    """Not while the application goes on either: SQLite's log keeps old pages until somebody empties it."""
    store = place.open()
    goes = begin(store)
    store.update(goes, answers={"who": "Somebody Unmistakable"})
    rate(store, goes)
    (store if by == "the application" else place.open()).delete(goes)
    for path in place.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert goes.encode() not in content, path
            assert b"Unmistakable" not in content, path


def test_the_place_of_the_deleted_is_taken_again(place: Place) -> None:
    """The trials that went with their data are asked again, so that the study stays balanced."""
    store = place.open()
    tokens = [begin(store) for _ in range(3)]
    store.delete(tokens[1])
    again = [store.session(begin(store)) for _ in range(2)]
    assert [session.place for session in again if session] == [1, 3]


def test_a_deletion_by_another_process_does_not_break_the_journal(place: Place) -> None:
    """`study delete` rewrites files that the running application has open."""
    running, other = place.open(), place.open()
    stays, goes = begin(running), begin(running)
    rate(running, goes)
    assert other.delete(goes)
    rate(running, stays, score=4)
    assert not [line for line in place.lines() if goes in line]
    place.lose_database()
    ratings = place.open().ratings("study")
    assert [(record.session, record.score) for record in ratings] == [(stays, 4)]


def test_no_address_is_kept(place: Place) -> None:
    store = place.open()
    rate(store, begin(store))
    columns = {column.name for table in schema.metadata.sorted_tables for column in table.columns}
    assert not columns & {"ip", "address", "host", "user_agent", "agent"}
    kept = {key for line in place.lines() for key in json.loads(line)}
    assert not kept & {"ip", "address", "host", "user_agent", "agent"}


@ON_SQLITE
def test_the_writer_waits_for_the_disk(place: Place) -> None:
    place.open()
    engine = database.connect(None, place.folder)
    with engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    engine.dispose()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_backup_is_a_whole_database(place: Place, tmp_path: Path) -> None:
    store = place.open()
    token = begin(store)
    records = [rate(store, token, trial) for trial in range(5)]
    if place.kind == "postgresql":
        with pytest.raises(StoreError, match="pg_dump"):
            store.backup(tmp_path / "copy.sqlite")
        return
    store.backup(tmp_path / "copy.sqlite")
    store.backup(tmp_path / "copy.sqlite")
    with Store.open(f"sqlite:///{tmp_path / 'copy.sqlite'}", tmp_path / "elsewhere") as copy:
        assert copy.ratings("study") == records
    with pytest.raises(StoreError, match="choose another place"):
        store.backup(tmp_path / "no such folder" / "copy.sqlite")


def test_the_status_says_what_there_is(place: Place) -> None:
    store = place.open()
    rate(store, begin(store))
    store.report_also("sync", lambda: {"last": None})
    status = store.status()
    assert status["database"] == place.kind
    assert status["rows"] == {"sessions": 1, "ratings": 1, "preferences": 0}
    assert status["journal_files"] == 1
    assert status["journal_bytes"] > 300
    assert status["problems"] == []
    assert status["sync"] == {"last": None}
    assert json.loads(json.dumps(status)) == status
    assert store.healthy()


def test_a_closed_store_says_so(place: Place) -> None:
    store = place.open()
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        begin(store)
