"""The application, for people and for Hugging Face Spaces: ``python app.py``."""

import contextlib
import os
import sys

with contextlib.suppress(ImportError):
    import spaces  # noqa: F401 - on ZeroGPU it has to come before anything that touches CUDA

from lass.errors import LassError
from lass.settings import Settings
from lass.ui import launch

if __name__ == "__main__":
    try:
        launch(Settings.from_environment(os.environ))
    except LassError as error:
        sys.exit(f"lass: {error}")
