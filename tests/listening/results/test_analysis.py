"""From stored answers to published tables: to the last digit, and nothing that an open study must not say.

The golden tables were checked against pandas and scipy, by hand where small; `golden/ratings.csv` says what is in them:
a tie, a sound with one vote, all fives, an unfinished session, a changed answer, a second hearing, a rater who fails
the trap.
"""

import csv
import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lass.listening.design.closing import state_of
from lass.listening.design.rules import Rules
from lass.listening.ratings.records import RatingRecord, SessionRecord
from lass.listening.results import tables
from lass.listening.results.analysis import Analysis, Built, analyse
from lass.listening.results.findings import QuestionResults
from lass.listening.results.statistics import describe
from tests.listening.rated import AFTERWARDS, GOLDEN, WHILE_OPEN, golden_store


@dataclass
class Records:
    """The records of a store, which a test may change."""

    all_sessions: list[SessionRecord]
    all_ratings: list[RatingRecord]

    def sessions(self, study_slug: str) -> list[SessionRecord]:
        return [session for session in self.all_sessions if session.study == study_slug]

    def ratings(self, study_slug: str) -> list[RatingRecord]:
        return list(self.all_ratings)


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Records, Built]]:
    store, built, _ = golden_store(tmp_path_factory.mktemp("golden"))
    with store:
        yield Records(store.sessions("demo"), store.ratings("demo")), built


@pytest.fixture
def records(golden: tuple[Records, Built]) -> Records:
    return Records(list(golden[0].all_sessions), list(golden[0].all_ratings))


@pytest.fixture
def built(golden: tuple[Records, Built]) -> Built:
    return golden[1]


@pytest.fixture
def closed(records: Records, built: Built) -> Analysis:
    return analyse(records, built, AFTERWARDS)


def question(analysis: Analysis, *, unflagged: bool = False) -> QuestionResults:
    results = analysis.unflagged if unflagged else analysis.results
    assert results is not None
    return results.questions[0]


def written(table: tables.Table) -> list[list[str]]:
    return [list(table.header), *(list(row) for row in table.rows)]


