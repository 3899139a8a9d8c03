"""Counters of what the application does, as Prometheus reads them: numbers, and nothing about anybody.

The text format is a few lines (https://prometheus.io/docs/instrumenting/exposition_formats/), so it is written here
rather than by another package. Labels have few values: names of models that there are, outcomes, and kinds of failure.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections.abc import Callable

log = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 180.0, 600.0)
"""Upper bounds of the histogram's buckets, in seconds."""

REQUESTS = "lass_requests_total"
AUDIO_SECONDS = "lass_separated_audio_seconds_total"
DURATION = "lass_separation_duration_seconds"
FAILURES = "lass_failures_total"

_COUNTERS = {
    REQUESTS: "Separations that were asked for, by model and outcome.",
    AUDIO_SECONDS: "Seconds of audio that were separated, by model.",
    FAILURES: "Recordings, queries and separations that failed, by kind.",
}
_DURATION_HELP = "How long a separation took, in seconds, waiting in the queue left out."

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """All counters of one running application; any thread may count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[Labels, float]] = {name: {} for name in _COUNTERS}
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}

    def count(self, name: str, by: float = 1.0, **labels: str) -> None:
        """Add to one of the counters."""
        key = tuple(sorted(labels.items()))
        with self._lock:
            values = self._counts[name]
            values[key] = values.get(key, 0.0) + by

    def took(self, seconds: float) -> None:
        """Add a separation to the histogram of durations."""
        with self._lock:
            self._buckets[bisect_left(BUCKETS, seconds)] += 1
            self._sum += seconds

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Have a value that goes up and down asked for whenever somebody reads the metrics."""
        self._gauges[name] = (meaning, value)

    def text(self) -> str:
        """Everything, in Prometheus's text format."""
        with self._lock:
            counts = {name: dict(values) for name, values in self._counts.items()}
            buckets, summed = list(self._buckets), self._sum
        lines: list[str] = []
        for name, values in counts.items():
            lines += [f"# HELP {name} {_COUNTERS[name]}", f"# TYPE {name} counter"]
            lines += [f"{name}{_labels(labels)} {_number(value)}" for labels, value in sorted(values.items())]
        lines += [f"# HELP {DURATION} {_DURATION_HELP}", f"# TYPE {DURATION} histogram"]
        so_far = 0
        for bound, number in zip((*BUCKETS, float("inf")), buckets, strict=True):
            so_far += number
            lines.append(f"{DURATION}_bucket{_labels((('le', _number(bound)),))} {so_far}")
        lines += [f"{DURATION}_sum {_number(summed)}", f"{DURATION}_count {so_far}"]
        for name, (meaning, ask) in self._gauges.items():
            try:
                value = float(ask())
            except Exception:  # one value that cannot be had is no reason to show none
                log.exception("The value of %s could not be had.", name)
                continue
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge", f"{name} {_number(value)}"]
        return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    escaped = [(name, value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")) for name, value in labels]
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped) + "}"


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)
