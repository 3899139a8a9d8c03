"""A hundred participants at once while a separation runs in the same process: nobody waits for it, nothing is lost."""

import contextlib
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np

import lass
from lass.listening.ratings.store import Store
from tests.listening.participants import Rater
from tests.listening.serving import listening
from tests.listening.small import small_study

PARTICIPANTS = 100
PAUSE = (2.0, 6.0)  # seconds between two clicks of one person; a real one listens for longer
RECORDING = 120  # seconds of sound to separate: much longer to separate than a click takes
SLOWEST_MEDIAN = 1.0  # seconds, for the median of all clicks
# A click that waits for the separation that runs waits for half of one at the median. On a machine with much else to
# do both take longer: there the median may be longer than a second, but no longer than this part of a separation.
SHARE = 0.25


@contextlib.contextmanager
def separating(checkpoint: Path) -> Iterator[list[float]]:
    """Separates again and again in a thread, as the application does for visitors; gives how long each took."""
    separator = lass.load_separator(str(checkpoint))
    noise = np.random.default_rng(5).normal(0, 0.1, (1, RECORDING * 16_000)).astype(np.float32)
    done: list[float] = []
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            before = time.perf_counter()
            separator.separate(noise, 16_000, "a dog barking")
            done.append(time.perf_counter() - before)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        ended.set()
        thread.join()


def _send(rater: Rater, step: str, message: dict[str, Any]) -> None:
    """As the page does: a connection that the server closed meanwhile is no answer, so the same again."""
    for _ in range(5):
        with contextlib.suppress(httpx.TransportError):
            rater.post(step, **message).raise_for_status()
            return
    raise AssertionError("the server did not answer")


def take_part(url: str, number: int, waits: list[float], expected: dict[str, list[int]]) -> None:
    """One person: arrives, answers everything with pauses, finishes; every click's wait goes into `waits`."""
    chance = random.Random(number)
    time.sleep(chance.uniform(0, 4))
    with httpx.Client(base_url=url, timeout=60, verify=False) as client:
        rater = Rater(client)
        rater.begin()
        _send(rater, "opened", {"trial": 0})
        scores = [chance.randint(1, 5) for _ in rater.state["trials"]]
        for trial, score in enumerate(scores):
            time.sleep(chance.uniform(*PAUSE))
            answer = rater.answer(trial, score)
            before = time.perf_counter()
            _send(rater, "rate", answer)
            waits.append(time.perf_counter() - before)
        _send(rater, "finish", {})
        expected[rater.token] = scores


def test_a_hundred_at_once_during_a_separation(tmp_path: Path, tiny_checkpoint: Path) -> None:
    folder = small_study(tmp_path / "studies", items=4, practice=0, items_per_rater=3, minimum_heard=0).parent
    waits: list[float] = []
    expected: dict[str, list[int]] = {}
    with Store.open(None, tmp_path / "store") as store, listening(folder, store) as server:
        with separating(tiny_checkpoint) as done, ThreadPoolExecutor(PARTICIPANTS) as people:
            jobs = [people.submit(take_part, server.url, n, waits, expected) for n in range(PARTICIPANTS)]
            for job in jobs:
                job.result()
        ratings, sessions = store.ratings("demo"), store.sessions("demo")
        trials = server.studies.get("demo").trials
        dealt = Counter(trial.stimulus for place in range(PARTICIPANTS) for trial in trials(place))
    median, slowest, separation = statistics.median(waits), max(waits), statistics.median(done)
    print(
        f"{len(waits)} clicks: median {median:.3f} s, slowest {slowest:.3f} s, "
        f"while {len(done)} separations took {separation:.3f} s each"
    )
    assert sorted(session.place for session in sessions) == list(range(PARTICIPANTS))
    assert all(session.finished for session in sessions)
    saved = {session.token: [one.score for one in ratings if one.session == session.token] for session in sessions}
    assert saved == expected
    heard = Counter(one.stimulus for one in ratings)
    assert heard == dealt
    assert max(heard.values()) - min(heard.values()) <= 1
    assert len(heard) == 8
    assert median < max(SLOWEST_MEDIAN, SHARE * separation)