def golden_table(name: str) -> list[list[str]]:
    return list(csv.reader((GOLDEN / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


# --- The published tables


@pytest.mark.parametrize(
    ("votes", "average", "most", "shares"),
    [
        # Votes that give the percentages of the table and the text that the form comes from, for 68 and 72 raters.
        ((2, 4, 20, 25, 17), "3.75", "4", ["2.9", "5.9", "29.4", "36.8", "25.0"]),
        ((0, 4, 15, 25, 24), "4.01", "4", ["0.0", "5.9", "22.1", "36.8", "35.3"]),
        # Two scores with 29.2 % each: a tie, published as "3,5". Its average there, 3.60, is not that of its votes.
        ((3, 11, 21, 16, 21), "3.57", "3, 5", ["4.2", "15.3", "29.2", "22.2", "29.2"]),
    ],
)
def test_the_published_kind_of_table(votes: tuple[int, ...], average: str, most: str, shares: list[str]) -> None:
    found = describe(np.repeat([1, 2, 3, 4, 5], votes))
    assert tables.decimal(found.mean) == average
    assert tables.modes(found.modes) == most
    assert [tables.decimal(share, 1) for share in found.shares] == shares


@pytest.mark.parametrize("name", ["samples", "systems"])
@pytest.mark.parametrize("unflagged", [False, True], ids=["everybody", "unflagged"])
def test_the_tables_to_the_last_digit(closed: Analysis, name: str, unflagged: bool) -> None:
    table = getattr(tables, name)(question(closed, unflagged=unflagged), "")
    assert written(table) == golden_table(f"{name}-unflagged" if unflagged else name)


def test_the_paired_tests_to_the_last_digit(closed: Analysis) -> None:
    assert written(tables.pairs(question(closed), "")) == golden_table("pairs")
    friedman = question(closed).friedman
    assert friedman is not None
    assert (friedman.raters, tables.decimal(friedman.statistic), tables.p_value(friedman.p)) == (6, "6.35", "0.042")


def test_the_votes_are_those_of_the_file(closed: Analysis) -> None:
    rows = list(csv.DictReader((GOLDEN / "ratings.csv").read_text(encoding="utf-8").splitlines()))
    latest = {
        (row["item"], row["condition"], row["rater"]): int(row["score"])
        for row in sorted(rows, key=lambda row: int(row["revision"]))
        if row["note"] != "heard a second time"
    }
    for sample in question(closed).samples:
        counts = Counter(
            score for (item, system, _), score in latest.items() if (item, system) == (sample.item, sample.system)
        )
        assert sample.votes.votes == tuple(counts[score] for score in (1, 2, 3, 4, 5))


def test_what_does_not_count_stands_apart(closed: Analysis) -> None:
    counts = closed.counts
    assert (counts.begun, counts.consented, counts.finished, counts.raters) == (6, 6, 5, 6)
    assert (counts.answers, counts.counted, counts.practice, counts.traps, counts.repeats) == (50, 43, 1, 5, 1)
    assert (counts.changed, counts.unknown, counts.other_studies) == (1, 0, 0)
    assert [sample.role for sample in question(closed).traps] == ["trap"]
    assert question(closed).traps[0].votes.votes == (3, 1, 0, 0, 1)
    again = question(closed).repeats
    assert (again.raters, again.pairs, again.shift, again.within_one) == (1, 1, 1.0, 100.0)
    assert (question(closed).alpha.units, question(closed).alpha.ratings) == (7, 42)
    assert {sample.system for sample in question(closed).samples} == {"a", "b", "anchor"}


def test_the_rater_who_fails_the_trap_is_flagged_and_nobody_is_left_out_in_silence(closed: Analysis) -> None:
    assert closed.screening is not None
    assert list(closed.screening.flags) == ["Participant 6"]
    assert [flag.rule for flag in closed.screening.flags["Participant 6"]] == ["traps"]
    assert closed.results is not None
    assert closed.unflagged is not None
    assert (closed.results.raters, closed.unflagged.raters) == (6, 5)


def test_the_study_sets_the_thresholds(records: Records, built: Built) -> None:
    strict = built.study.model_copy(update={"screening": Rules(trap_score=2)})
    changed = analyse(records, Built(strict, built.manifest), AFTERWARDS)
    assert changed.screening is not None
    assert changed.screening.counts["traps"] == 2
    assert changed.to_dict()["screening"]["rules"]["trap_score"] == 2


# --- Open and closed


def test_an_open_study_has_progress_and_nothing_else(records: Records, built: Built) -> None:
    analysis = analyse(records, built, WHILE_OPEN)
    assert analysis.state == "open"
    assert (analysis.results, analysis.unflagged, analysis.screening) == (None, None, None)
    assert analysis.counts.counted == 43
    assert len(analysis.widths) == 9
    width = {(row.item, row.title): row for row in analysis.widths}["item1", "a"]
    assert (width.n, tables.decimal(width.width)) == (6, "1.57")
    assert [row.n for row in analysis.system_widths] == [6, 6, 6]
    text = json.dumps(analysis.to_dict())
    for word in ("mean", "median", "votes", "shares", "modes", '"p"'):
        assert word not in text


@pytest.mark.parametrize(
    ("opens", "closes", "state"),
    [(None, None, "open"), ("2027-01-01", None, "not yet open"), (None, "2025-01-01", "closed"),
     ("2025-01-01", "2025-02-01", "closed"), ("2026-01-01", "2027-01-01", "open")],
)  # fmt: skip
def test_the_state_of_a_study(built: Built, opens: str | None, closes: str | None, state: str) -> None:
    values = {**built.study.model_dump(mode="json"), "opens": opens, "closes": closes}
    assert state_of(type(built.study).model_validate(values), AFTERWARDS) == state


def test_a_study_that_nobody_took_is_defined(built: Built) -> None:
    analysis = analyse(Records([], []), built, AFTERWARDS)
    assert analysis.results is not None
    assert analysis.counts.begun == analysis.counts.answers == analysis.results.raters == 0
    assert all(sample.votes.n == 0 for sample in question(analysis).samples)
    json.dumps(analysis.to_dict(), allow_nan=False)


def test_one_rater_alone_is_defined(records: Records, built: Built) -> None:
    first = records.all_sessions[0]
    records.all_sessions[1:] = []
    analysis = analyse(records, built, AFTERWARDS)
    assert analysis.counts.raters == 1  # ratings of sessions that are gone do not count
    system = question(analysis).systems[0].means
    assert (system.raters, system.mean, system.bootstrap) == (1, 4.0, None)
    assert question(analysis).alpha.value is None
    assert first.token not in json.dumps(analysis.to_dict())


# --- Hostile or changed records


def test_answers_about_other_bytes_are_left_out_and_counted(records: Records, built: Built) -> None:
    changed = dataclasses.replace(records.all_ratings[-1], stimulus_sha256="0" * 64)
    gone = dataclasses.replace(records.all_ratings[-2], stimulus="f" * 32)
    records.all_ratings[-2:] = [gone, changed]
    counts = analyse(records, built, AFTERWARDS).counts
    assert (counts.answers, counts.unknown) == (50, 2)


def test_sessions_under_another_version_of_the_file_are_counted(records: Records, built: Built) -> None:
    records.all_sessions[0] = dataclasses.replace(records.all_sessions[0], study_sha256="0" * 64)
    analysis = analyse(records, built, AFTERWARDS)
    assert analysis.counts.other_studies == 1
    assert analysis.counts.counted == 43


def test_the_order_of_the_records_does_not_matter(records: Records, built: Built, rng: np.random.Generator) -> None:
    before = analyse(records, built, AFTERWARDS)
    mixed = [records.all_ratings[place] for place in rng.permutation(len(records.all_ratings))]
    assert analyse(Records(records.all_sessions, mixed), built, AFTERWARDS) == before


def test_two_systems_of_one_title_stay_two(records: Records, built: Built) -> None:
    conditions = [one.model_copy(update={"title": "The same"}) for one in built.study.conditions]
    study = built.study.model_copy(update={"conditions": tuple(conditions)})
    analysis = analyse(records, Built(study.named("demo", built.study.sha256), built.manifest), AFTERWARDS)
    assert [system.title for system in question(analysis).systems[:2]] == ["The same (a)", "The same (b)"]
    assert len(question(analysis).pairs) == 3


# --- Rounding


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(3.125, 2, "3.13"), (2.675, 2, "2.68"), (0.05, 1, "0.1"), (-0.004, 2, "0.00"), (-1.005, 2, "\u22121.01"),
     (100 / 3, 1, "33.3"), (5, 2, "5.00"), (None, 2, "–"), (1e-7, 3, "0.000")],
)  # fmt: skip
def test_halves_are_rounded_away_from_zero(value: float | None, digits: int, text: str) -> None:
    assert tables.decimal(value, digits) == text


def test_small_p_values_are_not_zero() -> None:
    assert tables.p_value(0.0004) == "< 0.001"
    assert tables.p_value(0.001) == "0.001"
    assert tables.p_value(None) == "–"


def test_the_golden_files_are_all_used() -> None:
    names = {path.name for path in Path(GOLDEN).glob("*.csv")}
    assert names == {"ratings.csv", "samples.csv", "systems.csv", "pairs.csv", "samples-unflagged.csv",
                     "systems-unflagged.csv"}  # fmt: skip
