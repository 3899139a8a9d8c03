"""``lass study``: check and build a listening study, and get its results out."""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lass.cli.arguments import add_command
from lass.cli.output import chosen_device, make_folder
from lass.errors import LassError
from lass.settings import Settings

if TYPE_CHECKING:
    from lass.listening.ratings.store import Store

FORMATS = ("csv", "parquet", "jsonl", "webmushra")


def add(commands: Any) -> None:
    """Give the parser these commands."""
    about = "Check, build, export, report, close or tidy a listening study."
    parser = commands.add_parser("study", help=about, description=about)
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    parser = add_command(actions, check, prints=True)
    parser.add_argument("study", type=Path, metavar="STUDY.yaml", help="the study's file, or its folder")

    parser = add_command(actions, build, prints=True)
    parser.add_argument("study", type=Path, metavar="STUDY.yaml", help="the study's file, or its folder")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the built study (default: in the studies)")
    parser.add_argument("--device", help="cpu, cuda, cuda:N, mps or auto")

    parser = add_command(actions, export)
    parser.add_argument("study", metavar="STUDY", help="the study's name, or the folder of the built study")
    parser.add_argument("--format", choices=FORMATS, default="csv", help="layout of the file (default csv)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write")
    told = "give the scores before the study is closed; who has seen them should not decide when it ends"
    parser.add_argument("--while-open", action="store_true", help=told)

    parser = add_command(actions, report)
    parser.add_argument("study", metavar="STUDY", help="the study's name, or the folder of the built study")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the HTML file to write")
    parser.add_argument("--language", default="en", metavar="CODE", help="of the report: en or fr (default en)")

    parser = add_command(actions, close)
    parser.add_argument("study", metavar="STUDY", help="the study's name, or the folder of the built study")

    parser = add_command(actions, delete)
    parser.add_argument("study", metavar="STUDY", help="the study's name, or the folder of the built study")
    parser.add_argument("token", metavar="REFERENCE", help="what the page told the participant")


def check(options: argparse.Namespace, settings: Settings) -> None:
    """Read a study file and say everything that is wrong with it."""
    from lass.listening.design.checking import check_study

    found = check_study(options.study, settings.checkpoints_dir)
    study = found.study
    for note in found.notes:
        print(f"lass: {note}", file=sys.stderr)
    if options.json:
        facts = {"study": study.slug, "sha256": study.sha256, "items": len(study.items), "notes": found.notes}
        print(json.dumps(facts, indent=2))
        return
    print(
        f"{study.slug}: nothing is wrong. {_several(len(study.items), 'item')}, "
        f"{_several(len(study.conditions), 'condition')}, in {', '.join(study.languages)}."
    )


def build(options: argparse.Namespace, settings: Settings) -> None:
    """Make all stimuli of a study: separated, equally loud, under names that say nothing."""
    from lass.listening.design.study import slug_of, study_file
    from lass.listening.stimuli.building import build_study

    out = options.out or settings.studies_folder / slug_of(study_file(options.study))
    built = build_study(
        options.study,
        out,
        device=chosen_device(options, settings),
        cache_dir=settings.checkpoints_dir,
        progress=_progress if sys.stderr.isatty() else None,
    )
    for warning in built.warnings:
        print(f"lass: {warning}", file=sys.stderr)
    if options.json:
        facts = {
            "study": built.study.slug, "folder": str(built.folder), "made": built.made,
            "stimuli": len(built.manifest.stimuli), "loudness": built.manifest.loudness, "warnings": built.warnings,
        }  # fmt: skip
        print(json.dumps(facts, indent=2))
        return
    print(built.folder)


def export(options: argparse.Namespace, settings: Settings) -> None:
    """Write all ratings of a closed study to a file for other programs."""
    from lass.listening.results.export import export as write

    slug, studies = _built(options, settings)
    make_folder(options.out.absolute().parent)
    with _store(settings) as store:
        write(
            store, slug, studies, options.format, options.out, now=time.time(), while_open=options.while_open
        )
    print(options.out)


def report(options: argparse.Namespace, settings: Settings) -> None:
    """Write the results of a study as one HTML file; while it is open, how far it is, and no score."""
    from lass.listening.results.analysis import analyse
    from lass.listening.results.report import check_language, write_report
    from lass.listening.studies import Studies

    check_language(options.language)
    slug, studies = _built(options, settings)
    make_folder(options.out.absolute().parent)
    with _store(settings) as store:
        study = Studies(studies, store).get(slug)
        write_report(analyse(store, study, time.time(), options.language), options.out)
    print(options.out)


def close(options: argparse.Namespace, settings: Settings) -> None:
    """Close a study for good: it takes no ratings from now on, and its results are shown."""
    from lass.listening.design.closing import close as close_study

    slug, studies = _built(options, settings)
    close_study(studies / slug, datetime.now(UTC))
    print("closed")


def delete(options: argparse.Namespace, settings: Settings) -> None:
    """Delete everything one participant left: ratings, answers and journal entries."""
    from lass.listening.ratings.records import reference

    slug, _ = _built(options, settings, must_exist=False)
    with _store(settings) as store:
        # The page tells participants a reference, from which nobody can find their token.
        names = {name: one.token for one in store.sessions(slug) for name in (one.token, reference(one.token))}
        if options.token not in names or not store.delete(names[options.token]):
            raise LassError(f"No participant of {slug} has this reference; check it, and the name of the study.")
    print("deleted")


def _store(settings: Settings) -> "Store":
    from lass.listening.ratings.store import Store

    return Store.open(settings.database_url, settings.data_dir)


def _built(options: argparse.Namespace, settings: Settings, *, must_exist: bool = True) -> tuple[str, Path]:
    """The name of a built study and the folder of built studies it is in; named by the name, or by its folder."""
    folder = Path(options.study)
    if not (folder / "manifest.json").is_file():
        folder = settings.studies_folder / options.study
    if must_exist and not (folder / "manifest.json").is_file():
        raise LassError(f"There is no built study {options.study}; give its name or its folder, or build it first.")
    return folder.resolve().name, folder.resolve().parent


def _progress(done: int, total: int, what: str) -> None:
    end = "\n" if done == total else ""
    print(f"\r\033[K{done}/{total}  {what[:60]}", end=end, file=sys.stderr, flush=True)


def _several(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"
