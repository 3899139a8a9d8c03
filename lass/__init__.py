"""Language-queried audio source separation: say what you want to hear, get it and everything else.

    import lass

    separator = lass.load_separator("resunet-compact")
    result = separator.separate(waveform, sample_rate, "a dog barking")
    result.target, result.residual

Importing the package is cheap; torch is loaded with the first separator.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lass import queries
from lass.errors import LassError
from lass.settings import Settings
from lass.version import __version__

if TYPE_CHECKING:
    from lass.checkpoints import ModelEntry
    from lass.ensemble import Ensemble
    from lass.models.engine import Precision
    from lass.separation import Separation, Separator
    from lass.stems import Stems, separate_stems


def load_separator(
    name_or_path: str | Path,
    *,
    device: str = "cpu",
    sample_rate: int | None = None,
    cache_dir: str | Path | None = None,
    precision: Precision = "float32",
) -> Separator | Ensemble:
    """A separator by its catalogue name, or from a checkpoint file.

    Args:
        name_or_path: a name that :func:`list_models` gives, or the path of a checkpoint: the project's layout or the
            published AudioSep layout, whose architecture is read from its tensors.
        device: a torch device, or ``auto`` for the fastest there is.
        sample_rate: hertz, for a published checkpoint whose tensors do not tell it.
        cache_dir: where downloaded checkpoints are; by default the folder that ``LASS_DATA_DIR`` says.
        precision: ``float32``, or ``fast``: bfloat16 where the processor has it, which takes about half the time and
            is a little less exact. It changes nothing for ResUNet++, on other processors, and on GPUs.

    Raises:
        lass.errors.ModelError: unknown name, or a file that is missing, damaged or no checkpoint.
        lass.errors.SettingsError: there is no such device or precision.
    """
    from lass.ensemble import load

    cache = _downloads() if cache_dir is None else Path(cache_dir)
    return load(name_or_path, device=device, sample_rate=sample_rate, cache_dir=cache, precision=precision)


def list_models(cache_dir: str | Path | None = None) -> list[ModelEntry]:
    """Every model there is, the bundled ones first, with what it is and whether it is here."""
    from lass.checkpoints import list_models

    return list_models(_downloads() if cache_dir is None else cache_dir)


def _downloads() -> Path:
    """Where ``python -m lass download`` keeps checkpoints."""
    return Settings.from_environment(os.environ).checkpoints_dir


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """What brings torch with it, imported on first need."""
        if name == "Separation":
            from lass.separation import Separation

            return Separation
        if name in ("Stems", "separate_stems"):
            from lass import stems

            return getattr(stems, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "LassError",
    "Separation",
    "Stems",
    "__version__",
    "list_models",
    "load_separator",
    "queries",
    "separate_stems",
]
