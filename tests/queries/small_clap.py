"""A CLAP small enough for tests: a tokenizer of bytes and a few words, and random weights in the published layout."""

import json
from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from torch import Tensor
from transformers import RobertaConfig, RobertaModel

MERGES = (("d", "o"), ("do", "g"), ("Ġ", "b"), ("a", "r"), ("Ġb", "ar"), ("Ġbar", "k"), ("r", "a"), ("i", "n"))
VOCABULARY = (
    *("<s>", "<pad>", "</s>", "<unk>"),
    *sorted(pre_tokenizers.ByteLevel.alphabet()),
    *("".join(pair) for pair in MERGES),
    "<mask>",
)


def write_tokenizer(folder: Path) -> Path:
    """`vocab.json` and `merges.txt`, as roberta-base has them."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: number for number, token in enumerate(VOCABULARY)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    merges = "\n".join(["#version: 0.2", *(" ".join(pair) for pair in MERGES)])
    (folder / "merges.txt").write_text(merges + "\n", encoding="utf-8")
    return folder


def roberta(width: int = 64, layers: int = 2) -> RobertaModel:
    """RoBERTa of CLAP's kind with weights large enough that texts differ."""
    config = RobertaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        intermediate_size=2 * width,
        max_position_embeddings=100,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        initializer_range=0.3,
    )
    return RobertaModel(config).eval()


def text_state(width: int = 64, size: int = 512, seed: int = 0) -> dict[str, Tensor]:
    """`text_branch.…` and `text_projection.…`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        branch = roberta(width)
        projection = torch.nn.Sequential(torch.nn.Linear(width, size), torch.nn.ReLU(), torch.nn.Linear(size, size))
    parts = {"text_branch.": branch, "text_projection.": projection}
    return {prefix + name: value for prefix, part in parts.items() for name, value in part.state_dict().items()}
