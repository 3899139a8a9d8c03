"""Networks only: torch in, torch out, no files, no network.

Each architecture is a module class and a frozen configuration with a ``kind``; :func:`build` goes from one to the
other and :func:`config_from_dict` rebuilds a configuration from what a checkpoint carries.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from torch import nn

from lass.models.dual_path import DualPathConfig
from lass.models.resunet import ResUNet, ResUNetConfig
from lass.models.resunetpp import ResUNetPP, ResUNetPPConfig

ModelConfig = ResUNetConfig | ResUNetPPConfig

_ARCHITECTURES: dict[str, tuple[type[ModelConfig], type[nn.Module]]] = {
    "resunet": (ResUNetConfig, ResUNet),
    "resunetpp": (ResUNetPPConfig, ResUNetPP),
}


def build(config: ModelConfig) -> nn.Module:
    """A freshly initialised network of this configuration."""
    return _ARCHITECTURES[config.kind][1](config)


def config_to_dict(config: ModelConfig) -> dict[str, Any]:
    """A configuration as plain JSON types."""
    return dataclasses.asdict(config)


def config_from_dict(fields: Mapping[str, Any]) -> ModelConfig:
    """The configuration that :func:`config_to_dict` or a YAML file wrote.

    Raises:
        ValueError: unknown kind or field, or values that do not fit together.
    """
    kind = fields.get("kind", "resunet")
    if kind not in _ARCHITECTURES:
        raise ValueError(f"unknown architecture {kind!r}; known are {', '.join(sorted(_ARCHITECTURES))}")
    return typing.cast(ModelConfig, _from_dict(_ARCHITECTURES[kind][0], fields))


def _from_dict(cls: type, fields: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(cls)
    unknown = set(fields) - set(hints)
    if unknown:
        raise ValueError(f"unknown field {sorted(unknown)[0]!r} for {cls.__name__}")
    return cls(**{name: _convert(hints[name], value) for name, value in fields.items()})


def _convert(hint: Any, value: Any) -> Any:
    """JSON has lists and dictionaries where a frozen dataclass has tuples and dataclasses."""
    if isinstance(value, list | tuple):
        return tuple(_convert(None, item) for item in value)
    if isinstance(value, Mapping):
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        nested = next(option for option in options if dataclasses.is_dataclass(option))
        return _from_dict(typing.cast(type, nested), value)
    return value


__all__ = [
    "DualPathConfig",
    "ModelConfig",
    "ResUNet",
    "ResUNetConfig",
    "ResUNetPP",
    "ResUNetPPConfig",
    "build",
    "config_from_dict",
    "config_to_dict",
]
