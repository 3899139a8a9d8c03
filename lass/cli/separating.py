"""``lass separate``."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from lass.cli.arguments import add_command, model_arguments, region
from lass.cli.output import chosen_separator, make_folder, window_progress
from lass.errors import LassError
from lass.settings import Settings


def add(commands: Any) -> None:
    """Give the parser these commands."""
    parser = add_command(commands, separate, prints=True)
    parser.add_argument("input", type=Path, metavar="INPUT", help="a recording, or a folder of recordings")
    parser.add_argument("--query", action="append", required=True, help="what to hear, in words; may be repeated")
    parser.add_argument("--remove", action="store_true", help="take away what is described instead of keeping it")
    parser.add_argument(
        "--stems",
        action="store_true",
        help="one file for each query and one of the rest, which add up to the recording",
    )
    parser.add_argument(
        "--region",
        type=region,
        metavar="START:END",
        help="work on this part only, in seconds; the rest of the recording stays as it is",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    model_arguments(parser)


def separate(options: argparse.Namespace, settings: Settings) -> None:
    """Separate a recording, or every recording in a folder, for one or several queries."""
    from lass.batch import Job, find_recordings, plan, separate_file, separate_stems_file
    from lass.queries import check_query
    from lass.region import WHOLE, Region
    from lass.stems import check_queries

    if options.stems and options.remove:
        raise LassError("--stems already gives everything else as a file of its own; leave --remove out.")
    queries = check_queries(options.query) if options.stems else [check_query(query) for query in options.query]
    recordings = find_recordings(options.input)
    separator = chosen_separator(options, settings)
    make_folder(options.out)
    part = WHOLE if options.region is None else Region(*options.region)
    jobs = plan(recordings, ["stems"] if options.stems else queries, separator.name, remove=options.remove)

    def one(job: Job) -> dict[str, Any]:
        name = job.recording.name
        if options.stems:
            return separate_stems_file(
                separator, job.recording, queries, options.out, beginning=job.beginning, part=part,
                progress=window_progress(name),
            )  # fmt: skip
        progress = window_progress(f"{name}: {job.query}")
        return separate_file(separator, job, options.out, remove=options.remove, part=part, progress=progress)

    reports = []
    for job in jobs:
        try:
            report = one(job)
        except LassError as error:
            # One bad file in a folder must not cost the others their results.
            if len(jobs) == 1:
                raise
            print(f"lass: {error}", file=sys.stderr)
            continue
        reports.append(report)
        if not options.json:
            files = report["files"]
            sounds = [*files["stems"], files["rest"]] if options.stems else [files["target"], files["residual"]]
            print(*sounds, sep="\n", flush=True)
    if options.json:
        print(json.dumps(reports, indent=2))
    if len(reports) < len(jobs):
        failed = len(jobs) - len(reports)
        raise LassError(f"{failed} of {len(jobs)} separations failed; the reasons are above.")
