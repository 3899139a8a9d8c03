"""The ratings of a study as files for other programs: long CSV, Parquet, JSON lines, and webMUSHRA's layout.

The long forms have one row per rating, with everything known about the session, the trial and the stimulus (COLUMNS)
and a column `answer_KEY` for each question of the questionnaire. The newest revision of each answer is exported, or
all of them on request.

A text cell of a CSV file that a spreadsheet would run as a formula gets an apostrophe in front, which spreadsheets
take for "this is text"; numbers are never touched. Parquet and JSON lines, which no spreadsheet runs, hold the texts
as they were given.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lass.errors import LassError
from lass.files import whole
from lass.listening.design.closing import as_closed, require_closed
from lass.listening.design.study import Study, load_study
from lass.listening.ratings.records import RatingRecord, SessionRecord, reference
from lass.listening.ratings.store import Store
from lass.listening.results.questionnaire import field_keys
from lass.listening.stimuli.assignment import trials_for
from lass.listening.stimuli.manifest import Manifest, Stimulus, load_manifest

Row = dict[str, Any]

# Column -> (type, meaning). Times are UTC in ISO 8601; durations in seconds, levels in decibels and LUFS.
COLUMNS: dict[str, tuple[type, str]] = {
    "study": (str, "the study's name"),
    "study_sha256": (str, "of the study file when the session began"),
    "participant": (str, "one per session: the first 16 digits of the SHA-256 of its token, which stays secret"),
    "place": (int, "0, 1, 2 … in the order of arrival; decides the trials"),
    "seed": (str, "the study's seed when the session began"),
    "language": (str, "of the participant's page"),
    "agent_class": (str, "phone, tablet, desktop or other"),
    "kiosk": (bool, "rated on a tablet of the organiser"),
    "began": (str, "when the session began"),
    "consented": (str, "when the participant consented"),
    "headphones": (str, "the check: passed, failed, skipped, or nothing"),
    "finished": (str, "when the session was finished, or nothing"),
    "flags": (str, "reasons to look at the session again, with semicolons between"),
    "trial": (int, "position in the session, from 0"),
    "kind": (str, "practice, rating, trap or repeat"),
    "stimulus": (str, "the opaque name of the sound"),
    "stimulus_sha256": (str, "of the sound's bytes, as served"),
    "item": (str, "which mixture and query of the study"),
    "condition": (str, "which system; anchor, reference or trap for the controls"),
    "role": (str, "system, anchor, reference, trap or practice"),
    "model": (str, "the model's name, if a model made the sound"),
    "checkpoint_sha256": (str, "of the model's weights"),
    "query": (str, "as the participant read it"),
    "seconds": (float, "how long the sound is"),
    "gain_db": (float, "applied to bring the sound to the study's loudness"),
    "lufs": (float, "the sound's loudness as served"),
    "question": (str, "the key of the question"),
    "score": (int, "1 to 5"),
    "revision": (int, "1 is the first answer, 2 the first change …"),
    "latest": (bool, "whether this is the newest revision"),
    "plays": (int, "how often the sound was played before the answer"),
    "seconds_heard": (float, "how much of the sound was heard at least once"),
    "seconds_to_rate": (float, "from the first opening of the trial to the answer, as the page measured it"),
    "rated": (str, "when the answer was saved"),
}
_ANSWER = "answer_"
# What a spreadsheet runs, after characters that one does not see; the full-width signs are alike to some of them.
_FORMULA = re.compile(r"[\s\0\u200b-\u200d\u2060\ufeff]*[=+\-@＝＋－＠]|[^\S\t\r\n]*[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)


def rows(store: Store, study: Study, manifest: Manifest, *, revisions: bool = False) -> list[Row]:
    """One row per rating, by place, trial, question and revision; the columns are COLUMNS and the questionnaire's.

    Args:
        revisions: all revisions of each answer instead of the newest.

    Raises:
        StoreError: the ratings cannot be read.
    """
    sessions = {session.token: session for session in store.sessions(study.slug)}
    stimuli = {stimulus.id: stimulus for stimulus in manifest.stimuli}
    fields = field_keys(study, sessions.values())
    about = {token: _session_columns(session, fields) for token, session in sessions.items()}
    kinds = {token: _kinds(study, manifest, session) for token, session in sessions.items()}
    ratings = [rating for rating in store.ratings(study.slug) if rating.session in sessions]
    newest = {(rating.session, rating.trial, rating.question): rating.revision for rating in ratings}
    table = []
    for rating in ratings:
        latest = rating.revision == newest[rating.session, rating.trial, rating.question]
        if not (latest or revisions):
            continue
        session, stimulus = sessions[rating.session], stimuli.get(rating.stimulus)
        row = {
            **about[rating.session],
            **_stimulus_columns(stimulus, session.language),
            **_rating_columns(rating),
            "latest": latest,
            "kind": kinds[rating.session].get((rating.trial, rating.stimulus)) or _kind_by_role(stimulus),
        }
        table.append({name: row[name] for name in (*COLUMNS, *(_ANSWER + field for field in fields))})
    return table


def _session_columns(session: SessionRecord, fields: Sequence[str]) -> Row:
    return {
        "study": session.study, "study_sha256": session.study_sha256, "participant": reference(session.token),
        "place": session.place, "seed": str(session.seed), "language": session.language,
        "agent_class": session.agent_class, "kiosk": session.kiosk, "began": _moment(session.created),
        "consented": _moment(session.consented), "headphones": session.headphones,
        "finished": _moment(session.finished), "flags": "; ".join(session.flags),
        **{_ANSWER + field: session.answers.get(field) for field in fields},
    }  # fmt: skip


def _stimulus_columns(stimulus: Stimulus | None, language: str) -> Row:
    names = ("item", "condition", "role", "model", "checkpoint_sha256", "seconds", "gain_db", "lufs")
    if stimulus is None:  # of an earlier build of the study
        return {**dict.fromkeys(names), "query": None}
    return {**{name: getattr(stimulus, name) for name in names}, "query": stimulus.query.in_language(language)}


def _rating_columns(rating: RatingRecord) -> Row:
    names = ("trial", "stimulus", "stimulus_sha256", "question", "score", "revision", "plays", "seconds_heard",
             "seconds_to_rate")  # fmt: skip
    return {**{name: getattr(rating, name) for name in names}, "rated": _moment(rating.created)}


def _kinds(study: Study, manifest: Manifest, session: SessionRecord) -> Mapping[tuple[int, str], str]:
    """What each trial of a session was for; nothing if the study's file has changed since."""
    if session.study_sha256 != study.sha256:
        return {}
    return {(trial.position, trial.stimulus): trial.kind for trial in trials_for(study, manifest, session.place)}


