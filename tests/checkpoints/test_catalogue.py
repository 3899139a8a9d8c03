"""The catalogue: what it lists, what it says about each checkpoint, and how it answers a wrong name."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lass.checkpoints import catalogue
from lass.errors import ModelError

CARD = {
    "format": 1,
    "name": "resunet-compact",
    "architecture": "ResUNet",
    "config": {"sample_rate": 32_000, "window": 1024},
    "encoder": "compact",
    "summary": "Trained on 2,000 everyday sounds.",
    "parameters": 1234,
    "licence": "MIT",
}


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    folder = tmp_path / "assets"
    place(folder, CARD)
    return folder


def place(assets: Path, card: object) -> Path:
    path = assets / "resunet-compact" / "model.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"weight": np.zeros(3, np.float32)}, path, metadata={"lass": json.dumps(card)})
    return path


def test_the_published_checkpoints_are_listed_with_their_published_facts(tmp_path: Path, assets: Path) -> None:
    entries = {entry.name: entry for entry in catalogue.list_models(tmp_path / "cache", assets)}
    assert list(entries) == [
        "resunet-compact",
        "audiosep-32k",
        "audiosep-hive-32k",
        "dcase2024-baseline-16k",
        "audiosep-dp-32k",
        "audiosep-ensemble",
    ]
    audiosep = entries["audiosep-32k"]
    assert (audiosep.size_bytes, audiosep.size_is_approximate, audiosep.licence) == (
        1_264_844_076,
        False,
        "MIT",
    )
    assert audiosep.parameters == 26_447_941
    assert audiosep.size == "1.26 GB"
    assert entries["audiosep-hive-32k"].size == "about 1.26 GB"
    assert entries["dcase2024-baseline-16k"].licence == "not stated"
    assert entries["dcase2024-baseline-16k"].parameters == 26_446_917
    assert entries["dcase2024-baseline-16k"].sample_rate == 16_000
    assert entries["audiosep-dp-32k"].parameters is None
    assert entries["audiosep-dp-32k"].source == "https://zenodo.org/records/14208090"
    assert entries["audiosep-ensemble"].size == "about 4.06 GB"


def test_every_entry_tells_what_a_reader_needs(tmp_path: Path, assets: Path) -> None:
    for entry in catalogue.list_models(tmp_path / "cache", assets):
        for text in (entry.title, entry.architecture, entry.encoder, entry.licence, entry.source, entry.size):
            assert text.strip(), entry.name
        assert entry.summary.endswith("."), entry.name
        assert "\n" not in entry.summary
        assert entry.files or entry.asset or entry.members, entry.name
        if entry.encoder == "CLAP":
            assert catalogue.companions(entry) == (catalogue.ROBERTA_TOKENIZER,)


def test_a_bundled_entry_is_read_from_the_checkpoint_itself(assets: Path) -> None:
    entry = catalogue.find("resunet-compact", assets_dir=assets)
    assert entry.state == "bundled"
    assert (entry.parameters, entry.sample_rate, entry.summary) == (1234, 32_000, CARD["summary"])
    assert entry.asset is not None
    assert entry.size_bytes == entry.asset.stat().st_size


@pytest.mark.parametrize(
    "card",
    [
        None,
        [],
        {},
        {"format": 1},
        {**CARD, "format": 2},
        {**CARD, "config": {}},
        {**CARD, "parameters": "many"},
    ],
)
def test_a_bundled_file_without_its_facts_is_refused_and_hides_nothing_else(assets: Path, card: object) -> None:
    place(assets, card)
    with pytest.raises(ModelError, match="resunet-compact"):
        catalogue.find("resunet-compact", assets_dir=assets)
    assert catalogue.list_models(assets_dir=assets)[0].name == "audiosep-32k"


@pytest.mark.parametrize("content", [b"", b"\xff" * 200, b"\x10\0\0\0\0\0\0\0{"])
def test_a_damaged_or_missing_bundled_file_is_refused_in_a_sentence(assets: Path, content: bytes) -> None:
    path = assets / "resunet-compact" / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        catalogue.find("resunet-compact", assets_dir=assets)
    path.unlink()
    with pytest.raises(ModelError, match="missing"):
        catalogue.find("resunet-compact", assets_dir=assets)


def test_a_file_of_the_right_size_in_its_place_counts_as_downloaded(tmp_path: Path) -> None:
    path = tmp_path / "audiosep-32k" / "audiosep_base_4M_steps.ckpt"
    path.parent.mkdir()
    path.write_bytes(b"half")
    assert catalogue.find("audiosep-32k", tmp_path).state == "to download"
    with path.open("r+b") as file:
        file.truncate(1_264_844_076)  # a sparse file: no gigabyte is written
    assert catalogue.find("audiosep-32k", tmp_path).state == "downloaded"
    assert catalogue.find("audiosep-32k").state == "to download"


def test_a_wrong_name_is_answered_with_the_good_ones() -> None:
    with pytest.raises(ModelError) as caught:
        catalogue.find("audiosep32k")
    text = str(caught.value)
    assert "did you mean audiosep-32k?" in text
    assert all(name in text for name in catalogue.names())


def test_names_are_unique_and_fit_for_a_folder() -> None:
    names = catalogue.names() + [companion.name for companion in catalogue.COMPANIONS]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalnum() and name == name.lower() for name in names)


def test_companions_have_their_own_names_and_costs() -> None:
    assert catalogue.find_companion("clap-weights").size == "2.35 GB"
    assert catalogue.find_companion("roberta-tokenizer").size.startswith("about 2.71 MB")
    with pytest.raises(ModelError, match="roberta-tokenizer"):
        catalogue.find_companion("roberta")
