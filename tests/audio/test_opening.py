"""What is opened is a file, is that file alone, and is closed again."""

import os
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lass.audio import decoding, formats
from tests.audio.recordings import encoded, refusal, stored, tones

LISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{}'\n",
    "concat without its first line": "file '{}'\n",
    "dash": "<MPD><Period><AdaptationSet><Representation><BaseURL>{}</BaseURL>"
    "</Representation></AdaptationSet></Period></MPD>",
}


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """What no list may lead to, in a format that FFmpeg accepts behind any list."""
    return encoded(tmp_path / "private.aac", tones(1, 48_000), 48_000, container="adts", codec="aac")


def test_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    (tmp_path / "nowhere.wav").symlink_to(tmp_path / "gone.wav")
    for name in ("gone.wav", "gone/a.wav", "loop.wav", "nowhere.wav", "\n\r\t", "\u202e" * 50, "<img src=x>"):
        assert "cannot be opened" in refusal(tmp_path / name)
    assert "cannot be opened" in refusal(tmp_path / ("x" * 300))
    assert "cannot be opened" in refusal(tmp_path / ("x" * 10_000))
    assert "cannot be opened" in refusal(Path("a\0b"))
    for path in (tmp_path, Path(), Path(".."), Path("/"), Path("/dev/zero"), Path("/dev/null")):
        assert "not a file" in refusal(path)
    os.mkfifo(tmp_path / "pipe")
    assert "not a file" in refusal(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.wav")
        assert refusal(tmp_path / "socket.wav").startswith("socket.wav is not a file")
    (tmp_path / "empty.wav").touch()
    assert refusal(tmp_path / "empty.wav").startswith("empty.wav is empty")


def test_what_nobody_may_read() -> None:
    # Not in pytest's folder, which is closed to other users: root can only lose its rights by becoming one.
    with tempfile.TemporaryDirectory() as folder:
        path = stored(Path(folder) / "a.wav", tones(), 16_000, "WAV", "PCM_16")
        Path(folder).chmod(0o755)
        path.chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65_534)
        try:
            assert "may be read" in refusal(path)
        finally:
            os.seteuid(user)


def opened_by(work: Callable[[], object]) -> list[str]:
    """Every file that Python opens meanwhile; the libraries open none by name, see the last test."""
    active, opened = True, []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if active and event == "open":
            opened.append(str(arguments[0]))

    sys.addaudithook(hook)
    try:
        work()
    finally:
        active = False
    return opened


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.ffconcat", "list.sdp", "list.wav"])
@pytest.mark.parametrize("kind", LISTS)
def test_lists_open_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private: Path, kind: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (str(private), private.name):
        (tmp_path / name).write_text(LISTS[kind].format(path))
        opened = opened_by(lambda: refusal(tmp_path / name))
        assert any(file.endswith(name) for file in opened)
        assert not any("private" in file for file in opened)


def test_the_libraries_can_open_nothing_by_name(tmp_path: Path, private: Path) -> None:
    # A demuxer that would follow its list, forced upon the reader: even then nothing else is opened.
    (tmp_path / "list").write_text(LISTS["hls"].format(private))
    with (tmp_path / "list").open("rb") as file, pytest.raises(decoding._Broken) as caught:
        list(decoding._av(file, formats.Format("hls"), decoding._Collected("list", None, decoding._InMemory())))
    assert "may not open other files" in str(caught.value.__cause__)


def test_no_format_is_a_list() -> None:
    # FFmpeg's concat opens what it lists without asking, so that it must never be chosen.
    chosen = {found.demuxer for _, found in formats._SIGNATURES}
    assert chosen.isdisjoint({"concat", "concatf", "dash", "hls", "image2", "imf", "rtsp", "sdp", "webm_dash_manifest"})
