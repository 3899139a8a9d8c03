"""Values for a network, out of somebody else's file: complete, fitting, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lass.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

# What BatchNorm counts in training. Nothing reads it when a network is used, and not every file has it.
_COUNTER = "num_batches_tracked"


def fill(module: nn.Module, tensors: Mapping[str, Tensor], source: str, *, prefix: str = "", copy: bool = True) -> None:
    """Give every parameter and buffer of `module` its value.

    tensors: by the module's own names; counters of batches may be missing, nothing else.
    source: what the tensors are from, as a sentence begins: "The checkpoint x.ckpt".
    prefix: what the names begin with in the file, for the sentence.
    copy: False puts the tensors themselves in, for a module built on the meta device: what is in a mapped file and
    of the right precision stays there.

    Raises ModelError naming the first tensor that is missing, without a place, or of another shape.
    """
    import torch

    expected = module.state_dict()
    state: dict[str, Tensor] = {}
    for name, place in expected.items():
        if name.endswith(_COUNTER):
            state[name] = torch.zeros(place.shape, dtype=place.dtype)
            continue
        if name not in tensors:
            raise ModelError(f"{source} is incomplete: it lacks the tensor {prefix}{name}; fetch it again.")
        value = tensors[name]
        fits = value.shape == place.shape and value.is_floating_point() == place.is_floating_point()
        if not fits or value.layout != torch.strided:
            raise ModelError(
                f"{source} does not fit its own architecture: the tensor {prefix}{name} is {_kind(value)} where "
                f"{_kind(place)} belongs; choose another checkpoint."
            )
        # Where values are copied into their places, that converts them too.
        state[name] = value if copy else value.to(place.dtype)
    strange = next((name for name in tensors if name not in expected and not name.endswith(_COUNTER)), None)
    if strange is not None:
        raise ModelError(
            f"{source} has a tensor that this architecture has no place for, {prefix}{strange}; choose a checkpoint "
            "of a known architecture."
        )
    module.load_state_dict(state, assign=not copy)


def _kind(value: Tensor) -> str:
    size = " x ".join(map(str, value.shape)) or "a single number"
    return f"{size} ({str(value.dtype).removeprefix('torch.')})"
