"""Which device computes."""

import re

from lass.errors import SettingsError


def choose(device: str) -> str:
    """A torch device from a setting: ``auto`` is the first of CUDA, MPS and CPU that is there.

    Raises:
        SettingsError: there is no such device, or not on this machine.
    """
    asked = re.fullmatch(r"(auto|cpu|cuda|mps)(?::(\d{1,4}))?", device)
    if asked is None or (asked[1] == "auto" and asked[2]):
        raise SettingsError(f"There is no kind of device called {device!r}; use auto, cpu, cuda, cuda:N or mps.")
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    there = {
        "cpu": 1,
        "mps": int(torch.backends.mps.is_available()),
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
    }
    if int(asked[2] or 0) >= there[asked[1]]:
        raise SettingsError(f"There is no device {device} on this machine; use cpu or auto.")
    return device
