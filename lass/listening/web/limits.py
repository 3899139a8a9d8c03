"""How often a sender may do something: as many times as it likes for a while, and then at a steady pace."""

import hashlib
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from starlette.requests import Request

REMEMBERED = 10_000
"""Senders of which a limit knows something; of more, the one that was quiet for longest is forgotten."""


@dataclass(frozen=True)
class Allowance:
    """``burst`` times at once, and one more every ``every`` seconds."""

    burst: int
    every: float


class Limit:
    """An allowance for each sender; safe to use from any number of threads.

    It is in memory and of this process, and of a sender it keeps a hash under a key that is nowhere else.
    """

    def __init__(self, allowance: Allowance, clock: Callable[[], float] = time.time) -> None:
        self._allowance = allowance
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._whole: OrderedDict[bytes, float] = OrderedDict()  # when a sender's allowance is whole again

    def take(self, sender: str) -> int:
        """0 if the sender may, which counts; otherwise the seconds until it may, and nothing is counted."""
        burst, every = self._allowance.burst, self._allowance.every
        name = hashlib.blake2b(sender.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest()
        now = self._clock()
        with self._lock:
            left = self._whole.get(name, now) - now
            # More than an empty allowance takes, and more than rounding adds, says that the clock was set back.
            left = left if 0 < left <= (burst + 1) * every else 0.0
            wait = left - (burst - 1) * every
            if wait > 0:
                return math.ceil(wait)
            self._whole[name] = now + left + every
            self._whole.move_to_end(name)
            while len(self._whole) > REMEMBERED:
                self._whole.popitem(last=False)
        return 0


def sender_of(request: Request) -> str:
    """Where a request comes from, as far as the server itself can tell.

    The header X-Forwarded-For is whatever a visitor likes. The server (uvicorn) reads it where the request came from a
    proxy that the organiser trusts, FORWARDED_ALLOW_IPS, which is this machine alone unless it is set; nobody reads it
    here. Behind any other proxy all visitors are one sender. A whole IPv6 network of 64 bits is one, too: who has one
    address of it has them all.
    """
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:  # a socket of this machine, or a test
        return host
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else f"{int(address) >> 64:016x}"
    return str(address)


__all__ = ["REMEMBERED", "Allowance", "Limit", "sender_of"]
