"""Checkpoints: which there are, how they come here, and how a file becomes a network with its query encoder."""

from pathlib import Path

from lass.checkpoints.catalogue import ModelEntry, list_models
from lass.checkpoints.remote import Endpoints
from lass.checkpoints.store import Store


def open_store(cache_dir: Path, offline: bool, hub_address: str, hub_token: str | None) -> Store:
    """The store of downloaded checkpoints, as the settings say."""
    return Store(cache_dir, offline=offline, endpoints=Endpoints(hugging_face=hub_address), token=hub_token)


__all__ = ["ModelEntry", "Store", "list_models", "open_store"]
