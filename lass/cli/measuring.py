"""``lass evaluate`` and ``lass benchmark``."""

import argparse
from pathlib import Path
from typing import Any

from lass.cli.arguments import add_command, decibels, model_arguments, seconds, seed, whole_number
from lass.cli.output import chosen_device, chosen_separator, make_folder, window_progress
from lass.settings import Settings


def add(commands: Any) -> None:
    """Give the parser these commands."""
    parser = add_command(commands, evaluate, prints=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--list", type=Path, metavar="CSV", help="a list in the DCASE or an AudioSep layout")
    source.add_argument("--clips", type=Path, metavar="CSV", help="labelled clips (file, label, fold) to mix from")
    parser.add_argument("--audio", type=Path, required=True, metavar="DIR", help="folder of the recordings")
    parser.add_argument("--fold", type=int, action="append", help="fold of the clips to use; may be repeated")
    parser.add_argument("--count", type=whole_number, default=200, help="mixtures to make from the clips (default 200)")
    parser.add_argument("--seed", type=seed, default=0, help="decides which clips meet (default 0)")
    parser.add_argument(
        "--snr",
        type=decibels,
        action="append",
        metavar="DB",
        help="level of target over noise (default 0); may be repeated",
    )
    parser.add_argument("--interferers", type=whole_number, default=1, help="other sounds in each mixture (default 1)")
    parser.add_argument("--wording", choices=("label", "train", "held_out"), default="label", help="words to ask in")
    parser.add_argument("--absent", action="store_true", help="also ask for sounds that are not there")
    parser.add_argument(
        "--metrics", choices=("pesq", "stoi", "bss", "isr", "clap"), action="append",
        help="measure this too: quality or intelligibility of speech, BSS Eval, CLAPScore; may be repeated",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="folder for evaluation.csv, .json and .png")
    model_arguments(parser)

    parser = add_command(commands, benchmark, prints=True)
    parser.add_argument(
        "--seconds", type=seconds, action="append", help="of audio; may be repeated (default 10 and 60)"
    )
    parser.add_argument("--repetitions", type=whole_number, default=5, help="of each duration (default 5)")
    parser.add_argument(
        "--against", choices=("plain", "float32", "fast"), metavar="VARIANT",
        help="time this in turn with it: plain (one float32 pass of the network as it is), float32 or fast",
    )  # fmt: skip
    parser.add_argument("--page", action="store_true", help="also time the application's start")
    model_arguments(parser)


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
        snr_db=_one_or_all(options.snr or [0.0]),
        interferers=options.interferers,
        wording=options.wording,
        absent=options.absent,
        metrics=tuple(options.metrics or ()),
        downloads=settings.checkpoints_dir,
    )
    separator = chosen_separator(options, settings)
    if options.out is not None:
        make_folder(options.out)
    report = evaluation.run(separator, window_progress("evaluating"))
    if options.out is not None:
        report.to_csv(options.out / "evaluation.csv")
        report.to_json(options.out / "evaluation.json")
    print(report.to_json() if options.json else report.to_table())
    if options.out is not None:
        save(report.figure(), options.out / "evaluation.png")


def benchmark(options: argparse.Namespace, settings: Settings) -> None:
    """Measure start-up, speed, memory and exactness on this machine."""
    from lass.evaluation.benchmark import benchmark as measure

    result = measure(
        options.model,
        device=chosen_device(options, settings),
        sample_rate=options.sample_rate,
        cache_dir=settings.checkpoints_dir,
        durations=tuple(options.seconds or (10.0, 60.0)),
        repetitions=options.repetitions,
        variant=options.precision,
        against=options.against,
        page=options.page,
    )
    print(result.to_json() if options.json else result.to_table())


def _one_or_all(ratios: list[float]) -> float | tuple[float, ...]:
    return ratios[0] if len(ratios) == 1 else tuple(ratios)
