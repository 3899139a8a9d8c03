"""What is in the archives that the pages give."""

import io
import zipfile
from pathlib import Path

import numpy as np
import soundfile


def sounds(content: bytes) -> dict[str, np.ndarray]:
    """The recordings of an archive by their names without folder and ending, samples first."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            Path(name).stem: soundfile.read(io.BytesIO(archive.read(name)), dtype="float32")[0]
            for name in archive.namelist()
            if name.endswith(".wav")
        }
