"""What Gradio reads from the environment, checked and completed before Gradio is imported."""

from __future__ import annotations

import atexit
import os
import shutil
from collections.abc import MutableMapping
from pathlib import Path

from lass.errors import SettingsError
from lass.ui.machine.space import claim

PORT, PORTS, FOLDER = "GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS", "GRADIO_TEMP_DIR"
# Whose word on a visitor's address the server takes; and what every Space has set.
PROXIES, SPACE = "FORWARDED_ALLOW_IPS", "SPACE_ID"
_KEEP_SECONDS = 60 * 60
_NUMBERS = {PORT: "a port", PORTS: "a number of ports"}


def prepare(environment: MutableMapping[str, str]) -> None:
    """Check the numbers that Gradio would stumble over, and give this run a folder of its own for visitors' files.

    The folder goes with the process, unless GRADIO_TEMP_DIR names one. On a Space, which nobody reaches but through its
    proxy, the proxy is believed who the visitor is; elsewhere FORWARDED_ALLOW_IPS says which proxies are.

    Raises:
        SettingsError: a variable has a value that cannot be used.
    """
    for name, meaning in _NUMBERS.items():
        text = environment.get(name, "").strip()
        if not text:
            environment.pop(name, None)
        elif not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= 65_535 and len(text) <= 6):
            shown = text if len(text) <= 60 else f"{text[:59]}…"
            raise SettingsError(f"{name} is {shown!r}; set it to {meaning}, a whole number from 1 to 65535.")
    try:
        folder, alone = claim(environment, _KEEP_SECONDS)
    except OSError as error:
        raise SettingsError(
            f"There is no folder for visitors' files ({error.strerror or 'no reason given'}); "
            f"set {FOLDER} to one that can be written to."
        ) from error
    if environment.get(SPACE):
        environment.setdefault(PROXIES, "*")
    if alone:
        environment[FOLDER] = str(folder)
        atexit.register(_remove, folder, os.getpid())


def _remove(folder: Path, owner: int) -> None:
    # A forked process, as ZeroGPU makes them, has inherited this and owns nothing.
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
