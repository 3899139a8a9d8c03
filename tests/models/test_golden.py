"""The published networks' own outputs, met by ours through the path that a user takes: a checkpoint file.

``tests/data/golden`` holds what the published code computed for one mixture and one condition, with every weight
drawn from its own name by the rule below, so that no weights need be stored.
"""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import lass
from lass.queries import Query
from lass.separation import Separator

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden"
NAMES = ("resunet30-16k", "resunet30-dprnn-16k")
TOLERANCE = 2e-5
# Fixed Fourier kernels, which a loader must not look at.
TRANSFORM = ("base.stft.", "base.istft.")


def filled(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """The value of a tensor, by its name."""
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    n = np.random.Generator(np.random.PCG64(seed)).standard_normal(shape)
    name = key.rpartition(".")[2]
    if name == "running_var":
        return 1 + 0.1 * np.abs(n)
    if name == "running_mean" or name.startswith("bias"):
        return 0.05 * n
    if len(shape) == 1:
        return 1 + 0.05 * n
    if ".DPRNN." in key:
        return n / math.sqrt(math.prod(shape[1:]))
    if len(shape) == 2:
        return 0.5 * n
    transposed = ".decoder_block" in key and ".conv_block2." not in key
    return n / math.sqrt(shape[0] if transposed else math.prod(shape[1:]))


def state(keys: list[tuple[str, list[int], str]]) -> dict[str, torch.Tensor]:
    """A published checkpoint's ``state_dict`` under the rule."""
    tensors = {}
    for key, shape, kind in keys:
        if kind != "float32":
            value = torch.zeros(shape, dtype=getattr(torch, kind))
        elif key.startswith(TRANSFORM):
            value = torch.full(shape, torch.nan)
        else:
            value = torch.from_numpy(filled(key, tuple(shape)).astype(np.float32))
        tensors[f"ss_model.{key}"] = value
    return tensors


@pytest.fixture(scope="module", params=NAMES)
def golden(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "input.npz") as given, np.load(GOLDEN / f"{request.param}.npz") as computed:
        return {**given, **computed}


@pytest.fixture(scope="module")
def separator(golden: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Separator:
    path = tmp_path_factory.mktemp("golden") / "published.ckpt"
    keys = json.loads(golden["keys"].tobytes())
    torch.save({"epoch": 0, "global_step": 1, "state_dict": state(keys), "optimizer_states": []}, path)
    separator = lass.load_separator(path, sample_rate=16000)
    path.unlink()
    return separator


def test_the_published_outputs_are_met(separator: Separator, golden: dict[str, np.ndarray]) -> None:
    assert separator.sample_rate == 16000
    outputs = [value for name, value in golden.items() if name.startswith("output")]
    for output in outputs:
        mixture = torch.from_numpy(golden["mixture"][: output.size])[None, None]
        with torch.inference_mode():
            target = separator.model(mixture, Query(pooled=torch.from_numpy(golden["condition"])))
        assert target.shape == mixture.shape
        assert np.abs(target[0, 0].numpy() - output).max() <= TOLERANCE


def test_a_length_that_fills_no_frame_is_among_them() -> None:
    with np.load(GOLDEN / "resunet30-16k.npz") as file:
        assert file["output_odd"].size % 160
