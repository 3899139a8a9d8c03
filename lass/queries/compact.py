"""The bundled query encoder: a small sentence encoder, offline, ready in a fraction of a second."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lass.errors import ModelError
from lass.queries.query import Query

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from lass.queries.bert import Bert

DEFAULT_PATH = Path(__file__).resolve().parents[2] / "assets" / "query-encoder"
WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
# The name under which the asset's dimensions travel inside the weights file.
CONFIG_KEY = "bert_config"
# Descriptions per pass: bounds the memory of a long list of them.
_CHUNK = 64


class CompactEncoder:
    """all-MiniLM-L6-v2 with 8-bit weights: 384-dimensional vectors of sentence and tokens, on the CPU.

    The same text gives the same vectors whatever else is in the batch (to float rounding). Safe to share
    between threads: encoding changes nothing.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        """path: the folder of the asset; the bundled one by default.

        Raises ModelError when it is missing or damaged.
        """
        folder = Path(path) if path is not None else DEFAULT_PATH
        for name in (WEIGHTS_FILE, TOKENIZER_FILE):
            if not (folder / name).is_file():
                raise ModelError(
                    f"The query encoder is incomplete: {folder / name} does not exist; restore that file "
                    "from a fresh copy of the application."
                )
        self._bert = _load_bert(folder / WEIGHTS_FILE)
        self._tokenizer = _load_tokenizer(folder / TOKENIZER_FILE, self._bert)

    @property
    def size(self) -> int:
        """The width of the vectors."""
        return self._bert.config.size

    def encode(self, texts: Sequence[str]) -> Query:
        """One row per text: pooled (batch, 384), tokens (batch, L, 384), mask (batch, L).

        `pooled` is the mean over the real tokens, scaled to length 1; `tokens` is zero where the mask is
        False. L is the number of tokens of the longest text, at most 64 with the two that mark begin and
        end; what a longer text says after that is ignored. The vectors are float32, on the CPU, and may
        be used in training.

        Raises ValueError when `texts` is one string instead of a list, or empty.
        """
        import torch
        from torch.nn import functional

        if isinstance(texts, str) or not texts:
            raise ValueError("texts is a list of at least one description")
        # One by one, because the tokenizer's own batches start a thread pool that does not survive a fork.
        rows = [torch.tensor(self._tokenizer.encode(self._spell(text)).ids, dtype=torch.long) for text in texts]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        mask = torch.arange(ids.shape[1]) < lengths[:, None]
        # Not inference mode: its tensors could not serve as the input of a network in training.
        with torch.no_grad():
            chunks = zip(ids.split(_CHUNK), mask.split(_CHUNK), strict=True)
            tokens = torch.cat([self._bert(*chunk) for chunk in chunks]) * mask[:, :, None]
            pooled = functional.normalize(tokens.sum(1) / lengths[:, None], dim=-1)
        return Query(pooled, tokens, mask)

    def _spell(self, text: str) -> str:
        """The text with each emoji as its Unicode name: the vocabulary has none, all would be alike."""
        return "".join(
            f" {unicodedata.name(character, '').lower()} "
            if unicodedata.category(character) == "So" and self._tokenizer.token_to_id(character) is None
            else character
            for character in text
        )


def _load_bert(path: Path) -> Bert:
    from safetensors import SafetensorError, safe_open

    from lass.queries.bert import Bert, BertConfig
    from lass.queries.quantisation import dequantise

    try:
        with safe_open(path, framework="pt") as file:
            config = BertConfig(**json.loads(file.metadata()[CONFIG_KEY]))
            state = dequantise({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        bert = Bert(config)
        bert.load_state_dict(state, assign=True)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(_damaged(path)) from error
    return bert.eval().requires_grad_(False)


def _load_tokenizer(path: Path, bert: Bert) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more special
        raise ModelError(_damaged(path)) from error
    if tokenizer.get_vocab_size() != bert.config.vocabulary:
        raise ModelError(_damaged(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(bert.config.positions)
    return tokenizer


def _damaged(path: Path) -> str:
    return (
        f"The query encoder's file {path} is damaged or of another kind; restore it from a fresh copy of the "
        "application."
    )
