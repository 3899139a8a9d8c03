"""The component that takes recordings from visitors."""

from pathlib import Path
from typing import Any

import gradio as gr

from lass.errors import AudioError


class Recording(gr.Audio):
    """An audio input whose value is the path of an uploaded file, decoded by nobody but us.

    Gradio would also fetch any address that a caller puts in the place of a file, of any size and before our code
    runs. This application reaches the network for nobody.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(type="filepath", format=None, **settings)

    def get_block_name(self) -> str:
        """The page's name for it: without this, Gradio would look for a component of its own making."""
        return "audio"

    async def async_move_resource_to_block_cache(self, url_or_file_path: str | Path | None) -> str | None:
        """Take over an uploaded file; see Gradio's own.

        Raises:
            AudioError: an address in the place of a file.
        """
        if "://" in str(url_or_file_path):
            raise AudioError("An address is not fetched; upload the recording itself.")
        return await super().async_move_resource_to_block_cache(url_or_file_path)
