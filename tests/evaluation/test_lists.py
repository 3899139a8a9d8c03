"""Reading and writing evaluation lists: every published layout, and every way a list can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lass.errors import LassError
from lass.evaluation import Item, Sound, read_list, write_list
from tests.evaluation.recordings import write

NAMES = ("a.wav", "b.wav", "c, d.wav", "data/mix/m.wav", "data/s0/m.wav", "data/s1/m.wav")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        write(tmp_path / "audio" / name, np.ones(80, dtype=np.float32))
    write(tmp_path / "outside.wav", np.ones(80, dtype=np.float32))
    return (tmp_path / "audio").resolve()


def listed(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_dcase(tmp_path: Path, folder: Path) -> None:
    path = listed(tmp_path, 'source,noise,snr,caption\na,b,-3,A dog barks\nb,a,10.5,"Rain, wind"\n')
    assert read_list(path, folder) == [
        Item("0", "A dog barks", folder / "a.wav", (folder / "b.wav",), snr_db=-3.0),
        Item("1", "Rain, wind", folder / "b.wav", (folder / "a.wav",), snr_db=10.5),
    ]


def test_audiosep_is_mixed_at_0_db(tmp_path: Path, folder: Path) -> None:
    path = listed(tmp_path, 'idx,caption,src_wav,noise_wav\n7,dog,a.wav,"c, d.wav"\n')
    assert read_list(path, folder) == [Item("7", "dog", folder / "a.wav", (folder / "c, d.wav",), snr_db=0.0)]


def test_audiosep_archives_hold_ready_made_mixtures(tmp_path: Path, folder: Path) -> None:
    for name in ("mixture-7.wav", "segment-7.wav"):
        write(folder / name, np.ones(80, dtype=np.float32))
    path = listed(tmp_path, "idx,caption,src_wav,noise_wav\n7,dog,not there.wav,nor this.wav\n")
    (item,) = read_list(path, folder)
    assert (item.source, item.mixture) == (folder / "segment-7.wav", folder / "mixture-7.wav")
    assert item.noises == ()


def test_clotho_has_two_noises_under_one_column_name(tmp_path: Path, folder: Path) -> None:
    path = listed(tmp_path, 'idx,caption,src_wav,noise_wav1,noise_wav1\n0,wind,a.wav,b.wav,"c, d.wav"\n')
    (item,) = read_list(path, folder)
    assert item.noises == (folder / "b.wav", folder / "c, d.wav")
    assert item.snr_db == 0.0


def test_vggsound_asks_for_the_first_source(tmp_path: Path, folder: Path) -> None:
    header = "file_id,mix_wav,s0_wav,s0_text,s1_wav,s1_text\n"
    path = listed(tmp_path, header + "-x+++y,data/mix/m.wav,data/s0/m.wav,rapping,data/s1/m.wav,sailing\n")
    assert read_list(path, folder) == [
        Item("-x+++y", "rapping", folder / "data/s0/m.wav", mixture=folder / "data/mix/m.wav", label="rapping")
    ]


def test_byte_order_mark_blank_lines_and_spaces_do_not_matter(tmp_path: Path, folder: Path) -> None:
    path = listed(tmp_path, "\ufeffSource, noise ,SNR,caption\r\n\r\na , b, 0 , dog \r\n,,,\r\n")
    (item,) = read_list(path, folder)
    assert (item.caption, item.snr_db) == ("dog", 0.0)


def test_what_is_written_is_read_back(tmp_path: Path, folder: Path) -> None:
    items = [
        Item(
            "first", 'say "hum", please', folder / "a.wav", (folder / "b.wav", folder / "c, d.wav"), snr_db=-2.25,
            label="hum", sound=Sound("hum", "a hum", "something humming"), absent=Sound("beep", "a beep", None),
        ),
        Item("2", "no noise", folder / "a.wav", mixture=folder / "data/mix/m.wav"),
        Item("3", "\u72d7\u53eb", folder / "b.wav", (folder / "a.wav",), snr_db=0.1, absent=Sound("x")),
    ]  # fmt: skip
    path = write_list(items, tmp_path / "new" / "list.csv", folder)
    assert read_list(path, folder) == items


def test_a_written_list_names_files_of_its_folder_only(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(LassError, match=r"outside\.wav is not in"):
        write_list([Item("1", "x", tmp_path / "outside.wav")], tmp_path / "list.csv", folder)


DCASE = "source,noise,snr,caption\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "of no known layout"),
        ("left,right\n", 1, "of no known layout"),
        (DCASE + "a,b,0,dog\na,b,loud,dog\n", 3, "'loud' is not a signal-to-noise ratio"),
        (DCASE + "a,b,nan,dog\n", 2, "not a signal-to-noise ratio"),
        (DCASE + "a,b,1e9,dog\n", 2, "not a signal-to-noise ratio"),
        (DCASE + "a,b,,dog\n", 2, "snr is empty"),
        (DCASE + "a,b,0,\n", 2, "caption is empty"),
        (DCASE + "a,b,0,a dog, barking\n", 2, "5 columns stand under a header of 4"),
        (DCASE + '"a\n",b,0,dog\nz,b,0,dog\n', 4, "'z' is not in"),
        (DCASE + "../outside,b,0,dog\n", 2, "lies outside"),
        (DCASE + "data/../../outside,b,0,dog\n", 2, "lies outside"),
        (DCASE + "/etc/passwd,b,0,dog\n", 2, "lies outside"),
        (DCASE + "link,b,0,dog\n", 2, "lies outside"),
        (DCASE + "data,b,0,dog\n", 2, "is not in"),
        (DCASE + "a\x00,b,0,dog\n", 2, ""),
        (DCASE + "a" * 5000 + ",b,0,dog\n", 2, ""),
        ("idx,caption,src_wav,noise_wav\n1,dog,a.wav,\n", 2, "no noise is named"),
        ("id,caption,source,noise,snr\n1,dog,a.wav,,0\n", 2, "neither a noise nor a mixture"),
    ],
)
def test_a_wrong_list_says_what_and_on_which_line(
    tmp_path: Path, folder: Path, text: str, line: int, says: str
) -> None:
    (folder / "link.wav").symlink_to(tmp_path / "outside.wav")
    path = listed(tmp_path, text)
    with pytest.raises(LassError) as error:
        read_list(path, folder)
    sentence = str(error.value)
    assert sentence.startswith(f"{path}, line {line}: ")
    assert says in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_an_empty_list_and_missing_files_are_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(LassError, match="has no rows"):
        read_list(listed(tmp_path, DCASE), folder)
    with pytest.raises(LassError, match="cannot be read"):
        read_list(tmp_path / "missing.csv", folder)
    with pytest.raises(LassError, match="does not exist"):
        read_list(listed(tmp_path, DCASE), tmp_path / "nowhere")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"source,noise,snr,caption\n\xff\xfe\x80,b,0,x\n")
    with pytest.raises(LassError, match="UTF-8"):
        read_list(binary, folder)


def test_wordings() -> None:
    item = Item("4", "dog bark", Path("a.wav"), sound=Sound("dog bark", "a dog", "a hound"))
    assert [item.query(wording) for wording in ("label", "train", "held_out")] == ["dog bark", "a dog", "a hound"]
    with pytest.raises(LassError, match="Row 5"):
        Item("5", "dog bark", Path("a.wav")).query("held_out")
    with pytest.raises(LassError, match="no train wording for 'dog bark'"):
        Item("6", "dog bark", Path("a.wav"), sound=Sound("dog bark")).query("train")
