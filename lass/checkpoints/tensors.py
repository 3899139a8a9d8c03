"""Tensors by name out of a file that somebody else wrote, without running anything that is in it.

PyTorch files are pickles, and a pickle can name any function to call. They are read with PyTorch's restricted
reader, which builds tensors and plain containers only and refuses the rest.
"""

import pickle
import re
import threading
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lass.errors import ModelError

# Under these names a checkpoint keeps its tensors, when they are not at its top.
_CONTAINERS = ("state_dict", "model", "model_state_dict")
# Allowing a global is a setting of the whole process: one file at a time.
_allowing = threading.Lock()


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a PyTorch or safetensors file by its name.

    PyTorch files of today's format are mapped: a tensor's values are read from the disk when they are first used,
    and the file must not be changed in place while they are.

    Args:
        path: the file; PyTorch's format, unless it ends in ``.safetensors``.

    Raises:
        ModelError: the file cannot be read, is damaged, or wants to run code.
    """
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    content = _read_pickle(path)
    if isinstance(content, Mapping):
        for name in _CONTAINERS:
            if isinstance(content.get(name), Mapping):
                content = content[name]
                break
    tensors = _tensors(content.items() if isinstance(content, Mapping) else ())
    if not tensors:
        raise ModelError(f"The file {path} holds no tensors by name, so it is no checkpoint; choose another file.")
    # A few bytes can pose as a tensor of any size by repeating one number; a network built for it would fill memory.
    if any(value.numel() * value.element_size() > value.untyped_storage().nbytes() for value in tensors.values()):
        raise ModelError(_damaged(path))
    return tensors


def _tensors(items: Iterable[tuple[Any, Any]]) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in items if isinstance(name, str) and isinstance(value, Tensor)}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(_damaged(path)) from error


def _read_pickle(path: Path) -> Any:
    try:
        # The format before PyTorch 1.6 is no archive and cannot be mapped.
        mapped = zipfile.is_zipfile(path)
        with _allowing, torch.serialization.safe_globals(_numpy_scalars()):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        wanted = re.search(r"GLOBAL (\S+)", str(error))
        if wanted is None:
            raise ModelError(_damaged(path)) from error
        raise ModelError(
            f"The file {path} is refused because loading it would run code that it names ({wanted[1]}), and a "
            "checkpoint needs tensors only; ask its publisher for one that holds nothing else."
        ) from error
    except Exception as error:  # a damaged pickle fails in any way
        raise ModelError(_damaged(path)) from error


def _numpy_scalars() -> list[Any]:
    """What a pickled numpy number is made of: CLAP's published weights have some, scores and counts, beside them.

    None of it looks anything up or calls anything back.
    """
    import numpy as np

    # The function that makes one again, private under either version's name.
    scalar = np.float32(0).__reduce__()[0]
    kinds = {type(np.dtype(kind)) for kind in ("bool", "int32", "int64", "float32", "float64")}
    # numpy 2 calls the module otherwise, and files of both are about.
    return [(scalar, "numpy.core.multiarray.scalar"), (scalar, "numpy._core.multiarray.scalar"), np.dtype, *kinds]


def _damaged(path: Path) -> str:
    return f"The file {path} is damaged or no checkpoint; fetch it again, or choose another file."
