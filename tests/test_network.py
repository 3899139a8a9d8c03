"""The guard of the test suite itself: a guard that lets things through would be worse than none."""

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.network import Guard, NetworkRefusedError, is_local

HERE = ["localhost", "127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", None, "", b"localhost"]
ELSEWHERE = ["192.0.2.1", "2001:db8::1", "example.org", "localhost.example.org", b"example.org"]


@pytest.mark.parametrize("host", HERE)
def test_this_machine_is_local(host: object) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_other_machines_are_not_local(host: object) -> None:
    assert not is_local(host)


def test_connections_elsewhere_are_refused_and_remembered(network: Guard) -> None:
    with socket.socket() as tcp, pytest.raises(NetworkRefusedError):
        tcp.connect(("192.0.2.1", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as udp, pytest.raises(NetworkRefusedError):
        udp.sendto(b"?", ("192.0.2.1", 53))
    with pytest.raises(OSError, match=r"example\.org"):
        urllib.request.urlopen("http://example.org/", timeout=1)
    assert network.attempts == ["connect 192.0.2.1", "sendto 192.0.2.1", "getaddrinfo example.org"]
    network.attempts.clear()


def test_connections_within_the_machine_work(network: Guard) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5) as client,
    ):
        client.sendall(b"hello")
        connection, _ = server.accept()
        with connection:
            assert connection.recv(5) == b"hello"
    assert network.attempts == []


def test_an_attempt_that_was_swallowed_fails_the_test_all_the_same(root: Path, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *  # noqa: F403\n")
    (tmp_path / "test_swallowed.py").write_text(
        "import contextlib, socket\n"
        "def test_swallowed():\n"
        "    with contextlib.suppress(OSError), socket.socket() as tcp:\n"
        "        tcp.connect(('192.0.2.1', 80))\n"
        "def test_quiet():\n"
        "    pass\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "tried to reach the network: connect 192.0.2.1" in run.stdout
    assert "2 passed, 1 error" in run.stdout


def test_a_program_run_offline_keeps_its_arguments_and_its_attempts(root: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import socket, sys\n"
        "try:\n"
        "    socket.create_connection(('example.org', 80))\n"
        "except OSError:\n"
        "    print(__name__, sys.argv[1:], sys.path[0])\n"
    )
    arguments = [root / "tests/offline.py", tmp_path / "journal", program, "--port", "1"]
    run = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.strip() == f"__main__ ['--port', '1'] {tmp_path}"
    assert (tmp_path / "journal").read_text() == "getaddrinfo example.org\n"
