"""The studies that ship: their files only; the audio is made on the machine that serves them."""

from pathlib import Path
from typing import Any

from lass.errors import LassError
from lass.listening.design.study import FILE
from lass.listening.stimuli.building import ensure_built

STUDIES = Path(__file__).resolve().parents[3] / "assets" / "studies"


def bundled_studies() -> dict[str, Path]:
    """The files of the studies that ship, by the studies' names."""
    return {file.parent.name: file for file in sorted(STUDIES.glob(f"*/{FILE}"))}


def ensure_bundled(folder: Path | str, **options: Any) -> dict[str, Path | LassError]:
    """Build every study that ships into a folder of studies, unless it is there.

    Returns, by name, the built folder, or the error that says why there is none, such as a model that has not been
    downloaded. The options are those of :func:`lass.listening.stimuli.building.build_study`.
    """
    results: dict[str, Path | LassError] = {}
    for slug, source in bundled_studies().items():
        try:
            results[slug] = ensure_built(source, Path(folder) / slug, **options)
        except LassError as error:
            results[slug] = error
    return results


__all__ = ["bundled_studies", "ensure_bundled"]
