"""The journal: whole lines only, replay that can be repeated, and a database that is rebuilt from it."""

import json
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lass.listening.ratings import database, replay
from lass.listening.ratings.journal import Journal, decode, encode, read, token_sha256
from lass.listening.ratings.records import StoreError
from lass.listening.ratings.store import Store
from tests.listening.databases import Place, begin, rate

PLAIN = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3),
    max_leaves=5,
)


@given(entry=st.dictionaries(PLAIN, VALUES, min_size=1, max_size=5).filter(lambda entry: "crc" not in entry))
def test_a_line_says_what_was_written(entry: dict[str, object]) -> None:
    line = encode(entry)
    assert "\n" not in line
    assert decode(line.encode()) == entry
    assert json.loads(line).keys() == {*entry, "crc"}


@given(data=st.data())
def test_a_line_that_was_changed_is_known(data: st.DataObject) -> None:
    line = encode({"kind": "rating", "score": 4, "session": "abc"}).encode()
    where = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[where]))
    assert decode(line[:where] + bytes([other]) + line[where + 1 :]) is None
    assert decode(line[:where]) is None


@pytest.mark.parametrize("line", [b"", b"{}", b"null", b'{"a":1}', b',"crc":"00000000"}', b"\xff\xfe", b"[1]"])
def test_rubbish_is_no_line(line: bytes) -> None:
    assert decode(line) is None


def test_each_boot_has_its_own_file(tmp_path: Path) -> None:
    for _ in range(3):
        with Store.open(None, tmp_path) as store:
            begin(store)
    with Store.open(None, tmp_path):
        pass  # a boot that writes nothing leaves no file
    names = [path.name for path in (tmp_path / "journal").glob("*.jsonl")]
    assert len(names) == 3
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}\.jsonl", name) for name in names)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "journal").glob("*.jsonl"))


def test_many_who_write_share_a_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(None, tmp_path)
    tokens = [begin(store) for _ in range(40)]
    syncs = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (syncs.append(file), sync(file)))
    started = threading.Barrier(40)

    def one(token: str) -> None:
        started.wait()
        rate(store, token)

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(one, tokens))
    assert 1 <= len(syncs) < 40
    assert len(store.ratings("study")) == 40
    store.close()


