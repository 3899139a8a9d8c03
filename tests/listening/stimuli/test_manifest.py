"""The manifest is written whole, read back equal, and tells changed bytes."""

from pathlib import Path

import pytest

from lass.errors import LassError
from lass.listening.stimuli.manifest import Manifest, check, load_manifest, opaque, save_manifest
from tests.listening.small import small_manifest, small_study


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    _, manifest = small_manifest(tmp_path, anchor=True, traps=1)
    (tmp_path / "copy").mkdir()
    save_manifest(tmp_path / "copy", manifest)
    assert load_manifest(tmp_path / "copy") == manifest


def test_a_stimulus_is_found_by_its_id_only(tmp_path: Path) -> None:
    _, manifest = small_manifest(tmp_path)
    for stimulus in manifest.stimuli:
        assert manifest.stimulus(stimulus.id) is stimulus
        assert manifest.mixtures[stimulus.mixture].item == stimulus.item
    for wrong in ("", "item1", manifest.stimuli[0].file, "../study.yaml"):
        with pytest.raises(KeyError):
            manifest.stimulus(wrong)


def test_names_say_nothing(tmp_path: Path) -> None:
    study, manifest = small_manifest(tmp_path, conditions=("alpha", "beta"), anchor=True, hidden_reference=True)
    names = [one.id for one in manifest.stimuli] + list(manifest.mixtures) + list(manifest.files)
    assert len(set(names)) == len(names)
    for name in names:
        for word in ("alpha", "beta", "anchor", "reference", "item", "practice", study.slug):
            assert word not in name
    assert opaque("a" * 64, "system", "item1", "alpha") != opaque("b" * 64, "system", "item1", "alpha")
    assert manifest.secret not in repr(manifest)


def test_changed_bytes_are_told(tmp_path: Path) -> None:
    folder = small_study(tmp_path)
    assert check(folder) == []
    first, second, *_ = load_manifest(folder).files
    with (folder / first).open("r+b") as file:
        file.seek(100)
        file.write(b"\1\2")
    (folder / second).unlink()
    told = check(folder)
    assert len(told) == 2
    assert f"{first} was changed" in told[0]
    assert f"{second} is missing" in told[1]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"stimuli": []}', b"\xff\xfe"])
def test_a_damaged_manifest_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(LassError, match="build the study again"):
        load_manifest(tmp_path)


def test_a_missing_and_a_later_manifest_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(LassError, match="build the study first"):
        load_manifest(tmp_path)
    _, manifest = small_manifest(tmp_path)
    save_manifest(tmp_path, manifest.model_copy(update={"format": 99}))
    with pytest.raises(LassError, match="later version"):
        load_manifest(tmp_path)


def test_a_manifest_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    _, manifest = small_manifest(tmp_path)
    facts = manifest.model_dump()
    for path in ("../study.yaml", "/etc/passwd", "audio/../../x.wav", "audio/name.wav"):
        facts["stimuli"][0]["file"] = path
        with pytest.raises(ValueError, match="file"):
            Manifest.model_validate(facts)
