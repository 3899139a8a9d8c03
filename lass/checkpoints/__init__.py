"""Checkpoints: which there are, how they come here, and how a file becomes a network with its query encoder."""

from lass.checkpoints.catalogue import ModelEntry, list_models
from lass.checkpoints.store import Store

__all__ = ["ModelEntry", "Store", "list_models"]
