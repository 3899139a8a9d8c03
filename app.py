"""The application, for people and for Hugging Face Spaces: ``python app.py``."""

import contextlib

with contextlib.suppress(ImportError):
    import spaces  # noqa: F401 - on ZeroGPU it has to come before anything that touches CUDA

from lass.settings import Settings
from lass.ui import launch

if __name__ == "__main__":
    launch(Settings.from_environment())
