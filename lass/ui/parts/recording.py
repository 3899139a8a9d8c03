"""The components that take files from visitors."""

from pathlib import Path
from typing import Any

import gradio as gr


def recording_input(**settings: Any) -> gr.Audio:
    """An audio input whose value is the path of an uploaded file, decoded by nobody but us.

    Gradio would also fetch any address that a caller puts in the place of a file, of any size and before our code
    runs; this one raises ``gradio.Error`` instead, because the application reaches the network for nobody.
    """
    component = gr.Audio(type="filepath", format=None, **settings)
    _fetch_nothing(component)
    return component


def files_input(**settings: Any) -> gr.File:
    """An input of several files whose value is a list of paths; an address in their place is refused as well."""
    component = gr.File(type="filepath", file_count="multiple", **settings)
    _fetch_nothing(component)
    return component


def _fetch_nothing(component: gr.Audio | gr.File) -> None:
    take_over = component.async_move_resource_to_block_cache

    async def take_over_files(place: str | Path | None) -> str | None:
        if "://" in str(place):
            raise gr.Error("An address is not fetched; upload the recording itself.", print_exception=False)
        return await take_over(place)

    # On the instance: for a subclass, Gradio would write a stub file beside this one at every start.
    component.async_move_resource_to_block_cache = take_over_files  # type: ignore[method-assign, assignment]
