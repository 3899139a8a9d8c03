"""What the Dockerfile would build, without Docker: its instructions read, its files copied, its steps run."""

import fnmatch
import json
import os
import re
import shutil
from pathlib import Path


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Every instruction and its arguments, continued lines joined and comments left out."""
    lines = [line for line in dockerfile.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", "")
    pairs = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [(name.upper(), rest) for name, rest in pairs]


def variables(steps: list[tuple[str, str]]) -> dict[str, str]:
    """What ENV sets."""
    return dict(re.findall(r"(\w+)=(\S*)", " ".join(rest for name, rest in steps if name == "ENV")))


def command(steps: list[tuple[str, str]], name: str) -> list[str]:
    """The command of CMD or HEALTHCHECK, which is written as a list."""
    rest = next(rest for step, rest in steps if step == name)
    found = json.loads(rest[rest.index("[") :])
    assert isinstance(found, list)
    return found


def ignored(name: str, patterns: list[str]) -> bool:
    """Whether a path, relative to the top, is kept out of an image by .dockerignore."""
    parts = Path(name).parts
    for pattern in patterns:
        anywhere = pattern.removeprefix("**/")
        candidates = parts if anywhere != pattern else parts[:1]
        if any(fnmatch.fnmatchcase(part, anywhere) for part in candidates):
            return True
    return False


def copy_sources(root: Path, target: Path) -> list[str]:
    """Copies what COPY would: everything that .dockerignore lets through. Returns the names, relative to the top."""
    text = (root / ".dockerignore").read_text(encoding="utf-8")
    patterns = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert not [pattern for pattern in patterns if "/" in pattern.removeprefix("**/") or pattern.startswith("!")]
    copied = []
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = [name for name in folders if not ignored(str(here / name), patterns)]
        for name in files:
            relative = here / name
            if not ignored(str(relative), patterns):
                (target / here).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / relative, target / relative)
                copied.append(str(relative))
    return copied
