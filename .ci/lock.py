"""Writes the constraints file from pip's installation report: `lock.py REPORT CONSTRAINTS`."""

import json
import re
import sys
from pathlib import Path

# Pinned by torch itself, and on Linux only.
LEFT_TO_TORCH = re.compile(r"(nvidia|cuda)-|triton$|setuptools$")


def constraints(report: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    """The lines `name==version` of everything in the report that was not asked for by name."""
    brought_along = [entry["metadata"] for entry in report["install"] if not entry["requested"]]
    names = {re.sub(r"[-_.]+", "-", item["name"]).lower(): item["version"] for item in brought_along}
    return [f"{name}=={version}" for name, version in sorted(names.items()) if not LEFT_TO_TORCH.match(name)]


def main(report: Path, target: Path) -> None:
    """Keeps the comment at the top of the file and replaces the lines below it."""
    comment = [line for line in target.read_text().splitlines() if line.startswith("#")]
    lines = comment + constraints(json.loads(report.read_text()))
    target.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
