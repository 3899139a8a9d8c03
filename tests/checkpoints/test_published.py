"""Files in the published layout, whole ones of tiny width: what is read off them, and what is refused and how."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import lass
from lass.checkpoints.catalogue import CLAP_WEIGHTS, RESUNET30_PARAMETERS_16K, RESUNET30_PARAMETERS_32K
from lass.checkpoints.published import load_clap_score, load_published
from lass.errors import ModelError
from lass.models import DualPathConfig, ResUNet, ResUNetConfig
from lass.queries import Query
from tests.checkpoints.small import CHANNELS, TINY, lightning, network, prefixed, separator_state, whole_state
from tests.memory import STATUS
from tests.queries.small_clap import text_state, write_tokenizer

CONFIGS = {
    "16 kHz": TINY,
    "32 kHz": ResUNetConfig(channels=CHANNELS),
    "another rate": ResUNetConfig(channels=CHANNELS, sample_rate=24000),
    "DPRNN": ResUNetConfig(channels=CHANNELS, dual_path=DualPathConfig()),
    "DPRNN, 6 layers of 256": ResUNetConfig(channels=CHANNELS, dual_path=DualPathConfig(layers=6, hidden=256)),
    "LSTM of one layer": ResUNetConfig(channels=CHANNELS, dual_path=DualPathConfig(1, 12, "lstm", 1)),
    "three-layer GRU": ResUNetConfig(channels=CHANNELS, dual_path=DualPathConfig(1, 12, "gru", 3)),
    "magnitude mask": ResUNetConfig(channels=CHANNELS, mask="magnitude"),
    "fewer blocks": ResUNetConfig(channels=(4, 8), pooling=((2, 2), (1, 4)), condition_size=32),
    "nothing unused": ResUNetConfig(channels=CHANNELS, vestigial=False),
}


@pytest.fixture
def published(tmp_path: Path) -> Path:
    path = tmp_path / "audiosep.ckpt"
    torch.save(lightning(whole_state()), path)
    return path


def outputs(model: Any, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixture = torch.randn(2, 1, 7001, generator=generator)
    condition = torch.randn(2, model.config.condition_size, generator=generator)
    with torch.inference_mode():
        return model(mixture, Query(condition))


def test_a_whole_checkpoint_loads_by_its_path_and_encodes(published: Path, tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "cache" / "roberta-tokenizer")
    separator = lass.load_separator(published, cache_dir=tmp_path / "cache")
    assert separator.sample_rate == 16000
    assert separator.encoder.size == 512
    assert separator.encoder.encode(["dog bark", "rain"]).pooled.shape == (2, 512)
    rng = np.random.default_rng(0)
    mixture = 0.1 * rng.standard_normal((2, 22050)).astype(np.float32)
    result = separator.separate(mixture, 22050, "a dog barking")
    np.testing.assert_allclose(result.target + result.residual, mixture, atol=1e-6)
    assert np.abs(result.target).max() > 1e-4


def test_a_tokenizer_beside_the_checkpoint_is_found(published: Path) -> None:
    write_tokenizer(published.parent / "roberta-tokenizer")
    assert lass.load_separator(published).encoder.encode(["rain"]).pooled.shape == (1, 512)


@pytest.mark.parametrize("beside", [False, True], ids=["among the downloads", "beside the checkpoint"])
def test_without_a_tokenizer_the_network_works_and_a_query_says_what_is_missing(
    published: Path, beside: bool, tmp_path: Path
) -> None:
    downloads = tmp_path / "downloads"
    separator = lass.load_separator(published, cache_dir=downloads)
    assert torch.equal(outputs(separator.model), outputs(network(TINY)))
    place = downloads / "roberta-tokenizer"
    assert_one_sentence(lambda: separator.encoder.encode(["rain"]), str(place))
    write_tokenizer(published.parent / "roberta-tokenizer" if beside else place)
    assert separator.encoder.encode(["rain"]).pooled.shape == (1, 512)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_the_network_is_read_off_its_tensors(config: ResUNetConfig, tmp_path: Path) -> None:
    model = network(config)
    path = tmp_path / "x.ckpt"
    torch.save(lightning(prefixed("ss_model.", separator_state(model))), path)
    rate = config.sample_rate if config.sample_rate == 24000 else None
    loaded, encoder = load_published(path, sample_rate=rate)
    assert loaded.config == config
    assert encoder.size == config.condition_size
    assert not loaded.training
    assert torch.equal(outputs(loaded), outputs(model))


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (ResUNetConfig(), RESUNET30_PARAMETERS_32K),
        (ResUNetConfig(sample_rate=16000, window=1024, hop=160), RESUNET30_PARAMETERS_16K),
    ],
    ids=["32 kHz", "16 kHz"],
)
def test_full_size_has_the_published_number_of_parameters(
    config: ResUNetConfig, parameters: int, tmp_path: Path
) -> None:
    path = tmp_path / "x.ckpt"
    torch.save(lightning(prefixed("ss_model.", ResUNet(config).state_dict())), path)
    loaded, _ = load_published(path)
    path.unlink()
    assert loaded.config == config
    assert sum(weight.numel() for weight in loaded.parameters() if weight.requires_grad) == parameters


def save_flat(state: dict[str, Tensor], folder: Path) -> Path:
    torch.save(state, folder / "x.pt")
    return folder / "x.pt"


def save_old(state: dict[str, Tensor], folder: Path) -> Path:
    torch.save({"state_dict": state}, folder / "x.pth", _use_new_zipfile_serialization=False)
    return folder / "x.pth"


def save_safe(state: dict[str, Tensor], folder: Path) -> Path:
    save_file({name: value.contiguous() for name, value in state.items()}, folder / "x.safetensors")
    return folder / "x.safetensors"


@pytest.mark.parametrize("save", [save_flat, save_old, save_safe])
@pytest.mark.parametrize("prefix", ["", "ss_model.", "module.ss_model."])
def test_mirrors_of_other_forms_load(
    save: Callable[[dict[str, Tensor], Path], Path], prefix: str, tmp_path: Path
) -> None:
    model = network(TINY)
    state = {name: value for name, value in separator_state(model).items() if "num_batches" not in name}
    separator = lass.load_separator(save(prefixed(prefix, state), tmp_path))
    assert torch.equal(outputs(separator.model), outputs(model))


def test_half_precision_is_used_in_single(tmp_path: Path) -> None:
    model = network(TINY)
    halves = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    loaded, _ = load_published(save_flat(halves, tmp_path))
    assert {weight.dtype for weight in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(outputs(loaded), outputs(model), atol=1e-2, rtol=0)


def test_a_loaded_network_can_be_trained_and_leaves_the_file_alone(published: Path) -> None:
    before = published.read_bytes()
    state = torch.random.get_rng_state()
    model, _ = load_published(published)
    assert torch.equal(state, torch.random.get_rng_state())
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    model(torch.randn(1, 1, 4000), Query(torch.randn(1, 512))).square().mean().backward()
    optimiser.step()
    assert published.read_bytes() == before
    assert not torch.equal(outputs(model), outputs(network(TINY)))


def test_a_checkpoint_without_text_branch_takes_claps_own(tmp_path: Path) -> None:
    path = save_flat(prefixed("ss_model.", separator_state(network(TINY))), tmp_path)
    cache = tmp_path / "cache"
    write_tokenizer(cache / "roberta-tokenizer")
    _, encoder = load_published(path, cache_dir=cache)
    place = cache / "clap-weights" / CLAP_WEIGHTS.files[0].name
    assert_one_sentence(lambda: encoder.encode(["rain"]), str(place))
    place.parent.mkdir()
    clap = prefixed("module.", text_state())
    torch.save({"state_dict": clap, "best": np.float64(0.1), "epoch": np.int64(15)}, place)
    assert encoder.encode(["rain"]).pooled.shape == (1, 512)
    assert_one_sentence(lambda: load_clap_score(place), "two branches")


class Harmful:
    """Unpickled carelessly, it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("old", [False, True], ids=["archive", "old format"])
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path, old: bool) -> None:
    path, folder = tmp_path / "x.ckpt", tmp_path / "made"
    content = {**lightning(whole_state()), "hyper_parameters": Harmful(folder)}
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    text = assert_one_sentence(lambda: lass.load_separator(path), "mkdir")
    assert "run code" in text
    assert not folder.exists()
    assert_one_sentence(lambda: load_clap_score(path), "mkdir")
    assert not folder.exists()