def _kind_by_role(stimulus: Stimulus | None) -> str | None:
    if stimulus is None:
        return None
    return stimulus.role if stimulus.role in ("practice", "trap") else "rating"


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet runs: text that begins like a formula, after spaces too, gets an apostrophe in front.

    Numbers, and texts that are nothing but a number, stay what they are.
    """
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}" if _FORMULA.match(value) else value


def as_csv(table: Sequence[Row], columns: Sequence[str] | None = None) -> bytes:
    """The rows as CSV in UTF-8 (RFC 4180, lines end with a line feed); texts stand in quotes, numbers do not."""
    columns = columns or (list(table[0]) if table else list(COLUMNS))
    out = io.StringIO()
    # Quotes around every text: a semicolon in it must not begin a new cell where that is what separates cells.
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow([safe_cell(name) for name in columns])
    writer.writerows([safe_cell(row[name]) for name in columns] for row in table)
    return out.getvalue().encode("utf-8", "replace")


def as_jsonl(table: Sequence[Row]) -> bytes:
    """The rows as JSON objects, one a line, in UTF-8."""
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in table).encode("utf-8", "replace")


def as_parquet(table: Sequence[Row]) -> bytes:
    """The rows as a Parquet file, each column with its type; its meaning stands with it, under `description`."""
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    types = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    names = list(table[0]) if table else list(COLUMNS)
    fields = []
    for name in names:
        kind, meaning = COLUMNS.get(name, (str, "an answer of the questionnaire"))
        fields.append(pyarrow.field(name, types[kind], metadata={"description": meaning}))
    out = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(table), schema=pyarrow.schema(fields)), out)
    return out.getvalue()


def as_webmushra(table: Sequence[Row]) -> bytes:
    """The rows in the layout of webMUSHRA's `lms.csv`, its file for pages of the type likert_multi_stimulus.

    Followed is `service/write.php` of github.com/audiolabs/webMUSHRA (2017 and later): `session_test_id`, one column
    per field about the participant, `trial_id`, `stimuli_rating`, `stimuli`, `rating_time`, in this order.

    - `session_test_id` is the study; the first field about the participant is `participant`, because webMUSHRA has no
      name of its own for a session in this file; the questionnaire follows under its own keys.
    - `trial_id` is the item, and `stimuli` the condition. Where a study asks several questions, each is a trial of
      its own, ITEM-QUESTION.
    - `stimuli_rating` is the score. webMUSHRA puts a space on either side of it; here it is a plain number.
    - `rating_time` is in milliseconds.
    - Practice is left out, and a repeated stimulus makes a second row, as it would there.
    """
    answers = [name for name in (table[0] if table else ()) if name.startswith(_ANSWER)]
    several = len({row["question"] for row in table}) > 1
    headers = [name.removeprefix(_ANSWER) for name in answers]
    columns = ["session_test_id", "participant", *headers, "trial_id", "stimuli_rating", "stimuli", "rating_time"]
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow([safe_cell(name) for name in columns])
    for row in table:
        if row["kind"] != "practice" and row["latest"]:
            item = row["item"] or row["stimulus"]
            cells = [
                row["study"], row["participant"], *(row[name] for name in answers),
                f"{item}-{row['question']}" if several else item, row["score"], row["condition"] or row["stimulus"],
                round(row["seconds_to_rate"] * 1000),
            ]  # fmt: skip
            writer.writerow([safe_cell(cell) for cell in cells])
    return out.getvalue().encode("utf-8", "replace")


# Name of a format -> how it is made, the ending of its files, and the media type for a download.
FORMATS: dict[str, tuple[Callable[[Sequence[Row]], bytes], str, str]] = {
    "csv": (as_csv, ".csv", "text/csv; charset=utf-8"),
    "parquet": (as_parquet, ".parquet", "application/vnd.apache.parquet"),
    "jsonl": (as_jsonl, ".jsonl", "application/x-ndjson"),
    "webmushra": (as_webmushra, ".lms.csv", "text/csv; charset=utf-8"),
}


def exported(store: Store, study: Study, manifest: Manifest, format: str, *, revisions: bool = False) -> bytes:
    """A study's ratings as the bytes of a file, for a download.

    Raises:
        LassError: an unknown format, or the ratings cannot be read.
    """
    if format not in FORMATS:
        raise LassError(f"There is no format {format!r:.40}; choose one of {', '.join(FORMATS)}.")
    return FORMATS[format][0](rows(store, study, manifest, revisions=revisions))


def export(
    store: Store, slug: str, studies: Path, format: str, out: Path, *,
    now: float, while_open: bool = False, revisions: bool = False,
) -> None:  # fmt: skip
    """Writes the ratings of a built study to a file, whole or not at all.

    Args:
        studies: the folder of built studies, in which the study has the folder `slug`.
        format: one of FORMATS.
        now: Unix time in seconds.
        while_open: whether the ratings are given before the study is closed.

    Raises:
        NotClosedError: the study takes ratings still, or will.
        LassError: an unknown format or study, or the file cannot be written.
    """
    folder = studies / slug
    study = as_closed(load_study(folder), folder)
    if not while_open:
        require_closed(study, now)
    content = exported(store, study, load_manifest(folder), format, revisions=revisions)
    with whole(out) as file:
        file.write(content)
