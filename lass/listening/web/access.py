"""Who may see the results: one password, a signed cookie, and less and less time for guessing.

Everything is in memory and of this process: a restart signs everybody out, and nothing about a visitor is kept but a
keyed hash of where failed attempts came from, which means nothing without this process's secret.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from lass.errors import LassError
from lass.listening.web.limits import REMEMBERED, Allowance, Limit

LIFETIME = 8 * 3600
"""Seconds until a cookie is worth nothing."""
_LONGEST_COOKIE = 256
_SIGNED_OUT = 1_000  # cookies that are remembered until they have expired


class TooManyAttemptsError(LassError):
    """Wrong passwords were tried too often; `seconds` until the next attempt is looked at."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"There were too many wrong passwords; try again in {seconds} s.")
        self.seconds = seconds


@dataclass(frozen=True)
class Visit:
    """A signed-in organiser: `form` is what every form of theirs must carry, `expires` a Unix time."""

    name: str
    expires: float
    form: str


class Access:
    """The password and who gave it; safe to use from any number of threads."""

    def __init__(self, password: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = secrets.token_bytes(32)
        self._password = self._hash("password", password)
        self._clock = clock
        self._attempts = Attempts(clock)
        self._lock = threading.Lock()
        self._ended: OrderedDict[str, None] = OrderedDict()

    def enter(self, password: str, sender: str) -> str | None:
        """A cookie for the right password, None for a wrong one; `sender` is where the attempt came from.

        Raises:
            TooManyAttemptsError: without looking at the password.
        """
        place = self._hash("sender", sender).hex()
        self._attempts.begin(place)
        if not hmac.compare_digest(self._hash("password", password), self._password):
            return None
        self._attempts.forgive(place)
        name = secrets.token_urlsafe(16)
        expires = str(math.floor(self._clock() + LIFETIME))
        return f"{expires}.{name}.{self._sign(expires, name)}"

    def visit(self, cookie: str | None) -> Visit | None:
        """Whose cookie this is; None where it is not ours, too old, or signed out."""
        parts = (cookie or "")[: _LONGEST_COOKIE + 1].split(".")
        if len(parts) != 3 or len(cookie or "") > _LONGEST_COOKIE or not (cookie or "").isascii():
            return None
        expires, name, signature = parts
        if not hmac.compare_digest(signature, self._sign(expires, name)):
            return None
        with self._lock:
            if name in self._ended:
                return None
        if self._clock() >= float(expires):
            return None
        return Visit(name, float(expires), self._hash("form", name).hex())

    def leave(self, visit: Visit) -> None:
        """Sign out: the cookie is worth nothing from now on, wherever a copy of it may be."""
        with self._lock:
            self._ended[visit.name] = None
            while len(self._ended) > _SIGNED_OUT:
                self._ended.popitem(last=False)

    def label(self, text: str) -> str:
        """A name for something that must not be shown itself; the same as long as this process runs."""
        return self._hash("label", text).hex()[:24]

    def _sign(self, expires: str, name: str) -> str:
        return self._hash("cookie", f"{expires}.{name}").hex()

    def _hash(self, purpose: str, text: str) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, key=self._secret, person=purpose.encode(), digest_size=32).digest()


class Attempts:
    """Counts wrong passwords by sender, and makes a sender's next attempt wait twice as long each time.

    A sender has a few attempts free. In all an attempt a second is looked at, after a burst, so that guessing from many
    places gets nowhere either. An attempt that comes too early takes nothing of that: it needs hundreds of senders, all
    day, to make an organiser elsewhere wait, and then the wait is for seconds.
    """

    FREE, LONGEST = 3, 900
    IN_ALL = Allowance(burst=1_000, every=1.0)
    FORGOTTEN = 3600
    """Seconds without a wrong password after which a count begins anew."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._senders: OrderedDict[str, _Count] = OrderedDict()
        self._all = Limit(self.IN_ALL, clock)

    def begin(self, sender: str) -> None:
        """Count an attempt before it is looked at, so that many at once do not slip through.

        Raises:
            TooManyAttemptsError: it comes too early, and is not counted.
        """
        now = self._clock()
        with self._lock:
            own = self._senders.get(sender) or _Count()
            wait = math.ceil(own.wait(now, self.LONGEST)) or self._all.take("all")
            if wait:
                raise TooManyAttemptsError(wait)
            own.add(now, self.FREE, self.LONGEST)
            self._senders[sender] = own
            self._senders.move_to_end(sender)
            while len(self._senders) > REMEMBERED:
                self._senders.popitem(last=False)

    def forgive(self, sender: str) -> None:
        """The attempt was right: the sender's count begins anew."""
        with self._lock:
            self._senders.pop(sender, None)


@dataclass
class _Count:
    number: int = 0
    last: float = 0.0
    until: float = 0.0

    def wait(self, now: float, longest: int) -> float:
        """Seconds until the next attempt. More than were ever set say that the clock was set back: then none."""
        left = self.until - now
        return left if 0 < left <= longest else 0.0

    def add(self, now: float, free: int, longest: int) -> None:
        if now - self.last > Attempts.FORGOTTEN:
            self.number = 0
        self.number += 1
        self.last = now
        over = self.number - free
        self.until = now + min(longest, 2 ** min(over, 20)) if over >= 0 else 0.0


__all__ = ["LIFETIME", "Access", "Attempts", "TooManyAttemptsError", "Visit"]
