"""FLAN-T5's encoder: the query encoder of the full-size ResUNet++.

FLAN-T5 (Chung et al., arXiv:2210.11416) is a text-to-text network of which only the encoder is used: one state for each
token of the description, in the context of the others.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lass.errors import ModelError
from lass.queries.query import Query

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn

DEFAULT_NAME = "google/flan-t5-base"
CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"
WEIGHTS_FILE = "model.safetensors"
FILES = (CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE)
# Both files hold the decoder too, which is fetched and never read into memory: four bytes for each of 247,577,856 and
# 783,150,080 parameters, 109,628,544 and 341,231,104 of them in the encoder.
SIZES = "0.99 GB for flan-t5-base, 3.13 GB for flan-t5-large, of which the encoder takes 0.44 GB and 1.36 GB in memory"
# Where the network was trained to cut a text; its positions are relative and would go on.
MAX_TOKENS = 512
# Descriptions per pass: bounds the memory of a long list of them.
_CHUNK = 16

logger = logging.getLogger(__name__)


class _Parts(NamedTuple):
    tokenizer: Tokenizer
    encoder: nn.Module


class FlanT5Encoder:
    """Descriptions to FLAN-T5's token states, on the CPU. Safe to share between threads.

    Building one reads only the configuration; the tokenizer and the weights are read when a query is first encoded.
    """

    def __init__(self, folder_or_name: Path | str = DEFAULT_NAME, *, offline: bool = True) -> None:
        """folder_or_name: a folder with config.json, tokenizer.json and model.safetensors, or the name of a model on
        the Hugging Face hub, which is looked for in the Hugging Face cache.
        offline: False allows to fetch what is not in the cache from the hub. A folder is never completed.

        Raises ModelError when a file is nowhere or the configuration is not a T5's.
        """
        self._folder = _locate(folder_or_name, offline)
        self._size = _read_size(self._folder / CONFIG_FILE)
        self._parts: _Parts | None = None
        self._loading = threading.Lock()

    @property
    def size(self) -> int:
        """The width of the vectors: 768 for flan-t5-base, 1024 for flan-t5-large."""
        return self._size

    def encode(self, texts: Sequence[str]) -> Query:
        """One row per text: pooled (batch, size), tokens (batch, L, size), mask (batch, L), float32.

        `tokens` are the encoder's last states, the one of the end mark included, and zero where the mask is False.
        `pooled` is the mean over the real tokens, scaled to length 1. L is the number of tokens of the longest text,
        at most 512; what a longer text says after that is ignored.

        Raises ModelError when the tokenizer or the weights are damaged or do not fit each other, and ValueError when
        `texts` is one string instead of a list, or empty.
        """
        import torch
        from torch.nn import functional

        if isinstance(texts, str) or not texts:
            raise ValueError("texts is a list of at least one description")
        parts = self._loaded()
        # One by one, because the tokenizer's own batches start a thread pool that does not survive a fork.
        rows = [torch.tensor(parts.tokenizer.encode(text).ids) for text in texts]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        mask = torch.arange(ids.shape[1]) < lengths[:, None]
        # Not inference mode: its tensors could not serve as the input of a network in training.
        with torch.no_grad():
            chunks = zip(ids.split(_CHUNK), mask.split(_CHUNK), strict=True)
            states = [parts.encoder(input_ids=part, attention_mask=real).last_hidden_state for part, real in chunks]
            tokens = torch.cat(states) * mask[:, :, None]
            pooled = functional.normalize(tokens.sum(1) / lengths[:, None], dim=-1)
        return Query(pooled, tokens, mask)

    def _loaded(self) -> _Parts:
        with self._loading:
            if self._parts is None:
                encoder, entries = _load_encoder(self._folder)
                self._parts = _Parts(_load_tokenizer(self._folder / TOKENIZER_FILE, entries), encoder)
            return self._parts


def _locate(folder_or_name: Path | str, offline: bool) -> Path:
    """The folder that holds the files, in the Hugging Face cache for a name."""
    folder = Path(folder_or_name).expanduser()
    if isinstance(folder_or_name, Path) or os.path.isdir(folder) or len(folder.parts) != 2 or folder.is_absolute():
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise ModelError(
                f"FLAN-T5 is not complete in {folder}: get {_listed(missing)} ({SIZES}) from "
                f"https://huggingface.co/{DEFAULT_NAME} or another FLAN-T5 and place it there."
            )
        return folder
    name = str(folder_or_name)
    from huggingface_hub import hf_hub_download

    try:
        paths = [Path(hf_hub_download(name, file, local_files_only=offline)) for file in FILES]
    except Exception as error:  # not here, no network, no such model, disk full: one sentence for all
        logger.debug("%s: %s", name, error)
        how = "is not in the Hugging Face cache" if offline else "could not be fetched"
        raise ModelError(
            f"The query encoder {name} {how}: get {_listed(FILES)} ({SIZES}) from https://huggingface.co/{name}, place "
            "them in one folder and give that folder."
        ) from error
    return paths[0].parent


def _read_size(path: Path) -> int:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if config["model_type"] != "t5":
            raise ModelError(f"{path} describes a network of the type {config['model_type']!r}; choose a FLAN-T5.")
        return int(config["d_model"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(_damaged(path)) from error


def _load_encoder(folder: Path) -> tuple[nn.Module, int]:
    """The encoder and how many entries its vocabulary has."""
    import torch
    from transformers import T5EncoderModel

    path = folder / WEIGHTS_FILE
    try:
        loaded: Any = T5EncoderModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        encoder, report = loaded
    except Exception as error:  # the library raises many kinds
        raise ModelError(_damaged(path)) from error
    # What a file lacks gets random values, and nothing is said.
    if report["missing_keys"] or report["mismatched_keys"]:
        raise ModelError(_damaged(path))
    return encoder.eval().requires_grad_(False), encoder.config.vocab_size


def _load_tokenizer(path: Path, entries: int) -> Tokenizer:
    from tokenizers import Tokenizer, processors

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more special
        raise ModelError(_damaged(path)) from error
    end = tokenizer.token_to_id("</s>")
    # The table of embeddings is longer than the vocabulary, rounded up for speed; never shorter.
    if end is None or not entries // 2 < tokenizer.get_vocab_size() <= entries:
        raise ModelError(
            f"The tokenizer {path} has {tokenizer.get_vocab_size()} entries and is not the one of the weights beside "
            f"it, which have {entries}; fetch both from the same place."
        )
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", end)])
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _damaged(path: Path) -> str:
    return f"The query encoder's file {path} is damaged or not a FLAN-T5's; fetch it again."
