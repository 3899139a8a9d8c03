"""Which device computes."""

from lass.errors import SettingsError


def choose(device: str) -> str:
    """A torch device from a setting: ``auto`` is the first of CUDA, MPS and CPU that is there.

    Raises:
        SettingsError: the device was asked for by name and is not there.
    """
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, index = device.partition(":")
    there = {
        "cpu": 1,
        "mps": int(torch.backends.mps.is_available()),
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
    }
    if int(index or 0) >= there.get(kind, 0):
        raise SettingsError(f"There is no device {device} on this machine; use cpu or auto.")
    return device
