"""The command line: ``python -m lass …``.

Exit codes: 0 on success, 2 for bad usage, 1 with one sentence for everything else a person can mend.
"""

import argparse
import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lass.errors import LassError
from lass.settings import Settings
from lass.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A query in letters that the terminal does not know must not cost the results.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        options.run(options, Settings.from_environment(os.environ))
        # Here, where a reader that has gone is still noticed.
        print(end="", flush=True)
    except LassError as error:
        print(f"lass: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lass: stopped.", file=sys.stderr)
        return 1
    except OSError as error:
        # Who read our output may have gone, as `head` does: no reason for words.
        if not isinstance(error, BrokenPipeError):
            reason = error.strerror or "no reason given"
            print(f"lass: The system refused to go on ({reason}); check disk and permissions.", file=sys.stderr)
        _drop_output()
        return 1
    return 0


def separate(options: argparse.Namespace, settings: Settings) -> None:
    """Separate a recording, or every recording in a folder, for one or several queries."""
    from lass.batch import find_recordings, plan, separate_file
    from lass.queries import check_query

    queries = [check_query(query) for query in options.query]
    recordings = find_recordings(options.input)
    separator = _separator(options, settings)
    _make_folder(options.out)
    jobs = plan(recordings, queries, separator.name, remove=options.remove)
    reports = []
    for job in jobs:
        progress = _progress(f"{job.recording.name}: {job.query}")
        try:
            report = separate_file(separator, job, options.out, remove=options.remove, progress=progress)
        except LassError as error:
            # One bad file in a folder must not cost the others their results.
            if len(jobs) == 1:
                raise
            print(f"lass: {error}", file=sys.stderr)
            continue
        reports.append(report)
        if not options.json:
            print(report["files"]["target"], report["files"]["residual"], sep="\n", flush=True)
    if options.json:
        print(json.dumps(reports, indent=2))
    if len(reports) < len(jobs):
        failed = len(jobs) - len(reports)
        raise LassError(f"{failed} of {len(jobs)} separations failed; the reasons are above.")


def models(options: argparse.Namespace, settings: Settings) -> None:
    """List every model there is."""
    from lass.checkpoints import list_models

    entries = list_models(settings.checkpoints_dir)
    if options.json:
        print(json.dumps([entry.facts() for entry in entries], indent=2))
        return
    table = [("name", "architecture", "rate", "parameters", "size", "state", "licence")]
    for entry in entries:
        parameters = "?" if entry.parameters is None else f"{entry.parameters / 1e6:.1f} M"
        rate = f"{entry.sample_rate / 1000:g} kHz"
        table.append((entry.name, entry.architecture, rate, parameters, entry.size, entry.state, entry.licence))
    _print_table(table)


def download(options: argparse.Namespace, settings: Settings) -> None:
    """Download a published checkpoint and what it needs, or a companion file."""
    from lass.checkpoints import catalogue, open_store
    from lass.checkpoints.fetching import fetch

    store = open_store(settings.checkpoints_dir, settings.offline, settings.hub_address, settings.hub_token)
    parts = catalogue.parts(options.name, settings.checkpoints_dir)
    for part in parts:
        if not store.is_here(part):
            print(f"{part.title}: {part.size}", file=sys.stderr)
    files = {name: str(path) for name, path in fetch(store, parts, _bytes_progress(options.name)).items()}
    print(json.dumps(files, indent=2) if options.json else "\n".join(files.values()))


def evaluate(options: argparse.Namespace, settings: Settings) -> None:
    """Measure SDR, SDRi and SI-SDR over a list of mixtures, or over mixtures made from labelled clips."""
    from lass.evaluation import EvaluationSettings
    from lass.plots import save

    evaluation = EvaluationSettings(
        audio_dir=options.audio,
        list_csv=options.list,
        clips_csv=options.clips,
        folds=tuple(options.fold) if options.fold else None,
        count=options.count,
        seed=options.seed,
        snr_db=options.snr,
        wording=options.wording,
        absent=options.absent,
    )
    separator = _separator(options, settings)
    if options.out is not None:
        _make_folder(options.out)
    report = evaluation.run(separator, _progress("evaluating"))
    if options.out is not None:
        report.to_csv(options.out / "evaluation.csv")
        report.to_json(options.out / "evaluation.json")
        save(report.figure(), options.out / "evaluation.png")
    print(report.to_json() if options.json else report.to_table())


def benchmark(options: argparse.Namespace, settings: Settings) -> None:
    """Measure start-up, speed, memory and exactness on this machine."""
    from lass.evaluation.benchmark import benchmark as measure

    result = measure(
        options.model,
        device=_device(options, settings),
        sample_rate=options.sample_rate,
        cache_dir=settings.checkpoints_dir,
        durations=tuple(options.seconds or (10.0, 60.0)),
        repetitions=options.repetitions,
        page=options.page,
    )
    print(result.to_json() if options.json else result.to_table())


def train(options: argparse.Namespace, settings: Settings) -> None:
    """Train a model as a recipe says."""
    from lass.queries import by_name
    from lass.training.loop import Trainer
    from lass.training.recipe import load_recipe

    recipe = load_recipe(options.recipe)
    folder = options.runs / recipe.name
    if (folder / "state.pt").exists() and not options.resume:
        raise LassError(f"{folder} holds a run already; continue it with --resume, or remove the folder to start anew.")
    trainer = Trainer(
        recipe,
        by_name.encoder(recipe.encoder, settings.checkpoints_dir),
        options.data,
        folder,
        _device(options, settings),
        options.workers,
        lambda line: print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True),
    )
    if options.resume:
        trainer.resume()
    trainer.run()


