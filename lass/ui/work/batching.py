"""What the Batch page does: many recordings, one or more queries, one archive of results and a table."""

from __future__ import annotations

import contextlib
import csv
import shutil
import time
import zipfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lass.errors import AudioError, LassError
from lass.ui.work import unpacking
from lass.ui.work.service import Service
from lass.ui.work.wish import Ticket
from lass.ui.work.workbench import Stage, until_called_off

if TYPE_CHECKING:
    from lass.audio import Audio
    from lass.separation import Separation

MOST_JOBS = 100
"""Recordings times queries of one batch."""
MOST_SECONDS = 1_800.0
"""Seconds of audio, times queries, of one batch: others wait for the same machine, and the results have to fit a disk.
A single recording may be longer, if the application allows it."""


@dataclass(frozen=True)
class Order:
    """What a visitor asks for: paths of uploads, each a recording or a zip of recordings; descriptions; a model."""

    files: tuple[str, ...]
    queries: tuple[str, ...]
    model: str
    remove: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the table: a recording with a query, or a file that could not be taken, and why."""

    file: str
    query: str
    problem: str = ""
    seconds: float = 0.0
    level_db: float = 0.0
    target: str = ""
    residual: str = ""


@dataclass(frozen=True)
class Batch:
    """What is there so far; ``archive`` comes last, and is None where nothing could be separated."""

    rows: tuple[Row, ...]
    total: int
    archive: Path | None = None
    table: Path | None = None

    @property
    def folder(self) -> Path | None:
        """Where its files lie, once they are there."""
        return None if self.table is None else self.table.parent


@dataclass(frozen=True)
class _Source:
    """A recording of the batch: its name, what is wrong with it, and where it is."""

    name: str
    problem: str
    place: Path | None = None
    packed: tuple[Path, unpacking.Entry] | None = None


class Batching:
    """Works through batches for any number of visitors; holds nothing that belongs to one of them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.bench = service.bench

    def check(self, order: Order) -> Order:
        """The order with its queries checked, none twice. Raises :class:`LassError` with what is missing."""
        from lass.stems import check_queries

        words = self.service.texts
        if not order.files:
            raise AudioError(words.pages.batch.no_files)
        if not any(query.strip() for query in order.queries):
            raise AudioError(words.no_query)
        queries = check_queries(query for query in order.queries if query.strip())
        return replace(order, queries=tuple(queries))

    def run(self, order: Order, ticket: Ticket | None = None) -> Generator[Stage | Batch, None, None]:
        """Work through a batch: stages, after each recording what is there so far, and in the end the archive.

        Closing the generator cancels. Raises :class:`LassError` for whatever the visitor can mend before it begins,
        :class:`Cancelled` when the ticket was called off. What is wrong with one recording stands in its row.
        """
        order = self.check(order)
        self.bench.tidy()
        yield from until_called_off(self._run(order), ticket)

    def _run(self, order: Order) -> Generator[Stage | Batch, None, None]:
        yield Stage("reading")
        # In a folder, so that everything goes with it when the visitor cancels.
        with self.bench.folder() as folder:
            sources = list(self._sources(order))
            jobs = _Names(order)
            rows: list[Row] = []
            total = len(sources) * len(order.queries)
            work = folder / "work"
            work.mkdir()
            archive = folder / "separated.zip"
            spent = 0.0
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as results:
                for source in sources:
                    try:
                        recording = self._recording(source, work, len(rows), jobs, spent)
                    except LassError as error:
                        rows.extend(Row(source.name, query, str(error)) for query in order.queries)
                        yield Batch(tuple(rows), total)
                        continue
                    spent += recording.seconds * len(order.queries)
                    for query in order.queries:
                        yield from self._one(order, source, recording, query, jobs, work, results, rows)
                        yield Batch(tuple(rows), total)
                table = _write_table(folder / "table.csv", rows)
                results.write(table, "separated/table.csv")
            shutil.rmtree(work, ignore_errors=True)
        done = any(not row.problem for row in rows)
        yield Batch(tuple(rows), total, archive if done else None, table)

    def _sources(self, order: Order) -> Iterator[_Source]:
        """Every recording that was sent, those in archives included, up to :data:`MOST_JOBS`."""
        from lass.audio import shown

        most = MOST_JOBS // len(order.queries)
        count = 0
        for file in map(Path, order.files):
            for source in self._within(file) if file.suffix.lower() == ".zip" else [_Source(shown(file), "", file)]:
                count += 1
                if count > most:
                    limit = self.service.texts.pages.batch.too_many.format(most=most)
                    source = replace(source, problem=source.problem or limit)
                if count > 2 * unpacking.MOST_ENTRIES:
                    return
                yield source

    def _within(self, file: Path) -> list[_Source]:
        from lass.audio import shown

        most = self.service.limits.max_bytes
        try:
            with unpacking.opened(file, max_bytes=most) as archive:
                found = unpacking.entries(archive, max_bytes=most)
        except LassError as error:
            return [_Source(shown(file), str(error))]
        if not found:
            return [_Source(shown(file), self.service.texts.pages.batch.empty_zip)]
        return [_Source(entry.name, entry.problem, packed=(file, entry)) for entry in found]

    def _recording(self, source: _Source, work: Path, number: int, names: _Names, spent: float) -> Audio:
        if source.problem:
            raise AudioError(source.problem)
        recording = self._read(source, work, number)
        longest = max(MOST_SECONDS, self.service.limits.max_seconds)
        if spent + recording.seconds * names.queries > longest:
            raise AudioError(self.service.texts.pages.batch.too_long.format(minutes=round(longest / 60)))
        return recording

    def _read(self, source: _Source, work: Path, number: int) -> Audio:
        """The recording of a source; one from an archive lies in ``work``, under a number, only while it is read."""
        if source.packed is None:
            assert source.place is not None
            return self.bench.read(source.place)
        file, entry = source.packed
        place = work / f"{number:05}{Path(entry.name).suffix.lower()[:8]}"
        most = self.service.limits.max_bytes
        try:
            with unpacking.opened(file, max_bytes=most) as archive:
                unpacking.extract(archive, entry, place, max_bytes=most)
            return self.bench.read(place)
        except AudioError as error:
            # It knows the file by its number; the visitor knows it by its name.
            raise AudioError(str(error).replace(place.name, entry.name)) from error
        finally:
            place.unlink(missing_ok=True)

    def _one(
        self, order: Order, source: _Source, recording: Audio, query: str, names: _Names, work: Path,
        results: zipfile.ZipFile, rows: list[Row],
    ) -> Iterator[Stage]:  # fmt: skip
        """Separate one recording for one query into the archive, and add its row."""
        model = order.model or self.service.shelf.default() or ""
        begun = time.perf_counter()
        found: Separation | None = None
        about = f"{source.name}: {query}" if names.queries > 1 else source.name
        try:
            with contextlib.closing(
                self.bench.separations(model, recording.waveform, recording.sample_rate, [query], about)
            ) as steps:
                for step in steps:
                    if isinstance(step, Stage):
                        yield step
                    else:
                        found = step
            assert found is not None
            taken = time.perf_counter() - begun
            rows.append(_packed(source.name, recording, found, order.remove, taken, names, work, results))
        except LassError as error:
            rows.append(Row(source.name, query, str(error)))