def test_the_journal_is_synced_before_anyone_is_thanked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(None, tmp_path)
    token = begin(store)

    def fails(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(StoreError, match="input/output error"):
            rate(store, token, score=2)
        assert not store.healthy()
    # The same request again: the database had it already, the journal has it now.
    record = rate(store, token, score=2)
    store.close()
    for path in tmp_path.glob("ratings.sqlite*"):
        path.unlink()
    with Store.open(None, tmp_path) as store:
        assert store.ratings("study") == [record]
        assert store.status()["problems"] == []


def _fill(place: Place) -> tuple[list[object], list[object], list[object]]:
    store = place.open()
    for number in range(3):
        token = begin(store, key=f"k{number}")
        store.update(token, consented=1.5, answers={"é": "ü"}, flags=("x",))
        store.opened(token, 0, 2.5)
        rate(store, token, score=1)
        rate(store, token, score=5, key="changed")
    store.preference("compare", {"winner": "a"})
    state = _state(store)
    store.close()
    return state


def _state(store: Store) -> tuple[list[object], list[object], list[object]]:
    return [*store.sessions("study")], [*store.ratings("study")], [*store.preferences()]


def test_a_lost_database_is_rebuilt_whole(place: Place) -> None:
    state = _fill(place)
    place.lose_database()
    store = place.open()
    assert _state(store) == state
    # What is not to be seen is there too: the openings, and the keys of requests.
    token = store.sessions("study")[0].token
    assert store.opened(token, 0, 9.0) == 2.5
    assert begin(store, key="k0") == token
    assert rate(store, token, key="changed").revision == 2


def test_replaying_twice_is_replaying_once(place: Place) -> None:
    state = _fill(place)
    lines = place.lines()
    journal = Journal(place.folder / "journal")
    engine = database.connect(place.url, place.folder)
    for _ in range(2):
        with database.exclusive(engine) as connection:
            connection.execute(replay.journals.delete())  # nothing is known, so that every file is read
        replay.bring_together(engine, journal)
    engine.dispose()
    assert _state(place.open()) == state
    assert place.lines() == lines


def test_a_database_put_back_to_an_older_state_catches_up(tmp_path: Path) -> None:
    with Store.open(None, tmp_path) as store:
        token = begin(store)
        rate(store, token, 0)
        store.backup(tmp_path / "old")
        rate(store, token, 1)
        store.update(token, finished=3.5)
        state = _state(store)
    for path in tmp_path.glob("ratings.sqlite*"):
        path.unlink()
    (tmp_path / "old").rename(tmp_path / "ratings.sqlite")
    with Store.open(None, tmp_path) as store:
        assert _state(store) == state


def test_a_lost_journal_is_written_again_from_the_database(place: Place) -> None:
    state = _fill(place)
    for path in (place.folder / "journal").iterdir():
        path.unlink()
    place.open().close()
    place.lose_database()
    store = place.open()
    assert _state(store) == state
    assert store.opened(store.sessions("study")[0].token, 0, 9.0) == 2.5


def test_a_journal_that_vanishes_while_it_is_written_is_written_again(place: Place) -> None:
    store = place.open()
    token = begin(store)
    first = rate(store, token, 0)
    for path in (place.folder / "journal").glob("*.jsonl"):
        path.unlink()
    second = rate(store, token, 1)
    store.close()
    place.lose_database()
    assert place.open().ratings("study") == [first, second]


def test_a_last_line_half_written_is_ignored(place: Place) -> None:
    state = _fill(place)
    path = next((place.folder / "journal").glob("*.jsonl"))
    half = encode({"kind": "rating", "session": "abc", "score": 3})[:30]
    path.write_bytes(path.read_bytes() + half.encode())
    place.lose_database()
    store = place.open()
    assert _state(store) == state
    assert store.status()["problems"] == []


def test_a_damaged_line_is_reported_and_the_others_are_read(place: Place) -> None:
    _fill(place)
    path = next((place.folder / "journal").glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = next(number for number, line in enumerate(lines) if b'"rating"' in line)
    lines[damaged] = lines[damaged].replace(b'"score":1', b'"score":4')
    path.write_bytes(b"".join(lines))
    place.lose_database()
    for _ in range(2):  # at every start, until somebody has looked into it
        store = place.open()
        assert len(store.ratings("study")) == 5
        (problem,) = store.status()["problems"]
        assert path.name in problem
        assert f"line {damaged + 1};" in problem
        store.close()


def test_ratings_whose_session_is_damaged_are_reported(place: Place) -> None:
    store = place.open()
    rate(store, begin(store))
    rate(store, begin(store), score=5)
    store.close()
    path = next((place.folder / "journal").glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = b"x" + lines[1]
    path.write_bytes(b"".join(lines))
    place.lose_database()
    store = place.open()
    assert [record.score for record in store.ratings("study")] == [5]
    assert len(store.status()["problems"]) == 2


def test_a_journal_of_a_newer_program_is_refused(place: Place) -> None:
    _fill(place)
    line = encode({"kind": "journal", "format": 2, "name": "x"})
    (place.folder / "journal" / "20990101T000000Z-00000000.jsonl").write_text(line + "\n")
    with pytest.raises(StoreError, match="newer program"):
        place.open()


def test_entries_of_an_unknown_shape_are_reported(place: Place) -> None:
    state = _fill(place)
    strange = [{"kind": "poem"}, {"kind": "rating", "score": 9}, {"kind": "session", "token": 1}, {"no": "kind"}]
    content = "".join(f"{encode(entry)}\n" for entry in strange)
    (place.folder / "journal" / "20200101T000000Z-00000000.jsonl").write_text(content)
    store = place.open()
    assert _state(store) == state
    (problem,) = store.status()["problems"]
    assert problem.startswith("4 damaged line(s)")


def test_nobody_is_dropped_for_a_place_given_twice(place: Place, tmp_path: Path) -> None:
    """A journal was away while the study went on, and comes back."""
    first = place.open()
    away = begin(first)
    rate(first, away, score=2)
    first.close()
    kept = {path.name: path.read_bytes() for path in (place.folder / "journal").glob("*.jsonl")}
    for name in kept:
        (place.folder / "journal" / name).unlink()
    place.lose_database()
    store = place.open()
    here = begin(store)
    rate(store, here, score=4)
    store.close()
    for name, content in kept.items():
        (place.folder / "journal" / name).write_bytes(content)
    for _ in range(2):
        store = place.open()
        assert {(session.token, session.place) for session in store.sessions("study")} == {(here, 0), (away, 1)}
        assert [record.score for record in store.ratings("study")] == [4, 2]
        store.close()
        place.lose_database()


def test_forgetting_rewrites_only_what_it_has_to(tmp_path: Path) -> None:
    journals = []
    for token in ("goes", "stays"):
        journal = Journal(tmp_path)
        journal.append([encode({"kind": "session", "token": token}), encode({"kind": "rating", "session": token})])
        # A participant's own words do not count.
        words = {"kind": "session", "token": f"other {token}", "answers": {"a": '"token":"goes"', "session": "x"}}
        journal.append([encode(words)])
        journals.append(journal)
    stays = (tmp_path / journals[1].name).stat().st_ino
    journals[0].forget({token_sha256("goes")})
    assert (tmp_path / journals[1].name).stat().st_ino == stays
    file = read(tmp_path / journals[0].name)
    assert file is not None
    assert [entry.get("token") for entry in file.entries] == [None, "other goes"]
    # It goes on being written, in the file that took its place.
    journals[0].append([encode({"kind": "session", "token": "late"})])
    file = read(tmp_path / journals[0].name)
    assert file is not None
    assert [entry.get("token") for entry in file.entries] == [None, "other goes", "late"]
    for journal in journals:
        journal.close()
