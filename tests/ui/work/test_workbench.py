"""What surrounds a separation: room for its result, memory that is short, an end in the middle, what is noted."""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lass.errors import AudioError, LassError, ModelError
from lass.queries import Query
from lass.ui.machine.faults import DeviceLostError
from lass.ui.machine.memory import MemoryShortError
from lass.ui.machine.requests_log import REQUESTS_LOG
from lass.ui.machine.space import NoRoomError
from lass.ui.serving.health import Health
from lass.ui.work.service import Service
from lass.ui.work.workbench import Stage, StoppingError, Workbench
from tests.ui.small import RATE, Half, recording, small_service

SECOND = np.full((1, RATE), 0.1, np.float32)


class Failing(nn.Module):
    """Fails with whatever it is given."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor(0.5))
        self.error = error

    def forward(self, mixture: Tensor, query: Query) -> Tensor:
        raise self.error


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict]]:
    caplog.set_level(logging.INFO, REQUESTS_LOG)
    return lambda: [json.loads(record.message) for record in caplog.records if record.name == REQUESTS_LOG]


def separate(bench: Workbench, waveform: np.ndarray = SECOND, model: str = "half", query: str = "secret words") -> None:
    list(bench.separations(model, waveform, RATE, [query]))


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
     RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
     RuntimeError("MPS backend out of memory")],
)  # fmt: skip
def test_too_little_memory_is_a_sentence_and_the_next_visitor_is_served(tmp_path: Path, error: BaseException) -> None:
    network = Failing(error)
    bench = small_service(tmp_path, network).bench
    with pytest.raises(MemoryShortError, match="shorter part"):
        separate(bench)
    assert bench.shelf.loaded() == {}
    assert 'lass_failures_total{kind="memory"} 1' in bench.metrics.text()
    assert bench.running == 0


def test_a_gpu_that_is_lost_is_a_sentence_and_the_application_is_not_ready(tmp_path: Path) -> None:
    lost = RuntimeError("CUDA error: unspecified launch failure\nCompile with TORCH_USE_CUDA_DSA")
    bench = small_service(tmp_path, Failing(lost)).bench
    with pytest.raises(DeviceLostError, match="graphics processor"):
        separate(bench)
    facts = Health(bench, "1").facts()
    assert (facts["ready"], facts["device"]) == (False, "lost")


def test_a_fault_stays_a_fault(tmp_path: Path) -> None:
    bench = small_service(tmp_path, Failing(RuntimeError("shapes do not match"))).bench
    with pytest.raises(RuntimeError, match="shapes"):
        separate(bench)
    assert 'lass_failures_total{kind="fault"} 1' in bench.metrics.text()


def test_each_separation_is_one_line_that_tells_nothing_of_the_visitor(
    tmp_path: Path, lines: Callable[[], list[dict]], caplog: pytest.LogCaptureFixture
) -> None:
    service = small_service(tmp_path / "scratch")
    service.separate(recording(tmp_path / "my diary.wav", 2.0), "secret words", "half")
    (line,) = lines()
    assert line.keys() == {"event", "time", "seconds", "audio_seconds", "model", "outcome", "failure"}
    assert (line["model"], line["outcome"], line["audio_seconds"], line["failure"]) == ("half", "done", 2.0, None)
    assert line["seconds"] > 0
    for told in ("secret", "diary", str(tmp_path)):
        assert told not in caplog.text
        assert told not in service.bench.metrics.text()


def test_how_it_ended_is_noted(tmp_path: Path, lines: Callable[[], list[dict]]) -> None:
    bench = small_service(tmp_path).bench
    steps = bench.separations("half", np.tile(SECOND, 60), RATE, ["rain"])
    next(steps)
    next(steps)
    steps.close()
    with pytest.raises(ModelError):
        separate(bench, model="<script>of a visitor</script>")
    with pytest.raises(LassError):
        separate(bench, query=" ")
    found = [(line["model"], line["outcome"], line["failure"]) for line in lines()]
    assert found == [("half", "cancelled", None), ("unknown", "refused", "model"), ("half", "refused", "query")]


def test_a_recording_that_is_refused_is_counted(tmp_path: Path) -> None:
    bench = small_service(tmp_path).bench
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(AudioError):
        bench.read(tmp_path / "a.wav")
    assert 'lass_failures_total{kind="recording"} 1' in bench.metrics.text()


def test_a_result_that_would_be_too_large_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    network = Half()
    service = small_service(tmp_path, network)
    service.bench.space.most_result_bytes = 4 * SECOND.nbytes - 1
    with pytest.raises(NoRoomError, match="at most"):
        separate(service.bench)
    assert network.calls == 0
    service.bench.space.most_result_bytes += 1
    separate(service.bench)


def run_in_thread(service: Service, begun: threading.Event) -> tuple[threading.Thread, list[object]]:
    said: list[object] = []

    def work() -> None:
        try:
            for step in service.bench.separations("half", np.tile(SECOND, 300), RATE, ["rain"]):
                said.append(step)
                if isinstance(step, Stage) and step.done:
                    begun.set()
        except LassError as error:
            said.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, said


class Slow(Half):
    """Goes on with each window only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Semaphore(3)

    def forward(self, mixture: Tensor, query: Query) -> Tensor:
        assert self.go.acquire(timeout=60)
        return super().forward(mixture, query)


def test_at_the_end_a_running_separation_stops_and_none_begins(tmp_path: Path) -> None:
    network, begun = Slow(), threading.Event()
    service = small_service(tmp_path, network)
    thread, said = run_in_thread(service, begun)
    assert begun.wait(60)
    closer = threading.Thread(target=service.bench.close, args=(0.1,))
    closer.start()
    while not service.bench._stopped:
        assert closer.is_alive()
    network.go.release(1)
    thread.join(60)
    closer.join(60)
    assert isinstance(said[-1], StoppingError)
    assert service.bench.running == 0
    with pytest.raises(StoppingError):
        separate(service.bench)


def test_at_the_end_a_separation_that_is_nearly_done_is_finished(tmp_path: Path) -> None:
    network, begun = Slow(), threading.Event()
    service = small_service(tmp_path, network)
    thread, said = run_in_thread(service, begun)
    assert begun.wait(60)
    network.go.release(1_000)
    service.bench.close(60)
    thread.join(60)
    assert hasattr(said[-1], "target")
