"""The wish for an end: heard once, given back, and not taken where it is nobody's to take."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from lass.ending import Ending

SIGNALS = (signal.SIGTERM, signal.SIGINT)
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.fixture(autouse=True)
def _given_back() -> Iterator[None]:
    before = [(number, signal.getsignal(number)) for number in SIGNALS]
    yield
    for number, handler in before:
        signal.signal(number, handler)


@posix
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_asks_for_the_end_and_a_second_one_is_not_heard_here(number: signal.Signals) -> None:
    signal.signal(number, signal.default_int_handler)
    before, heard = handlers(), []
    ending = Ending(lambda: heard.append(number))
    ending.listen()
    assert signal.getsignal(number) not in before
    assert not ending.asked()
    os.kill(os.getpid(), number)
    ending.wait()
    assert ending.asked()
    assert heard == [number]
    assert handlers() == before
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


@posix
def test_who_heard_nothing_gives_the_signals_back() -> None:
    before = handlers()
    ending = Ending()
    ending.listen()
    assert handlers() != before
    ending.release()
    assert handlers() == before


@posix
def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ending = Ending()
    ending.listen()
    os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert not ending.asked()


def test_outside_the_main_thread_nothing_is_taken_over() -> None:
    before = handlers()
    thread = threading.Thread(target=Ending().listen)
    thread.start()
    thread.join()
    assert handlers() == before
