"""Faults of the machine that a visitor is told of in words, and after which only a restart helps."""

from __future__ import annotations

from lass.errors import LassError

# What torch says when a GPU is gone or has failed for good: every later call fails as well.
_SAYINGS = ("cuda error", "cudnn error", "cublas_status", "hip error", "device-side assert", "nvml", "gpu is lost")


class DeviceLostError(LassError):
    """The GPU failed in the middle of its work."""

    def __init__(self) -> None:
        super().__init__(
            "The graphics processor of this machine failed; try again in some minutes, when the application was "
            "restarted."
        )


def is_device_lost(error: BaseException) -> bool:
    """Whether an error says that the device that computes is not to be used any more."""
    if type(error).__name__ == "AcceleratorError":  # torch's, without loading torch
        return True
    return isinstance(error, RuntimeError) and any(saying in str(error).lower() for saying in _SAYINGS)
