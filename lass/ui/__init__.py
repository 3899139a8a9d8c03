"""The application in the browser: one module per page, and the only room that knows Gradio.

Importing this package is light; Gradio is loaded by :func:`build` and :func:`launch`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

    from lass.settings import Settings

__all__ = ["build", "launch"]


def build(settings: Settings) -> gr.Blocks:
    """The whole application, composed and not yet served."""
    from lass.ui.application import build as compose

    return compose(settings)


def launch(settings: Settings, *, prevent_thread_lock: bool = False) -> gr.Blocks:
    """Serve the application; returns when it is stopped, or at once with ``prevent_thread_lock``.

    Raises SettingsError for a port that is none, or is taken.
    """
    from lass.ui.serving.environment import prepare

    prepare(os.environ)
    from lass.ui.application import launch as serve

    return serve(settings, prevent_thread_lock=prevent_thread_lock)
