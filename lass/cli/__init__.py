"""The command line: ``python -m lass …``.

Exit codes: 0 on success, 2 for bad usage, 1 with one sentence for everything else a person can mend. Each module of
the package holds a few commands: ``add`` gives the parser their arguments, and a command's function does its work.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from lass.cli import measuring, models, separating, serving, study, training
from lass.cli.output import drop_output
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
        drop_output()
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lass", description="Say what you want to hear; get it, and everything else.")
    parser.add_argument("--version", action="version", version=f"lass {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for group in (separating, models, measuring, training, study, serving):
        group.add(commands)
    return parser


__all__ = ["main"]
