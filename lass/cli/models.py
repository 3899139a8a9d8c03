"""``lass models`` and ``lass download``."""

import argparse
import json
import sys
from typing import Any

from lass.cli.arguments import add_command
from lass.cli.output import bytes_progress, print_table
from lass.settings import Settings


def add(commands: Any) -> None:
    """Give the parser these commands."""
    add_command(commands, models, prints=True)

    parser = add_command(commands, download, prints=True)
    parser.add_argument("name", metavar="NAME", help="a name that `lass models` lists")


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
    print_table(table)


def download(options: argparse.Namespace, settings: Settings) -> None:
    """Download a published checkpoint and what it needs, or a companion file."""
    from lass.checkpoints import catalogue, open_store
    from lass.checkpoints.fetching import fetch

    store = open_store(settings.checkpoints_dir, settings.offline, settings.hub_address, settings.hub_token)
    parts = catalogue.parts(options.name, settings.checkpoints_dir)
    for part in parts:
        if not store.is_here(part):
            print(f"{part.title}: {part.size}", file=sys.stderr)
    files = {name: str(path) for name, path in fetch(store, parts, bytes_progress(options.name)).items()}
    print(json.dumps(files, indent=2) if options.json else "\n".join(files.values()))
