"""CLAP's text branch: the query encoder of the published separation networks.

LAION-CLAP (Wu et al., arXiv:2211.06687): RoBERTa's pooled output through two linear layers, scaled to length 1.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lass.errors import ModelError
from lass.queries.query import Query
from lass.queries.roberta_tokenizer import PADDING, load_roberta_tokenizer
from lass.queries.weights import fill

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor, nn

SIZE = 512
# Where CLAP cuts a text, in tokens.
MAX_TOKENS = 77
# The width of an attention head in every RoBERTa.
_HEAD = 64
_WORDS = "text_branch.embeddings.word_embeddings.weight"
_POSITIONS = "text_branch.embeddings.position_embeddings.weight"
_TYPES = "text_branch.embeddings.token_type_embeddings.weight"
_WIDENING = "text_branch.encoder.layer.{}.intermediate.dense.weight"
_OUT = "text_projection.2.weight"
# Positions are numbered from the padding's number on, as in fairseq.
_RESERVED = PADDING + 1
# Descriptions per pass: bounds the memory of a long list of them.
_CHUNK = 64


class _Parts(NamedTuple):
    tokenizer: Tokenizer
    branch: nn.Module
    projection: nn.Module


class ClapTextEncoder:
    """Descriptions to CLAP's 512-dimensional vectors of whole sentences, on the CPU. Safe to share between threads.

    Nothing is read, and neither tokenizer nor weights need be here, before the first query is encoded.
    """

    def __init__(
        self,
        tensors: Callable[[], Mapping[str, Tensor]],
        source: str,
        *,
        size: int = SIZE,
        tokenizer_folders: Sequence[Path] = (),
        offline: bool = True,
    ) -> None:
        """tensors: gives `text_branch.…` and `text_projection.…`, as `text_tensors` selects them.

        source: what the tensors are from, as a sentence begins: "The checkpoint x.ckpt".
        size: the width of the vectors.
        tokenizer_folders: where roberta-base's tokenizer may be, besides the Hugging Face cache; a person is told
        to place it in the first one.
        offline: False allows to fetch the tokenizer from the Hugging Face hub.
        """
        self._tensors: Callable[[], Mapping[str, Tensor]] | None = tensors
        self._source = source
        self._size = size
        self._folders = tuple(tokenizer_folders)
        self._offline = offline
        self._parts: _Parts | None = None
        self._loading = threading.Lock()

    @property
    def size(self) -> int:
        """The width of the vectors."""
        return self._size

    def encode(self, texts: Sequence[str]) -> Query:
        """One row per text: pooled (batch, 512), float32, of length 1; no token vectors.

        What a text says after 77 tokens, the two that mark begin and end among them, is ignored.

        Raises ModelError when the tokenizer or the weights are not here, damaged, or do not fit each other, and
        ValueError when `texts` is one string instead of a list, or empty.
        """
        import torch

        if isinstance(texts, str) or not texts:
            raise ValueError("texts is a list of at least one description")
        parts = self._loaded()
        # One by one, because the tokenizer's own batches start a thread pool that does not survive a fork.
        rows = [torch.tensor(parts.tokenizer.encode(text).ids) for text in texts]
        # Not inference mode: its tensors could not serve as the input of a network in training.
        with torch.no_grad():
            chunks = [self._embed(parts, rows[first : first + _CHUNK]) for first in range(0, len(rows), _CHUNK)]
        return Query(torch.cat(chunks))

    def _embed(self, parts: _Parts, rows: list[Tensor]) -> Tensor:
        import torch
        from torch.nn import functional

        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)
        mask = torch.arange(ids.shape[1]) < torch.tensor([len(row) for row in rows])[:, None]
        sentence = parts.branch(input_ids=ids, attention_mask=mask.long()).pooler_output
        return functional.normalize(parts.projection(sentence), dim=-1)

    def _loaded(self) -> _Parts:
        with self._loading:
            if self._parts is None:
                assert self._tensors is not None
                self._parts = self._load(self._tensors())
                self._tensors = None
            return self._parts

    def _load(self, tensors: Mapping[str, Tensor]) -> _Parts:
        # A tokenizer that is not here is told before anything large is read.
        entries, positions = (self._shape(tensors, name)[0] for name in (_WORDS, _POSITIONS))
        if self._shape(tensors, _OUT)[0] != self._size:
            raise ModelError(
                f"{self._source} has a text branch of {self._shape(tensors, _OUT)[0]} features where the separation "
                f"network needs {self._size}; choose the weights that belong to it."
            )
        tokenizer = load_roberta_tokenizer(
            self._folders, entries=entries, maximum=min(MAX_TOKENS, positions - _RESERVED), offline=self._offline
        )
        return _Parts(tokenizer, self._branch(tensors), self._projection(tensors))

    def _branch(self, tensors: Mapping[str, Tensor]) -> nn.Module:
        import torch
        from transformers import RobertaConfig, RobertaModel

        entries, width = self._shape(tensors, _WORDS)
        layers = 0
        while _WIDENING.format(layers) in tensors:
            layers += 1
        config = RobertaConfig(
            vocab_size=entries,
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=width // _HEAD if width % _HEAD == 0 else 1,
            intermediate_size=self._shape(tensors, _WIDENING.format(0))[0],
            max_position_embeddings=self._shape(tensors, _POSITIONS)[0],
            type_vocab_size=self._shape(tensors, _TYPES)[0],
            layer_norm_eps=1e-5,
            pad_token_id=PADDING,
        )
        with torch.device("meta"):
            branch = RobertaModel(config)
        # The two tables that are made, not learnt; older files carry the first one.
        positions = torch.arange(config.max_position_embeddings)[None]
        branch.embeddings.register_buffer("position_ids", positions, persistent=False)
        branch.embeddings.register_buffer("token_type_ids", torch.zeros_like(positions), persistent=False)
        own = _within(tensors, "text_branch.")
        own.pop("embeddings.position_ids", None)
        # In place: the values of a mapped file are used where they are, instead of half a gigabyte twice.
        fill(branch, own, self._source, prefix="text_branch.", copy=False)
        return branch.eval().requires_grad_(False)

    def _projection(self, tensors: Mapping[str, Tensor]) -> nn.Module:
        import torch
        from torch import nn

        middle, width = self._shape(tensors, "text_projection.0.weight")
        with torch.random.fork_rng(devices=[]):
            projection = nn.Sequential(nn.Linear(width, middle), nn.ReLU(), nn.Linear(middle, self._size))
        fill(projection, _within(tensors, "text_projection."), self._source, prefix="text_projection.")
        return projection.eval().requires_grad_(False)

    def _shape(self, tensors: Mapping[str, Tensor], name: str) -> tuple[int, int]:
        if name not in tensors or tensors[name].ndim != 2:
            raise ModelError(f"{self._source} lacks the tensor {name} of CLAP's text branch; fetch it again.")
        rows, columns = tensors[name].shape
        return rows, columns


def text_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """CLAP's text branch and its projection out of a checkpoint, by the names that begin with `text_`.

    What stands before them (`query_encoder.model.`, `module.`) is cut off. Empty when there is no text branch.
    """
    return branch_tensors(tensors, _WORDS, r"text_branch\.|text_projection\.")


def branch_tensors(tensors: Mapping[str, Tensor], mark: str, names: str) -> dict[str, Tensor]:
    """The tensors whose names match `names` after what stands before `mark`, without it."""
    marked = [name for name in tensors if name == mark or name.endswith(f".{mark}")]
    if not marked:
        return {}
    prefix = min(marked, key=len).removesuffix(mark)
    wanted = re.compile(f"{re.escape(prefix)}(?:{names})")
    return {name.removeprefix(prefix): value for name, value in tensors.items() if wanted.match(name)}


def _within(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
