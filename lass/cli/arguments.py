"""What commands are made of: their parsers, and arguments that are checked where they are read."""

import argparse
import math
from collections.abc import Callable
from typing import Any

from lass.settings import Settings

Command = Callable[[argparse.Namespace, Settings], None]


def add_command(commands: Any, run: Command, *, prints: bool = False) -> argparse.ArgumentParser:
    """A command by the name of its function, explained by the function's docstring."""
    text = (run.__doc__ or "").strip()
    command: argparse.ArgumentParser = commands.add_parser(run.__name__, help=text, description=text)
    if prints:
        command.add_argument("--json", action="store_true", help="print results as JSON")
    command.set_defaults(run=run)
    return command


def model_arguments(command: argparse.ArgumentParser) -> None:
    """The options that say which model works, and where."""
    command.add_argument("--model", default="resunet-compact", help="a model's name, or the path of a checkpoint")
    command.add_argument("--device", help="cpu, cuda, cuda:N, mps or auto")
    command.add_argument(
        "--sample-rate", type=whole_number, metavar="HZ", help="of a published checkpoint that does not say"
    )
    command.add_argument(
        "--precision", choices=("float32", "fast"), default="float32",
        help="fast works in bfloat16 on a processor that has it: about half the time, a little less exact",
    )  # fmt: skip


def region(text: str) -> tuple[float | None, float | None]:
    """A part of a recording as START:END in seconds; None where one is left out."""
    start, colon, end = (part.strip() for part in text.partition(":"))
    found = (_number(start) if start else None, _number(end) if end else None)
    if not colon or found == (None, None):
        raise argparse.ArgumentTypeError(f"{text!r} is no part of a recording; write it as START:END in seconds")
    if (found[0] or 0) < 0 or (found[1] is not None and found[1] <= (found[0] or 0)):
        raise argparse.ArgumentTypeError(f"{text!r} ends before it begins")
    return found


def whole_number(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def seed(text: str) -> int:
    """A whole number from 0."""
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


def decibels(text: str) -> float:
    """A level of at most 100 decibels either way."""
    number = _number(text)
    if abs(number) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is beyond 100 decibels")
    return number


def seconds(text: str) -> float:
    """A number above 0."""
    number = _number(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number