def test_numpy_numbers_are_allowed_while_reading_and_not_after(published: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    torch.save({**lightning(whole_state()), "best": np.float64(0.1), "step": np.int64(3), "last": np.bool_(1)}, path)
    assert torch.equal(outputs(load_published(path)[0]), outputs(load_published(published)[0]))
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


def damages() -> Iterator[tuple[str, Callable[[dict[str, Tensor]], object], str]]:
    """What is done to a state, and what the sentence names."""
    bn0, film = "ss_model.base.bn0.", "ss_model.film.decoder_block1->conv_block2->beta1.weight"
    conv, after = "ss_model.base.encoder_block2.conv_block1.conv2.weight", "ss_model.base.after_conv."
    yield "missing", lambda state: state.pop(film), film
    yield "missing statistics", lambda state: state.pop(bn0 + "running_mean"), bn0 + "running_mean"
    yield "no bn0", lambda state: state.pop(bn0 + "weight"), "base.bn0.weight"
    yield "no head", lambda state: state.pop(after + "weight"), after + "weight"
    yield "unexpected", lambda state: state.update({"ss_model.base.odd.weight": torch.zeros(2)}), "ss_model.base.odd"
    yield "unexpected film", lambda state: state.update({"ss_model.film.odd.bias": torch.zeros(2)}), "ss_model.film.odd"
    yield "wrong shape", lambda state: state.update({conv: torch.zeros(4, 4, 5, 5)}), conv
    yield "integers", lambda state: state.update({conv: state[conv].long()}), conv
    yield "no dimensions", lambda state: state.update({bn0 + "weight": torch.tensor(1.0)}), bn0 + "weight"
    yield "two maps", lambda state: state.update({after + "weight": torch.zeros(2, 4, 1, 1)}), "2 maps"
    yield "odd window", lambda state: state.update({bn0 + "weight": torch.zeros(301)}), "sample rate"
    cell = "ss_model.base.DPRNN.0.row_rnn.0.rnn.weight_hh_l0"
    yield "strange cell", lambda state: state.update({cell: torch.zeros(10, 5)}), "neither GRU nor LSTM"
    yield "half a DPRNN", lambda state: state.update({cell: torch.zeros(15, 5)}), "DPRNN"


@pytest.mark.parametrize(("damage", "mention"), [case[1:] for case in damages()], ids=[case[0] for case in damages()])
def test_a_state_that_does_not_fit_is_refused_by_name(
    damage: Callable[[dict[str, Tensor]], object], mention: str, tmp_path: Path
) -> None:
    state = whole_state()
    damage(state)
    path = tmp_path / "x.ckpt"
    torch.save(lightning(state), path)
    assert str(path) in assert_one_sentence(lambda: lass.load_separator(path), mention)


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".safetensors"])
@pytest.mark.parametrize(
    "content",
    [b"", b"version https://git-lfs.github.com/spec/v1\n", b"\xff" * 999, b"PK\x03\x04" + b"\0" * 99, None],
    ids=["empty", "pointer", "noise", "archive of nothing", "cut short"],
)
def test_a_file_that_is_no_checkpoint_is_refused(
    published: Path, tmp_path: Path, suffix: str, content: bytes | None
) -> None:
    path = tmp_path / f"x{suffix}"
    whole = published.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert_one_sentence(lambda: load_published(path), str(path))


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {1: torch.zeros(2)}, torch.zeros(3), {"state_dict": {}}])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "x.pt"
    torch.save(content, path)
    assert_one_sentence(lambda: lass.load_separator(path), str(path))


@pytest.mark.skipif(not STATUS.exists(), reason="the system does not tell the peak of memory")
def test_what_is_not_needed_is_not_held_in_memory(tmp_path: Path) -> None:
    """Beside the separator a published file holds a gigabyte of other things."""
    path = tmp_path / "x.ckpt"
    ballast = torch.ones(25_000_000)
    torch.save({**lightning(whole_state()), "optimizer_states": [ballast]}, path)
    program = f"""
from pathlib import Path
import torch
from lass.checkpoints.published import load_published
from tests.memory import peak_bytes
before = peak_bytes()
kept = load_published(Path({str(path)!r}))
print(peak_bytes() - before)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert int(run.stdout) < ballast.nbytes / 2


def assert_one_sentence(work: Callable[[], object], mention: str) -> str:
    with pytest.raises(ModelError) as caught:
        work()
    text = str(caught.value)
    assert mention in text
    assert "\n" not in text
    assert text.endswith(".")
    return text
