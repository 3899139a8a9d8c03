"""How much memory there is, what running out of it looks like, and what can be given back."""

from __future__ import annotations

import contextlib
import gc
import sys
from pathlib import Path

from lass.errors import LassError

SHORT = 0.15
"""Share of the memory below which it counts as short."""
_MEMINFO = Path("/proc/meminfo")
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_USED = (Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"))
# What torch says where an allocation fails, on a processor, on CUDA's drivers, and on Apple's.
_SAYINGS = ("can't allocate memory", "not enough memory", "out of memory", "cuda_error_out_of_memory")


class MemoryShortError(LassError):
    """A separation did not fit into memory."""

    def __init__(self) -> None:
        super().__init__(
            "There was not enough memory for this separation; try a shorter part of the recording, or a smaller model."
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, the processor's or a GPU's, was not enough."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, without loading torch
        return True
    return isinstance(error, RuntimeError) and any(saying in str(error).lower() for saying in _SAYINGS)


def free() -> None:
    """Give back what nobody holds any more, a GPU's cache included."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        with contextlib.suppress(RuntimeError):
            torch.cuda.empty_cache()


def total() -> int | None:
    """Bytes that this machine, or the container around the program, has; None where that is not known."""
    machine = _meminfo("MemTotal")
    bounds = [size for size in (machine, _first(_LIMITS)) if size]
    return min(bounds, default=None)


def available() -> int | None:
    """Bytes that can be taken without making the system swap or kill; None where that is not known."""
    machine, limit, used = _meminfo("MemAvailable"), _first(_LIMITS), _first(_USED)
    whole = _meminfo("MemTotal")
    if limit and used and whole and limit < whole:  # a container's limit; without one it is an enormous number
        return max(0, min(limit - used, machine or limit))
    return machine


def is_short() -> bool:
    """Whether memory is short now; never where it is not known."""
    whole, left = total(), available()
    return whole is not None and left is not None and left < SHORT * whole


def _meminfo(name: str) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _MEMINFO.read_text("ascii").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return None


def _first(files: tuple[Path, ...]) -> int | None:
    """The number in the first of these files that has one."""
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            return int(file.read_text("ascii"))
    return None
