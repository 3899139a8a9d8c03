"""Files appear under their name when they are whole, or not at all; folders are held by one at a time."""

from pathlib import Path

import pytest

from lass.errors import LassError
from lass.files import locked, whole


def test_a_file_takes_the_place_of_the_former_one_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with whole(path) as file:
        file.write(b"first")
        assert not path.exists()
    with whole(path) as file:
        file.write(b"second")
        assert path.read_bytes() == b"first"
    assert path.read_bytes() == b"second"
    assert [one.name for one in path.parent.iterdir()] == ["file"]


def test_a_failure_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"former")
    with pytest.raises(ZeroDivisionError), whole(path) as file:
        file.write(bytes(1 // 0))
    assert path.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(LassError, match="cannot be written"), whole(tmp_path / "taken" / "file") as file:
        file.write(b"x")


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    with locked(folder, "It is busy; wait."):
        with pytest.raises(LassError, match="It is busy"), locked(folder, "It is busy; wait."):
            pytest.fail("two at once")
        with locked(folder, "busy", name=".other"):
            pass
    with locked(folder, "busy"):
        pass


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(LassError, match="cannot be written"), locked(tmp_path / "taken" / "folder", "busy"):
        pytest.fail("there is no such folder")


def test_a_reader_that_has_gone_says_nothing_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), locked(tmp_path, "busy"):
        raise BrokenPipeError
