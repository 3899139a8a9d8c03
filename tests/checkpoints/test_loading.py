"""From a name or a path to a network: what loads, and what is said when nothing does."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import lass
from lass.checkpoints import catalogue
from lass.checkpoints.loading import load_checkpoint
from lass.errors import ModelError, SettingsError


def refusal(name_or_path: str | Path, **arguments: Any) -> str:
    """The one sentence with which a checkpoint is refused."""
    with pytest.raises(ModelError) as caught:
        load_checkpoint(name_or_path, **arguments)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def changed(checkpoint: Path, folder: Path, **facts: object) -> Path:
    """A copy of a checkpoint whose description says something else."""
    path = folder / "changed.safetensors"
    card = dict(catalogue.read_metadata(checkpoint)) | facts
    save_file(load_file(checkpoint), path, metadata={"lass": json.dumps(card)})
    return path


@pytest.mark.parametrize("form", [str, Path, os.path.relpath], ids=["text", "path", "relative"])
def test_a_path_loads(tiny_checkpoint: Path, form: Any) -> None:
    loaded = load_checkpoint(form(tiny_checkpoint))
    assert loaded.name == "tiny"
    assert loaded.config.sample_rate == 16_000
    assert loaded.levels == (-40.0, -12.0)
    assert loaded.known_sounds is not None
    assert loaded.known_sounds.labels == ("dog bark", "rain")
    assert loaded.encoder.size == loaded.config.condition_size


def test_checkpoints_share_their_encoder(tiny_checkpoint: Path) -> None:
    assert load_checkpoint(tiny_checkpoint).encoder is load_checkpoint(tiny_checkpoint).encoder


def test_the_front_door_opens_a_path(tiny_checkpoint: Path) -> None:
    separator = lass.load_separator(tiny_checkpoint)
    assert (separator.name, separator.sample_rate) == ("tiny", 16_000)
    query = separator.encoder.encode(["rain"])
    assert separator.model(torch.zeros(1, 1, 4_000), query).shape == (1, 1, 4_000)


def test_the_front_door_chooses_a_device_or_says_that_there_is_none(tiny_checkpoint: Path) -> None:
    separator = lass.load_separator(tiny_checkpoint, device="auto")
    assert next(separator.model.parameters()).device.type == separator.device.type
    with pytest.raises(SettingsError):
        lass.load_separator(tiny_checkpoint, device="abacus")


def test_a_catalogue_name_loads_its_file(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resunet-compact").mkdir()
    shutil.copy(tiny_checkpoint, tmp_path / "resunet-compact" / "model.safetensors")
    monkeypatch.setattr(catalogue, "ASSETS", tmp_path)
    assert load_checkpoint("resunet-compact").config.window == 256
    assert lass.list_models()[0].state == "bundled"


def test_a_bundled_file_that_is_gone_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "ASSETS", tmp_path)
    assert str(tmp_path / "resunet-compact" / "model.safetensors") in refusal("resunet-compact")


def test_a_misspelt_name_suggests_the_right_one() -> None:
    assert "did you mean resunet-compact?" in refusal("resunet-compct")


def test_an_unknown_name_lists_what_there_is() -> None:
    text = refusal("loudspeaker")
    assert all(name in text for name in catalogue.names())


@pytest.mark.parametrize("path", ["gone.safetensors", "folder/gone", "gone.ckpt", "/gone/model.pt"])
def test_a_missing_path_is_said_to_be(path: str) -> None:
    assert path in refusal(path)


@pytest.mark.parametrize("name", ["", ".", "x" * 5_000, "a/" * 3_000, "nul\0byte", "line\nbreak"])
def test_strange_names_are_refused_like_others(name: str) -> None:
    refusal(name)


def test_a_published_model_asks_for_a_folder_of_downloads() -> None:
    assert "AudioSep" in refusal("audiosep-32k")


def test_a_published_model_that_is_not_downloaded_says_how(tmp_path: Path) -> None:
    assert "download" in refusal("audiosep-32k", cache_dir=tmp_path)


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt", ".pt", ".pth", ".wav", ""])
@pytest.mark.parametrize("content", [b"", b"no checkpoint at all" * 50])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"thing{suffix}"
    path.write_bytes(content)
    assert "thing" in refusal(path)


def test_safetensors_of_somebody_else_are_refused_by_what_they_lack(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    assert "other.safetensors" in refusal(path)


@pytest.mark.parametrize("levels", ["loud", [1.0], [1.0, 2.0, 3.0], [None, 1.0], 3])
def test_levels_that_are_none_are_refused(tiny_checkpoint: Path, tmp_path: Path, levels: object) -> None:
    assert "levels" in refusal(changed(tiny_checkpoint, tmp_path, levels=levels))


def test_levels_need_not_be_known(tiny_checkpoint: Path, tmp_path: Path) -> None:
    assert load_checkpoint(changed(tiny_checkpoint, tmp_path, levels=None)).levels is None


def test_another_encoder_is_named(tiny_checkpoint: Path, tmp_path: Path) -> None:
    assert "'flan-t5'" in refusal(changed(tiny_checkpoint, tmp_path, encoder="flan-t5"))
