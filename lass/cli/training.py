"""``lass train``, ``lass compare`` and ``lass publish``."""

import argparse
import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lass.cli.arguments import add_command, whole_number
from lass.cli.arguments import seed as from_zero
from lass.cli.output import chosen_device
from lass.ending import Ending
from lass.errors import LassError
from lass.files import locked
from lass.settings import Settings


def add(commands: Any) -> None:
    """Give the parser these commands."""
    parser = add_command(commands, train)
    parser.add_argument("recipe", metavar="CONFIG", help="a YAML file, or the name of a recipe that ships")
    parser.add_argument("--data", type=Path, default=Path("data"), help="root of the recordings (default data)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default runs)")
    parser.add_argument("--resume", action="store_true", help="go on where the run stopped")
    parser.add_argument("--workers", type=int, default=1, help="loader processes (default 1)")
    parser.add_argument("--device", help="cpu, cuda, cuda:N, mps or auto")
    parser.add_argument("--tensorboard", action="store_true", help="write files for TensorBoard too")
    parser.add_argument(
        "--samples", type=from_zero, default=0, metavar="N", help="mixtures to keep as WAV and PNG at each validation"
    )

    parser = add_command(commands, compare, prints=True)
    parser.add_argument("folder", type=Path, nargs="+", metavar="RUN", help="folders of runs, the first as the measure")
    parser.add_argument("--step", type=whole_number, help="to compare at (default: the last of all)")

    parser = add_command(commands, publish)
    parser.add_argument("recipe", metavar="CONFIG", help="the recipe of the run")
    parser.add_argument("--data", type=Path, default=Path("data"), help="root of the recordings (default data)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default runs)")
    parser.add_argument("--evaluations", type=Path, required=True, help="folder of evaluation results for the card")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model, for instance assets/NAME")


def train(options: argparse.Namespace, settings: Settings) -> None:
    """Train a model as a recipe says; on several GPUs when started by torchrun."""
    from lass.checkpoints.encoders import open_encoder
    from lass.training.loop import Trainer
    from lass.training.processes import join, leave
    from lass.training.recipe import load_recipe
    from lass.training.start import require_stages
    from lass.training.state import load_state, require_new

    recipe = load_recipe(options.recipe)
    device = chosen_device(options, settings)
    folder = options.runs / recipe.name
    if options.resume:
        load_state(folder, recipe)  # for what it raises: better now than when everything has been decoded
    else:
        require_new(folder)
        require_stages(recipe, options.runs, settings.checkpoints_dir)
    # What torchrun tells each of the processes that it starts.
    rank, count, local = (int(os.environ.get(name, "0")) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    if count > 1 and device == "cuda":
        device = f"cuda:{local}"
    processes = join(rank, max(count, 1), device=device)
    busy = f"{folder} is being trained in already; wait until that is done, or stop it."
    with locked(folder, busy) if processes.first else nullcontext():
        trainer = Trainer(
            recipe,
            open_encoder(recipe.encoder, settings.checkpoints_dir),
            options.data,
            folder,
            device,
            options.workers,
            lambda line: print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True),
            settings.checkpoints_dir,
            processes=processes,
            tensorboard=options.tensorboard,
            samples=options.samples,
        )
        if options.resume:
            trainer.resume()
        ending = Ending(lambda: print("stopping after this step; once more stops at once", flush=True))
        # Of several processes each would stop at a step of its own; they end at once, and go on from the last save.
        if processes.count == 1:
            ending.listen()
        try:
            trainer.run(ending.asked)
        finally:
            ending.release()
    leave(processes)
    if trainer.step < recipe.optimisation.steps:
        # Not a success: a command that waits for the whole run must not begin.
        raise LassError(f"{recipe.name} is stopped after step {trainer.step}; go on with --resume.")


def compare(options: argparse.Namespace, settings: Settings) -> None:
    """Say what differs between runs, and what it brought at equal budgets."""
    from lass.training.compare import compare as measure

    result = measure(options.folder, options.step)
    print(result.to_json() if options.json else result.to_table())


def publish(options: argparse.Namespace, settings: Settings) -> None:
    """Turn a trained run's checkpoint into a model folder with its card."""
    from lass.training.card import publish as write
    from lass.training.recipe import load_recipe

    recipe = load_recipe(options.recipe)
    write(recipe, options.runs / recipe.name / "last.safetensors", options.evaluations, options.data, options.out)
    print(options.out / "README.md")
