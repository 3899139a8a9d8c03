"""Lists made from a folder of labelled clips."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lass.errors import LassError
from lass.evaluation import SAME_SOUND_FILE, folder_list, read_same_sound
from tests.evaluation.recordings import write

LABELS = ("dog bark", "rain", "rain falling", "bell")
CAPTIONS = {
    label: {"train": [label, f"a {label}"], "held_out": [f"some {label}", f"the {label} there", f"my {label}"]}
    for label in LABELS
}


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Four labels, three clips each in two folds."""
    rows = []
    for fold in (1, 2):
        for number, label in enumerate(LABELS):
            for take in range(3):
                name = f"{fold}-{number}-{take}.wav"
                write(tmp_path / "clips" / name, np.ones(80, dtype=np.float32))
                rows.append(f"{name},{fold},{label},CC0")
    (tmp_path / "clips.csv").write_text("file,fold,label,licence\n" + "\n".join(rows) + "\n")
    return tmp_path


def test_clips_of_different_labels_from_the_asked_folds(collection: Path) -> None:
    items = folder_list(
        collection / "clips.csv", collection / "clips", folds=(2,), count=30, snr_db=-5.0, captions=CAPTIONS
    )
    assert len(items) == 30
    label_of = {"0": "dog bark", "1": "rain", "2": "rain falling", "3": "bell"}
    for item in items:
        (noise,) = item.noises
        assert item.source.name.startswith("2-")
        assert noise.name.startswith("2-")
        assert item.label == item.caption == label_of[item.source.name[2]]
        assert item.absent is not None
        assert len({item.label, label_of[noise.name[2]], item.absent.label}) == 3
        assert item.snr_db == -5.0
        assert item.query("train") in CAPTIONS[item.label]["train"]
        assert item.query("held_out") in CAPTIONS[item.label]["held_out"]
    assert set(Counter(item.source for item in items).values()) <= {2, 3}
    assert len({(item.source, item.noises) for item in items}) == 30


def test_the_seed_decides_and_the_order_of_the_rows_does_not(collection: Path) -> None:
    table, clips = collection / "clips.csv", collection / "clips"
    first = folder_list(table, clips, count=20, seed=3, snr_db=(-10.0, 10.0), captions=CAPTIONS)
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([header, *reversed(rows)]) + "\n")
    assert folder_list(table, clips, count=20, seed=3, snr_db=(-10.0, 10.0), captions=CAPTIONS) == first
    assert folder_list(table, clips, count=20, seed=4, snr_db=(-10.0, 10.0), captions=CAPTIONS) != first
    assert all(item.snr_db is not None and -10 <= item.snr_db <= 10 for item in first)
    assert len({item.snr_db for item in first}) == 20


def test_other_wordings_leave_the_mixtures_as_they_were(collection: Path) -> None:
    table, clips = collection / "clips.csv", collection / "clips"
    spoken = folder_list(table, clips, count=20, captions=CAPTIONS)
    silent = folder_list(table, clips, count=20, captions=None)
    assert [(item.source, item.noises) for item in spoken] == [(item.source, item.noises) for item in silent]
    with pytest.raises(LassError, match="no held_out wording"):
        silent[0].query("held_out")


def test_labels_of_one_sound_never_stand_against_each_other(collection: Path) -> None:
    items = folder_list(
        collection / "clips.csv", collection / "clips", count=48, same_sound=[("rain", "rain falling")], captions=None
    )
    rain = {"1", "2"}
    for item in items:
        sounds = {item.source.name[2], item.noises[0].name[2]}
        assert not sounds <= rain
        if sounds & rain:
            assert item.absent is not None
            assert "rain" not in item.absent.label


