"""Files that appear under their name only when they are whole, and folders that one process at a time works in."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lass.errors import LassError


@contextmanager
def whole(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a file for writing that takes the place of ``path`` in one move at the end, or never.

    Raises:
        LassError: the folder cannot be made or written to, or the disk is full.
    """
    # Two runs may write the same file of a shared cache at the same time.
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        _remove(partial)


@contextmanager
def locked(folder: Path, busy: str, *, name: str = ".lock", patience: float = 0.0) -> Generator[None, None, None]:
    """Hold a folder's lock, in this and every other process; the folder is made. A process that died holds none.

    Args:
        busy: what to say where somebody else holds it.
        name: of the lock's file in the folder.
        patience: seconds to wait for it.

    Raises:
        LassError: somebody else holds the lock, or the folder cannot be made or written to.
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / name, timeout=patience):
            yield
    except Timeout as error:
        raise LassError(busy) from error
    except BrokenPipeError:
        raise  # who read our output has gone, which says nothing of the folder
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(path: Path, error: Exception) -> LassError:
    """What to say where ``path`` could not be written."""
    reason = getattr(error, "strerror", None) or str(error)
    return LassError(f"{path} cannot be written ({reason}); free some space, or choose another folder.")


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError:
        # Its folder has gone or is closed to us: the error that matters is on its way already.
        return
