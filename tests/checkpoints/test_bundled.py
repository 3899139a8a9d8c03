"""Checkpoints in the project's own layout: what is saved comes back, and a file that is damaged says so."""

import dataclasses
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lass.checkpoints.bundled import KNOWN_SOUNDS, is_bundled, load_bundled, save_bundled
from lass.checkpoints.catalogue import FORMAT, read_metadata
from lass.errors import ModelError
from lass.models import DualPathConfig, ResUNetConfig, build, config_from_dict, config_to_dict
from lass.queries import Query
from lass.queries.known import KnownSounds
from lass.queries.recogniser import Recogniser

CONFIG = ResUNetConfig(
    sample_rate=8_000, window=64, hop=16, condition_size=4, channels=(3, 5), pooling=((2, 2), (1, 2)), stem=(1, 2),
    magnitude_power=0.3, film="scale-shift", query_projection=3,
)  # fmt: skip
CARD = {"name": "small", "architecture": "ResUNet", "config": config_to_dict(CONFIG), "encoder": "compact"}
KNOWN = KnownSounds(("owl", "grass in the wind", "雨"), torch.nn.functional.normalize(torch.rand(3, 4), dim=1), 0.25)


def network(config: ResUNetConfig = CONFIG) -> torch.nn.Module:
    """A network whose every tensor, running statistics included, is its own."""
    generator = torch.Generator().manual_seed(5)
    model = build(config)
    state = {
        name: torch.rand(value.shape, generator=generator) if value.is_floating_point() else value + 3
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(state)
    return model


def separated(model: torch.nn.Module) -> torch.Tensor:
    generator = torch.Generator().manual_seed(6)
    mixture = torch.rand(1, 1, 1_000, generator=generator) - 0.5
    with torch.inference_mode():
        return model.eval()(mixture, Query(torch.rand(1, 4, generator=generator)))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    save_bundled(path, network(), CARD, KNOWN)
    return path


def rewritten(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The same file with another description."""
    facts = dict(read_metadata(path))
    facts = change(facts) or facts
    save_file(load_file(path), path, metadata={"lass": json.dumps(facts)})
    return path


def refusal(path: Path) -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(ModelError) as caught:
        load_bundled(path)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert path.name in text
    return text


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        ResUNetConfig(window=64, hop=16, condition_size=4, channels=(3,), pooling=((1, 2),)),
        ResUNetConfig(
            window=64, hop=16, condition_size=4, channels=(4,), pooling=((2, 2),), mask="complex",
            dual_path=DualPathConfig(),
        ),
    ],
    ids=["compact", "published", "dual path"],
)  # fmt: skip
def test_what_is_saved_comes_back(tmp_path: Path, config: ResUNetConfig) -> None:
    path, model = tmp_path / "a.safetensors", network(config)
    save_bundled(path, model, CARD | {"config": config_to_dict(config)})
    loaded, card, known = load_bundled(path)
    assert config_from_dict(card["config"]) == config
    assert known is None
    assert not loaded.training
    for name, value in loaded.state_dict().items():
        assert value.dtype in (torch.float32, torch.int64)
        if not name.endswith("num_batches_tracked"):
            # Half precision holds eleven bits; vectors keep all of theirs.
            tolerance = 2**-11 if value.ndim > 1 else 0
            torch.testing.assert_close(value, model.state_dict()[name], rtol=tolerance, atol=0)


def test_half_precision_is_not_heard(checkpoint: Path) -> None:
    expected, result = separated(network()), separated(load_bundled(checkpoint)[0])
    assert expected.std() > 1e-3
    assert (result - expected).std() < 2e-3 * expected.std()


def test_kernels_are_stored_in_half_the_space(checkpoint: Path) -> None:
    stored = load_file(checkpoint)
    assert {value.dtype for value in stored.values() if value.ndim > 1} == {torch.float16}
    assert {value.dtype for value in stored.values() if value.ndim <= 1} == {torch.float32}


def test_saving_changes_nothing_in_the_network(tmp_path: Path) -> None:
    model = network().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    save_bundled(tmp_path / "a.safetensors", model, CARD, KNOWN)
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_card_describes_the_network_without_a_tensor(checkpoint: Path) -> None:
    card = read_metadata(checkpoint)
    assert {name: card[name] for name in CARD} == json.loads(json.dumps(CARD))
    assert card["format"] == FORMAT
    assert card["parameters"] == sum(weight.numel() for weight in network().parameters())


def test_known_sounds_come_back(checkpoint: Path) -> None:
    known = load_bundled(checkpoint)[2]
    assert known is not None
    assert (known.labels, known.threshold) == (KNOWN.labels, KNOWN.threshold)
    torch.testing.assert_close(known.vectors, KNOWN.vectors, rtol=0, atol=1e-3)
    torch.testing.assert_close(known.vectors.norm(dim=1), torch.ones(3), rtol=0, atol=1e-6)


def test_what_tells_known_sounds_apart_comes_back(checkpoint: Path) -> None:
    generator = torch.Generator().manual_seed(8)
    weights, bias = torch.rand(3, 4, generator=generator), torch.rand(3, generator=generator)
    save_bundled(checkpoint, network(), CARD, dataclasses.replace(KNOWN, recogniser=Recogniser(weights, bias, -1.5)))
    known = load_bundled(checkpoint)[2]
    assert known is not None
    assert known.recogniser is not None
    torch.testing.assert_close(known.recogniser.weights, weights, rtol=0, atol=1e-3)
    assert torch.equal(known.recogniser.bias, bias)
    assert known.recogniser.familiar == -1.5


def test_checkpoints_of_earlier_versions_recognise_by_means_alone(checkpoint: Path) -> None:
    known = load_bundled(checkpoint)[2]
    assert known is not None
    assert known.recogniser is None
    assert not {"known_sounds_weights", "known_sounds_bias"} & set(load_file(checkpoint))


@pytest.mark.parametrize(("rows", "values"), [(2, 4), (3, 5)])
def test_a_recogniser_of_other_sounds_is_refused(checkpoint: Path, rows: int, values: int) -> None:
    strange = Recogniser(torch.rand(rows, values), torch.rand(rows))
    save_bundled(checkpoint, network(), CARD, dataclasses.replace(KNOWN, recogniser=strange))
    assert "do not fit" in refusal(checkpoint)


def test_a_checkpoint_is_for_everybody_and_leaves_nothing_beside_it(checkpoint: Path) -> None:
    assert stat.S_IMODE(checkpoint.stat().st_mode) == 0o644
    assert [file.name for file in checkpoint.parent.iterdir()] == [checkpoint.name]


def test_saving_replaces_what_was_there(checkpoint: Path) -> None:
    save_bundled(checkpoint, network(), CARD | {"name": "later"})
    assert read_metadata(checkpoint)["name"] == "later"


def test_a_failed_save_keeps_the_old_file(checkpoint: Path) -> None:
    before = checkpoint.read_bytes()
    with pytest.raises(TypeError):
        save_bundled(checkpoint, network(), CARD | {"name": object()})
    assert checkpoint.read_bytes() == before
    assert [file.name for file in checkpoint.parent.iterdir()] == [checkpoint.name]


@pytest.mark.parametrize("kept", [0, 4, 100, 0.5, -1])
def test_a_file_cut_short_is_refused(checkpoint: Path, kept: float) -> None:
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    assert "damaged" in refusal(checkpoint)
    assert is_bundled(checkpoint)


@pytest.mark.parametrize("content", [b"no safetensors at all" * 9, b"\xff" * 64, b'{"lass": 1}'])
def test_another_kind_of_file_is_refused(checkpoint: Path, content: bytes) -> None:
    checkpoint.write_bytes(content)
    refusal(checkpoint)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path / "gone.safetensors")


def test_other_safetensors_are_told_apart(tmp_path: Path, checkpoint: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(3)}, other)
    assert not is_bundled(other)
    assert is_bundled(checkpoint)
    refusal(other)


def test_a_newer_format_asks_for_an_update(checkpoint: Path) -> None:
    rewritten(checkpoint, lambda facts: facts | {"format": FORMAT + 1})
    assert "newer" in refusal(checkpoint)


def _config(**changes: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda facts: facts | {"config": facts["config"] | changes}


@pytest.mark.parametrize(
    "change",
    [
        _config(channels=[3, 6]),
        _config(channels=[3]),
        _config(channels=[]),
        _config(channels=3),
        _config(channels="many"),
        _config(window=63),
        _config(window={"a": 1}),
        _config(window=None),
        _config(hop=0),
        _config(hop=-16),
        _config(hop=16.5),
        _config(sample_rate="fast"),
        _config(sample_rate=0),
        _config(stem=[0, 0]),
        _config(mask="none such"),
        _config(film="colour"),
        _config(dual_path=5),
        _config(dual_path={"a": 5}),
        _config(kind="diffusion"),
        _config(unheard_of=1),
        lambda facts: facts | {"config": None},
        lambda facts: facts | {"config": [1, 2]},
        lambda facts: {name: value for name, value in facts.items() if name != "config"},
        lambda facts: {name: value for name, value in facts.items() if name != KNOWN_SOUNDS},
        lambda facts: facts | {KNOWN_SOUNDS: {"labels": ["one"], "threshold": 0.5}},
        lambda facts: facts | {KNOWN_SOUNDS: {"labels": ["a", "b", "c"], "threshold": "near"}},
        lambda facts: facts | {KNOWN_SOUNDS: 3},
        lambda facts: facts | {"format": "first"},
        lambda facts: ["format"],
    ],
)
def test_a_description_that_does_not_fit_is_refused(checkpoint: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    refusal(rewritten(checkpoint, change))


def test_a_missing_or_surplus_tensor_is_refused(checkpoint: Path) -> None:
    tensors, metadata = load_file(checkpoint), {"lass": json.dumps(dict(read_metadata(checkpoint)))}
    name = next(name for name in tensors if name != KNOWN_SOUNDS)
    save_file({key: value for key, value in tensors.items() if key != name}, checkpoint, metadata=metadata)
    assert "do not fit" in refusal(checkpoint)
    save_file(tensors | {"surplus": torch.zeros(2)}, checkpoint, metadata=metadata)
    assert "do not fit" in refusal(checkpoint)


def test_the_file_holds_no_code(checkpoint: Path) -> None:
    """Safetensors is a header of JSON and plain numbers."""
    with safe_open(checkpoint, "np") as file:
        assert all(isinstance(file.get_tensor(name), np.ndarray) for name in file.keys())  # noqa: SIM118