def test_two_interferers_are_two_other_sounds_and_the_first_stays(collection: Path) -> None:
    table, clips = collection / "clips.csv", collection / "clips"
    pairs = folder_list(table, clips, count=24, captions=None)
    triples = folder_list(table, clips, count=24, captions=None, interferers=2)
    for pair, triple in zip(pairs, triples, strict=True):
        assert (pair.source, pair.noises[0]) == (triple.source, triple.noises[0])
        assert len({triple.source.name[2], *(noise.name[2] for noise in triple.noises)}) == 3
        assert triple.absent is not None
    same = [("rain", "rain falling"), ("rain falling", "bell")]
    for item in folder_list(table, clips, count=48, captions=None, same_sound=same):
        assert {item.source.name[2], item.noises[0].name[2]} not in ({"1", "2"}, {"2", "3"})
    with pytest.raises(LassError, match="too few different sounds for 2 beside"):
        folder_list(table, clips, count=24, captions=None, same_sound=[LABELS[1:]], interferers=2)
    with pytest.raises(LassError, match="with 0 other sounds is none"):
        folder_list(table, clips, captions=None, interferers=0)


def test_groups_of_labels_are_read_from_a_file(tmp_path: Path) -> None:
    assert ["rain", "rain falling"] in read_same_sound(SAME_SOUND_FILE)
    for text in ("rain: [a]", "- rain", "- [", "\x00"):
        (tmp_path / "groups.yaml").write_text(text)
        with pytest.raises(LassError, match=r"groups of labels .*groups\.yaml"):
            read_same_sound(tmp_path / "groups.yaml")


def test_captions_from_a_file(collection: Path) -> None:
    path = collection / "captions.yaml"
    path.write_text("bell: {train: [a bell], held_out: [something ringing]}\n")
    items = folder_list(collection / "clips.csv", collection / "clips", count=24, captions=path)
    assert {item.query("held_out") for item in items if item.label == "bell"} == {"something ringing"}


@pytest.mark.parametrize("text", ["just text", "bell: [1, 2]", "bell: {train: ring}", "a: [", "\x00"])
def test_captions_of_another_form_are_refused(collection: Path, text: str) -> None:
    path = collection / "captions.yaml"
    path.write_text(text)
    with pytest.raises(LassError, match=r"captions\.yaml"):
        folder_list(collection / "clips.csv", collection / "clips", captions=path)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("name,label\na,b\n", "line 1: the header needs"),
        ("", "line 1: the header needs"),
        ("file,label,fold\n1-0-0.wav,,1\n", "line 2: file and label"),
        ("file,label,fold\n1-0-0.wav,dog,one\n", "line 2: 'one'"),
        ("file,label,fold\n../clips.csv,dog,1\n", "line 2: '../clips.csv' lies outside"),
        ("file,label,fold\nmissing.wav,dog,1\n", "line 2: the recording 'missing.wav'"),
        ("file,label,fold\n1-0-0.wav,dog,1\n1-0-1.wav,dog,1\n", "no two different sounds"),
        ("file,label,fold\n", "no two different sounds"),
    ],
)
def test_wrong_collections_are_refused(collection: Path, table: str, says: str) -> None:
    (collection / "clips.csv").write_text(table)
    with pytest.raises(LassError) as error:
        folder_list(collection / "clips.csv", collection / "clips", captions=None)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_sound_that_has_only_its_own_kind_beside_it_is_named(collection: Path) -> None:
    rows = ["1-0-0.wav,drums,1", "1-0-1.wav,music,1", "1-1-0.wav,synth,1"]
    (collection / "clips.csv").write_text("\n".join(["file,label,fold", *rows]) + "\n")
    with pytest.raises(LassError, match="has nothing to mix 'music' with; choose"):
        folder_list(
            collection / "clips.csv", collection / "clips", captions=None,
            same_sound=[("drums", "music"), ("music", "synth")],
        )  # fmt: skip


def test_a_fold_without_clips_and_an_empty_list_are_refused(collection: Path) -> None:
    for folds in ((9,), (1, 9)):
        with pytest.raises(LassError, match="has no clips in fold 9; choose"):
            folder_list(collection / "clips.csv", collection / "clips", folds=folds, captions=None)
    with pytest.raises(LassError, match="at least one"):
        folder_list(collection / "clips.csv", collection / "clips", count=0, captions=None)