def publish(options: argparse.Namespace, settings: Settings) -> None:
    """Turn a trained run's checkpoint into a model folder with its card."""
    from lass.training.card import publish as write
    from lass.training.recipe import load_recipe

    recipe = load_recipe(options.recipe)
    write(recipe, options.runs / recipe.name / "last.safetensors", options.evaluations, options.data, options.out)
    print(options.out / "README.md")


def serve(options: argparse.Namespace, settings: Settings) -> None:
    """Open the application, as ``python app.py`` does."""
    from lass.ui import launch

    launch(settings)


def _drop_output() -> None:
    """Forget what could not be printed, so that Python does not try it again, and complain, at the end."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _make_folder(folder: Path) -> None:
    """Before the work, so that nobody waits for results that cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or "no reason given"
        raise LassError(f"The folder {folder} cannot be made ({reason}); choose another folder.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise LassError(f"The folder {folder} cannot be written to; choose another folder.")


def _separator(options: argparse.Namespace, settings: Settings) -> Any:
    from lass import load_separator

    return load_separator(
        options.model,
        device=_device(options, settings),
        sample_rate=options.sample_rate,
        cache_dir=settings.checkpoints_dir,
    )


def _device(options: argparse.Namespace, settings: Settings) -> str:
    from lass.devices import choose

    return choose(options.device or settings.device)


def _progress(title: str) -> Callable[[int, int], None] | None:
    """A line on the terminal that rewrites itself; nothing where there is no terminal."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\r{title[:60]}  {done}/{total}", end=end, file=sys.stderr, flush=True)

    return show


def _bytes_progress(title: str) -> Callable[[int, int | None], None] | None:
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int | None) -> None:
        of = "" if total is None else f" of {total / 1e6:.0f}"
        print(f"\r{title}  {done / 1e6:.0f}{of} MB", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lass", description="Say what you want to hear; get it, and everything else.")
    parser.add_argument("--version", action="version", version=f"lass {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    command = _command(commands, separate, prints=True)
    command.add_argument("input", type=Path, metavar="INPUT", help="a recording, or a folder of recordings")
    command.add_argument("--query", action="append", required=True, help="what to hear, in words; may be repeated")
    command.add_argument("--remove", action="store_true", help="take away what is described instead of keeping it")
    command.add_argument("--out", type=Path, required=True, help="folder for the results")
    _model_arguments(command)

    _command(commands, models, prints=True)

    command = _command(commands, download, prints=True)
    command.add_argument("name", metavar="NAME", help="a name that `lass models` lists")

    command = _command(commands, evaluate, prints=True)
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--list", type=Path, metavar="CSV", help="a list in the DCASE or an AudioSep layout")
    source.add_argument("--clips", type=Path, metavar="CSV", help="labelled clips (file, label, fold) to mix from")
    command.add_argument("--audio", type=Path, required=True, metavar="DIR", help="folder of the recordings")
    command.add_argument("--fold", type=int, action="append", help="fold of the clips to use; may be repeated")
    command.add_argument("--count", type=_count, default=200, help="mixtures to make from the clips (default 200)")
    command.add_argument("--seed", type=_seed, default=0, help="decides which clips meet (default 0)")
    command.add_argument(
        "--snr", type=_decibels, default=0.0, metavar="DB", help="level of target over noise (default 0)"
    )
    command.add_argument("--wording", choices=("label", "train", "held_out"), default="label", help="words to ask in")
    command.add_argument("--absent", action="store_true", help="also ask for sounds that are not there")
    command.add_argument("--out", type=Path, help="folder for evaluation.csv, .json and .png")
    _model_arguments(command)

    command = _command(commands, benchmark, prints=True)
    command.add_argument(
        "--seconds", type=_seconds, action="append", help="of audio; may be repeated (default 10 and 60)"
    )
    command.add_argument("--repetitions", type=_count, default=5, help="of each duration (default 5)")
    command.add_argument("--page", action="store_true", help="also time the application's start")
    _model_arguments(command)

    command = _command(commands, train)
    command.add_argument("recipe", metavar="CONFIG", help="a YAML file, or the name of a recipe that ships")
    command.add_argument("--data", type=Path, default=Path("data"), help="root of the recordings (default data)")
    command.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default runs)")
    command.add_argument("--resume", action="store_true", help="go on where the run stopped")
    command.add_argument("--workers", type=int, default=1, help="loader processes (default 1)")
    command.add_argument("--device", help="cpu, cuda, cuda:N, mps or auto")

    command = _command(commands, publish)
    command.add_argument("recipe", metavar="CONFIG", help="the recipe of the run")
    command.add_argument("--data", type=Path, default=Path("data"), help="root of the recordings (default data)")
    command.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default runs)")
    command.add_argument("--evaluations", type=Path, required=True, help="folder of evaluation results for the card")
    command.add_argument("--out", type=Path, required=True, help="folder of the model, for instance assets/NAME")

    _command(commands, serve)
    return parser


def _command(
    commands: Any, run: Callable[[argparse.Namespace, Settings], None], *, prints: bool = False
) -> argparse.ArgumentParser:
    text = (run.__doc__ or "").strip()
    command: argparse.ArgumentParser = commands.add_parser(run.__name__, help=text, description=text)
    if prints:
        command.add_argument("--json", action="store_true", help="print results as JSON")
    command.set_defaults(run=run)
    return command


def _model_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="resunet-compact", help="a model's name, or the path of a checkpoint")
    command.add_argument("--device", help="cpu, cuda, cuda:N, mps or auto")
    command.add_argument("--sample-rate", type=_count, metavar="HZ", help="of a published checkpoint that does not say")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return number


def _decibels(text: str) -> float:
    number = _number(text)
    if abs(number) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is beyond 100 decibels")
    return number


def _seconds(text: str) -> float:
    number = _number(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number


__all__ = ["main"]
