"""What commands share: the folder they write to, the model they use, and what they show while they work."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lass.errors import LassError
from lass.settings import Settings


def drop_output() -> None:
    """Forget what could not be printed, so that Python does not try it again, and complain, at the end."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_folder(folder: Path) -> None:
    """Before the work, so that nobody waits for results that cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or "no reason given"
        raise LassError(f"The folder {folder} cannot be made ({reason}); choose another folder.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise LassError(f"The folder {folder} cannot be written to; choose another folder.")


def chosen_separator(options: argparse.Namespace, settings: Settings) -> Any:
    """The separator that the options name."""
    from lass import load_separator

    return load_separator(
        options.model,
        device=chosen_device(options, settings),
        sample_rate=options.sample_rate,
        cache_dir=settings.checkpoints_dir,
        precision=options.precision,
    )


def chosen_device(options: argparse.Namespace, settings: Settings) -> str:
    """The device that the options name, or else the settings."""
    from lass.devices import choose

    return choose(options.device or settings.device)


def window_progress(title: str) -> Callable[[int, int], None] | None:
    """A line on the terminal that rewrites itself; nothing where there is no terminal."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\r{title[:60]}  {done}/{total}", end=end, file=sys.stderr, flush=True)

    return show


def bytes_progress(title: str) -> Callable[[int, int | None], None] | None:
    """The same for a download, in megabytes."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int | None) -> None:
        of = "" if total is None else f" of {total / 1e6:.0f}"
        print(f"\r{title}  {done / 1e6:.0f}{of} MB", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows as columns that stand under each other."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
