"""Checkpoints in the project's own layout: one safetensors file whose metadata rebuilds the network.

Kernels are stored in half precision, which a separation does not hear, and used in single precision; vectors
(norms, biases, statistics) stay single, some of them would underflow. The header's ``lass`` entry is JSON with at
least ``format``, ``name``, ``architecture``, ``config``, ``encoder`` and ``parameters``, so that a checkpoint can be
described without reading a tensor.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import normalize

from lass.checkpoints.catalogue import FORMAT, read_metadata
from lass.errors import ModelError
from lass.models import build, config_from_dict
from lass.queries.known import KnownSounds
from lass.queries.recogniser import Recogniser

# Beside the network's own tensors: the mean vector of each known sound's wordings, (labels, size); and what tells them
# apart, (labels, size) and (labels,), which files of earlier versions do not have.
KNOWN_SOUNDS = "known_sounds"
WEIGHTS = "known_sounds_weights"
BIAS = "known_sounds_bias"
_COUNTER = "num_batches_tracked"
# What code meets that reads a description in which a field is of another type than it should be.
_WRONG_FIELDS = (ValueError, TypeError, AttributeError, StopIteration)


def save_bundled(path: Path, model: nn.Module, card: dict[str, Any], known_sounds: KnownSounds | None = None) -> None:
    """Write ``model``, its card and the sounds it knows; the file appears under its name only when it is whole."""
    facts = {"format": FORMAT, "parameters": sum(weight.numel() for weight in model.parameters())} | card
    tensors = {name: _stored(value) for name, value in model.state_dict().items() if not name.endswith(_COUNTER)}
    if known_sounds is not None:
        facts[KNOWN_SOUNDS] = {"labels": known_sounds.labels, "threshold": known_sounds.threshold}
        tensors[KNOWN_SOUNDS] = _stored(known_sounds.vectors)
        if (recogniser := known_sounds.recogniser) is not None:
            facts[KNOWN_SOUNDS]["familiar_odds"] = recogniser.familiar
            tensors |= {WEIGHTS: _stored(recogniser.weights), BIAS: _stored(recogniser.bias)}
    partial = path.with_suffix(".partial")
    try:
        save_file(tensors, partial, metadata={"lass": json.dumps(facts)})
        # safetensors makes files for their owner alone; a checkpoint is for whoever runs the application.
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def is_bundled(path: Path) -> bool:
    """Whether a safetensors file says that it is in this layout; also for a file too damaged to say anything."""
    try:
        with safe_open(path, "pt") as file:
            return "lass" in (file.metadata() or {})
    except (OSError, SafetensorError):
        return True


def load_bundled(path: Path) -> tuple[nn.Module, dict[str, Any], KnownSounds | None]:
    """The network in evaluation mode in float32, its card, and the sounds it knows if it lists them.

    Raises:
        ModelError: the file is damaged, or its tensors do not fit its configuration.
    """
    card = dict(read_metadata(path))
    try:
        model = build(config_from_dict(card["config"]))
        with safe_open(path, "pt") as file:
            state = {name: _used(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        vectors, weights, bias = (state.pop(name, None) for name in (KNOWN_SOUNDS, WEIGHTS, BIAS))
        counters = {name: value for name, value in model.state_dict().items() if name.endswith(_COUNTER)}
        model.load_state_dict(state | counters)
        known_sounds = None if vectors is None else _known_sounds(card[KNOWN_SOUNDS], vectors, weights, bias)
    except (OSError, SafetensorError, RuntimeError, ArithmeticError, LookupError, *_WRONG_FIELDS) as error:
        raise ModelError(f"The tensors of {path.name} do not fit its description; fetch it again.") from error
    return model.eval(), card, known_sounds


def _known_sounds(facts: dict[str, Any], vectors: Tensor, weights: Tensor | None, bias: Tensor | None) -> KnownSounds:
    labels = tuple(map(str, facts["labels"]))
    if not labels or vectors.ndim != 2 or len(labels) != len(vectors):
        raise ValueError(f"{len(labels)} known sounds with vectors of shape {tuple(vectors.shape)}")
    recogniser = None
    if weights is not None and bias is not None:
        if weights.shape != vectors.shape or bias.shape != (len(labels),):
            raise ValueError(f"weights of shape {tuple(weights.shape)} to recognise {len(labels)} sounds")
        recogniser = Recogniser(weights, bias, float(facts["familiar_odds"]))
    # Half precision cost the vectors their exact length.
    return KnownSounds(labels, normalize(vectors, dim=1), float(facts["threshold"]), recogniser)


def _stored(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() and value.ndim > 1 else value).contiguous()


def _used(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value
