"""How much memory a process has taken at most.

Not `resource.getrusage`: its peak is inherited from whoever started the process, so a child of a large test process
seems to have grown by nothing.
"""

from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """The high-water mark of this process's resident memory; Linux only."""
    lines = STATUS.read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
