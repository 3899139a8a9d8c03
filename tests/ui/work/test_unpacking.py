"""Archives from strangers: what is fine comes out, and what is not is a sentence and costs nothing."""

import errno
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from lass.errors import AudioError, LassError
from lass.ui.work import unpacking

MOST = 2_000_000


def packed(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def listed(path: Path) -> dict[str, str]:
    with unpacking.opened(path, max_bytes=MOST) as archive:
        return {entry.name: entry.problem for entry in unpacking.entries(archive, max_bytes=MOST)}


def test_recordings_come_out_of_folders_and_what_systems_hide_is_passed_over(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"day 1/dog.wav": b"sound", "__MACOSX/day 1/._dog.wav": b"x", ".DS_Store": b"x"})
    assert listed(path) == {"dog.wav": ""}
    with unpacking.opened(path, max_bytes=MOST) as archive:
        (entry,) = unpacking.entries(archive, max_bytes=MOST)
        out = unpacking.extract(archive, entry, tmp_path / "0001.wav", max_bytes=MOST)
    assert out.read_bytes() == b"sound"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../../evil.wav", "outside the archive"),
        ("/etc/evil.wav", "outside the archive"),
        ("C:\\evil.wav", "outside the archive"),
        ("a\\..\\..\\evil.wav", "outside the archive"),
        ("notes.txt", "no recording"),
        ("inner.zip", "no recording"),
        ("wav", "no recording"),
    ],
)
def test_a_bad_name_is_refused_and_the_others_go_on(tmp_path: Path, name: str, words: str) -> None:
    found = listed(packed(tmp_path / "a.zip", {name: b"x", "dog.wav": b"sound"}))
    assert found.pop("dog.wav") == ""
    (problem,) = found.values()
    assert words in problem


def test_names_with_markup_or_without_end_are_shown_harmlessly(tmp_path: Path) -> None:
    (name,) = listed(packed(tmp_path / "a.zip", {"<img src=x>" + "y" * 500 + ".wav": b"x"}))
    assert "<" not in name
    assert len(name) < 70


def test_a_link_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("passwd.wav")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "a link" in listed(tmp_path / "a.zip")["passwd.wav"]


def test_what_would_fill_the_disk_is_refused_by_its_index(tmp_path: Path) -> None:
    found = listed(packed(tmp_path / "a.zip", {"bomb.wav": bytes(1_900_000), "huge.wav": bytes(3_000_000)}))
    assert "unpacks to more" in found["bomb.wav"]
    assert "larger than" in found["huge.wav"]


def test_an_index_that_lies_about_the_size_is_caught_while_reading(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"bomb.wav": bytes(1_900_000)})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = content.find(signature) + offset
        content[at : at + 4] = struct.pack("<I", 1_000)
    path.write_bytes(content)
    with unpacking.opened(path, max_bytes=MOST) as archive:
        (entry,) = unpacking.entries(archive, max_bytes=MOST)
        assert entry.problem == ""
        with pytest.raises(AudioError):
            unpacking.extract(archive, entry, tmp_path / "out.wav", max_bytes=MOST)
    assert not (tmp_path / "out.wav").exists()


def test_a_locked_entry_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"dog.wav": b"sound"})
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "password" in listed(path)["dog.wav"]


def test_an_entry_with_damaged_content_is_one_sentence(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"dog.wav": b"sound" * 999}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"soundsound", b"soundSOUND", 1))
    with unpacking.opened(path, max_bytes=MOST) as archive:
        (entry,) = unpacking.entries(archive, max_bytes=MOST)
        with pytest.raises(AudioError, match=r"dog\.wav is damaged"):
            unpacking.extract(archive, entry, tmp_path / "out.wav", max_bytes=MOST)
    assert not (tmp_path / "out.wav").exists()


def test_a_full_disk_is_not_the_archives_fault(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"dog.wav": b"sound"})

    def unpack() -> None:
        with unpacking.opened(path, max_bytes=MOST):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        unpack()


def test_an_archive_of_very_many_files_is_refused_before_its_index_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{number}.wav": b"" for number in range(unpacking.MOST_ENTRIES + 1)}
    path = packed(tmp_path / "a.zip", files)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # who parses it fails
    with pytest.raises(LassError, match="more than 500 files"), unpacking.opened(path, max_bytes=MOST):
        pass


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip" * 99, b"PK\x05\x06" + bytes(14), b"RIFF" + bytes(200)])
def test_what_is_no_archive_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(LassError), unpacking.opened(tmp_path / "a.zip", max_bytes=MOST):
        pass


def test_an_archive_cut_in_half_is_one_sentence(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"dog.wav": bytes(range(256)) * 40})
    whole = path.read_bytes()
    end = whole.rfind(b"PK\x05\x06")
    path.write_bytes(whole[:200] + whole[end:])
    with pytest.raises(LassError), unpacking.opened(path, max_bytes=MOST) as archive:
        unpacking.entries(archive, max_bytes=MOST)


def test_too_large_an_archive_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.wav": b"x" * 5000}, zipfile.ZIP_STORED)
    with pytest.raises(LassError, match="larger than"), unpacking.opened(path, max_bytes=1000):
        pass