class _Names:
    """Beginnings of the names of results, of which no two are alike."""

    def __init__(self, order: Order) -> None:
        self.queries = len(order.queries)
        self._taken: set[str] = set()

    def of(self, name: str, query: str, model: str, removed: bool) -> str:
        from lass import results

        plain = beginning = results.stem(name, query, model, removed=removed)
        number = 1
        while beginning in self._taken:
            number += 1
            beginning = f"{plain}-{number}"
        self._taken.add(beginning)
        return beginning


def _packed(
    name: str, recording: Audio, separation: Separation, removed: bool, taken: float, names: _Names, work: Path,
    archive: zipfile.ZipFile,
) -> Row:  # fmt: skip
    """Write one result into the archive, and tell its row. Raises LassError where the disk refuses it."""
    from lass import results

    if removed:
        separation = replace(separation, target=separation.residual, residual=separation.target)
    facts = results.report(recording, name, separation, seconds_taken=taken, removed=removed)
    beginning = names.of(name, separation.query, separation.model, removed)
    files = results.write(work, name, recording, separation, facts, picture=False, beginning=beginning)
    try:
        for file in (files.target, files.residual, files.report):
            archive.write(file, f"separated/{file.name}")
            file.unlink()
    except OSError as error:
        raise LassError("The results could not be packed, the disk may be full; try fewer recordings.") from error
    level = facts["levels_dbfs"]["target"] - facts["levels_dbfs"]["recording"]
    return Row(
        name, separation.query, seconds=recording.seconds, level_db=round(level, 1),
        target=files.target.name, residual=files.residual.name,
    )  # fmt: skip


def _write_table(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["file", "query", "seconds", "level_under_recording_db", "target", "residual", "problem"])
        for row in rows:
            values = [_plain(row.file), _plain(row.query)]
            values += [f"{row.seconds:.3f}", f"{row.level_db:.1f}"] if not row.problem else ["", ""]
            lines.writerow([*values, row.target, row.residual, _plain(row.problem)])
    return path


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
