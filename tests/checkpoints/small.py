"""Files in the published layout, whole ones of tiny width."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor

from lass.checkpoints.catalogue import ROBERTA_TOKENIZER, ModelEntry, find
from lass.checkpoints.remote import Endpoints, RemoteFile
from lass.models import ResUNet, ResUNetConfig
from tests.queries.small_clap import text_state, write_tokenizer

CHANNELS = (4, 4, 8, 8, 8, 8)
TINY = ResUNetConfig(channels=CHANNELS, sample_rate=16000, window=1024, hop=160)


def network(config: ResUNetConfig) -> ResUNet:
    """With statistics and biases that are not those of a fresh network."""
    torch.manual_seed(0)
    model = ResUNet(config).eval()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.ndim == 1 and not name.endswith("running_var"):
                value.add_(0.1 * torch.randn(value.shape))
    return model


def separator_state(model: ResUNet) -> dict[str, Tensor]:
    """`base.…` and `film.…` as published, Fourier kernels included."""
    window, bins = model.config.window, model.config.window // 2 + 1
    kernels = {
        "base.stft.conv_real.weight": torch.zeros(bins, 1, 8),
        "base.istft.conv_real.weight": torch.zeros(8, 8, 1),
        "base.istft.ola_window": torch.zeros(window),
    }
    return {**model.state_dict(), **kernels}


def prefixed(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in state.items()}


def lightning(state: dict[str, Tensor]) -> dict[str, Any]:
    """What PyTorch Lightning writes around a state."""
    moments = {0: {"step": torch.tensor(4.0), "exp_avg": torch.zeros(3)}}
    return {
        "epoch": 3,
        "global_step": 200000,
        "pytorch-lightning_version": "2.0.1",
        "state_dict": state,
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4, "completed": 3}}}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(1.0), "dirpath": "/x"}},
        "optimizer_states": [{"state": moments, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999), "params": [0]}]}],
        "lr_schedulers": [{"base_lrs": [1e-3], "last_epoch": 200000, "lr_lambdas": [None]}],
    }


def whole_state(config: ResUNetConfig = TINY) -> dict[str, Tensor]:
    """A complete published state: separator, text branch, and the audio branch that goes unread."""
    clap = {**text_state(), "logit_scale_a": torch.tensor(1.0), "audio_branch.bn0.weight": torch.ones(64)}
    clap["text_branch.embeddings.position_ids"] = torch.arange(100)[None]
    separator = separator_state(network(config))
    return {**prefixed("ss_model.", separator), **prefixed("query_encoder.model.", clap)}


def whole_file(config: ResUNetConfig = TINY) -> bytes:
    """A complete published checkpoint as the bytes of its file."""
    buffer = io.BytesIO()
    torch.save(lightning(whole_state(config)), buffer)
    return buffer.getvalue()


def stand_in(content: bytes) -> ModelEntry:
    """A catalogue entry of this file with its true size and checksum, to be put beside the real ones."""
    digest = hashlib.sha256(content).hexdigest()
    file = RemoteFile("hf-space", "owner/space", "checkpoint/tiny.ckpt", size_bytes=len(content), sha256=digest)
    facts = {"name": "stand-in", "title": "Stand-in", "summary": "A published checkpoint of tiny width.",
             "licence": "MIT", "size_bytes": len(content), "size_is_approximate": False, "files": (file,)}  # fmt: skip
    return replace(find("dcase2024-baseline-16k"), **facts)


def at_its_place(file: RemoteFile, content: bytes) -> dict[str, bytes]:
    """A file by the path at which its host serves it."""
    return {Endpoints("", "").url(file): content}


def tokenizer_files(folder: Path) -> dict[str, bytes]:
    """The files of RoBERTa's tokenizer with a tiny vocabulary, by the paths at which they are served."""
    write_tokenizer(folder)
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    for name in ("tokenizer_config.json", "config.json"):
        (folder / name).write_text("{}")
    served: dict[str, bytes] = {}
    for file in ROBERTA_TOKENIZER.files:
        served |= at_its_place(file, (folder / file.name).read_bytes())
    return served
