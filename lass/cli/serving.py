"""``lass serve``."""

import argparse
from typing import Any

from lass.cli.arguments import add_command
from lass.settings import Settings


def add(commands: Any) -> None:
    """Give the parser these commands."""
    add_command(commands, serve)


def serve(options: argparse.Namespace, settings: Settings) -> None:
    """Open the application, as ``python app.py`` does."""
    from lass.ui import launch

    launch(settings)
