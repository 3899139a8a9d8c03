"""Keeps a Python process at home: connections to anything but this machine are refused and remembered."""

import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any


class NetworkRefusedError(OSError):
    """A connection to another machine was attempted where none is allowed."""


def is_local(host: object) -> bool:
    """Whether a host, as given to the socket functions, is this one; None and "" are all its addresses."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not host or host == "localhost" or str(host).endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(host).strip("[]").partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


class Guard:
    """Refuses connections and name look-ups that leave this machine, and keeps a list of them.

    A library that swallows the refusal and goes on offline is found all the same, by its entry in `attempts`.
    """

    def __init__(self, journal: Path | None = None) -> None:
        self.attempts: list[str] = []
        self._journal = journal
        self._originals: list[tuple[object, str, Any]] = []

    def install(self) -> None:
        """Puts the guard in place for the whole process."""

        def of_address(_: socket.socket, address: Any, *__: Any) -> object:
            return address[0] if isinstance(address, tuple) else None  # a path is a socket of this machine

        def of_datagram(_: socket.socket, __: Any, *rest: Any) -> object:
            return of_address(_, rest[-1])

        self._watch(socket.socket, "connect", of_address)
        self._watch(socket.socket, "connect_ex", of_address)
        self._watch(socket.socket, "sendto", of_datagram)
        self._watch(socket, "getaddrinfo", lambda host, *_, **__: host)
        self._watch(socket, "gethostbyname", lambda host: host)

    def remove(self) -> None:
        """Puts everything back."""
        while self._originals:
            owner, name, original = self._originals.pop()
            setattr(owner, name, original)

    def _watch(self, owner: object, name: str, host_of: Callable[..., object]) -> None:
        original = getattr(owner, name)

        def guarded(*arguments: Any, **keywords: Any) -> Any:
            host = host_of(*arguments, **keywords)
            if not is_local(host):
                self._refuse(f"{name} {host!s}")
            return original(*arguments, **keywords)

        self._originals.append((owner, name, original))
        setattr(owner, name, guarded)

    def _refuse(self, attempt: str) -> None:
        self.attempts.append(attempt)
        if self._journal is not None:
            with self._journal.open("a", encoding="utf-8") as journal:
                journal.write(attempt + "\n")
        raise NetworkRefusedError(f"the tests do without a network, and this asked for it: {attempt}")
