"""What the page does, without a page."""

import json
import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lass.errors import AudioError, Cancelled, LassError, ModelError, QueryError
from lass.ui.work.service import Choices, Outcome, Service, Stage, Ticket, load_examples
from tests.ui.small import RATE, Half, recording, small_service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return small_service(tmp_path / "scratch")


def outcome_of(service: Service, path: str, query: str = "a dog barking") -> Outcome:
    *stages, outcome = service.run(path, query, "half")
    assert isinstance(outcome, Outcome)
    assert all(isinstance(stage, Stage) for stage in stages)
    return outcome


def test_target_and_residual_are_files_that_add_up_to_the_recording(service: Service, tmp_path: Path) -> None:
    path = recording(tmp_path / "park.wav", rate=44_100, channels=2)
    outcome = outcome_of(service, path)
    mixture, rate = soundfile.read(path, dtype="float32")
    target, target_rate = soundfile.read(outcome.target, dtype="float32")
    residual, residual_rate = soundfile.read(outcome.residual, dtype="float32")
    assert rate == target_rate == residual_rate == 44_100
    assert target.shape == residual.shape == mixture.shape
    np.testing.assert_allclose(target + residual, mixture, atol=1e-6)
    assert 0.2 < np.std(target) / np.std(mixture) < 0.6  # half, less what lies above the model's 8 kHz


def test_names_say_recording_query_model_and_part(service: Service, tmp_path: Path) -> None:
    outcome = outcome_of(service, recording(tmp_path / "In the Park!.wav"), "a dog, barking?")
    assert outcome.target.name == "in-the-park-a-dog-barking-half-target.wav"
    assert outcome.residual.name == "in-the-park-a-dog-barking-half-residual.wav"


def test_the_archive_holds_everything_and_the_report_says_how_it_was_made(service: Service, tmp_path: Path) -> None:
    outcome = outcome_of(service, recording(tmp_path / "park.wav", 2.0, channels=1))
    assert outcome.archive is not None
    with zipfile.ZipFile(outcome.archive) as archive:
        assert archive.testzip() is None
        files = {Path(name).name for name in archive.namelist()}
        report = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith(".json"))))
    assert files == {*report["files"].values(), "park-a-dog-barking-half-report.json"}
    assert report["query"] == "a dog barking"
    assert report["model"] == "half"
    assert report["recording"] == {
        "name": "park.wav", "seconds": 2.0, "sample_rate_hz": RATE, "channels": 1,
    }  # fmt: skip
    assert report["levels_dbfs"]["recording"] == pytest.approx(-20.0, abs=0.2)
    assert report["levels_dbfs"]["target"] == pytest.approx(-26.0, abs=0.2)
    assert report["largest_difference_of_the_sum"] < 1e-6


def test_progress_counts_the_windows_up_to_all(service: Service, tmp_path: Path) -> None:
    path = recording(tmp_path / "long.wav", 30, channels=1)
    stages = [step for step in service.run(path, "rain", "half") if isinstance(step, Stage)]
    windows = [(stage.done, stage.total) for stage in stages if stage.name == "separating"]
    assert len(windows) > 2
    assert windows == [(done, len(windows)) for done in range(1, len(windows) + 1)]


@pytest.mark.parametrize("stop", ["ticket", "close"])
def test_cancelling_stops_the_network_between_two_windows(tmp_path: Path, stop: str) -> None:
    network = Half()
    service = small_service(tmp_path / "scratch", network)
    ticket = Ticket()
    steps = service.run(recording(tmp_path / "long.wav", 60, channels=1), "rain", "half", ticket=ticket)
    while network.calls == 0:
        next(steps)
    if stop == "ticket":
        ticket.call_off()
        with pytest.raises(Cancelled):
            list(steps)
    else:
        steps.close()
    assert network.calls <= 2
    assert not list((tmp_path / "scratch").rglob("*.wav"))


def test_a_ticket_called_off_before_its_turn_costs_nothing(tmp_path: Path) -> None:
    network = Half()
    service = small_service(tmp_path / "scratch", network)
    ticket = Ticket()
    ticket.call_off()
    with pytest.raises(Cancelled):
        list(service.run(recording(tmp_path / "park.wav"), "rain", "half", ticket=ticket))
    assert network.calls == 0


def test_two_visitors_at_once_get_their_own_sound_in_folders_of_their_own(service: Service, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    loud = service.run(recording(tmp_path / "one" / "same.wav", 12, level=0.3), "rain", "half")
    soft = service.run(recording(tmp_path / "two" / "same.wav", 12, level=0.003), "rain", "half")
    steps = list(zip(loud, soft, strict=True))
    last: dict[str, Any] = dict(zip("ls", steps[-1], strict=True))
    assert last["l"].target.name == last["s"].target.name
    assert last["l"].target.parent != last["s"].target.parent
    levels = {name: np.std(soundfile.read(outcome.target)[0]) for name, outcome in last.items()}
    assert levels["l"] == pytest.approx(0.15, rel=0.05)
    assert levels["s"] == pytest.approx(0.0015, rel=0.05)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"recording": None}, AudioError),
        ({"query": "   "}, QueryError),
        ({"query": "x" * 5000}, QueryError),
        ({"model": "no-such-model"}, ModelError),
        ({"model": "far-away"}, ModelError),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence(
    service: Service, tmp_path: Path, wrong: dict[str, str | None], error: type[LassError]
) -> None:
    given: dict[str, str | None] = {
        "recording": recording(tmp_path / "park.wav"), "query": "rain", "model": "half", **wrong,
    }  # fmt: skip
    with pytest.raises(error) as caught:
        list(service.run(given["recording"], given["query"], given["model"]))
    sentence = service.sentence(caught.value)
    assert len(sentence) > 20
    assert "\n" not in sentence


def write_nothing(path: Path) -> None:
    path.write_bytes(b"")


def write_words(path: Path) -> None:
    path.write_text("this is not sound " * 100)


def write_half_a_header(path: Path) -> None:
    recording(path)
    path.write_bytes(path.read_bytes()[:30])


@pytest.mark.parametrize("write", [write_nothing, write_words, write_half_a_header])
def test_a_broken_file_is_named_in_the_sentence(
    service: Service, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    path = tmp_path / "broken.wav"
    write(path)
    with pytest.raises(AudioError, match=r"broken\.wav"):
        list(service.run(str(path), "rain", "half"))


def test_a_recording_that_is_too_long_is_refused(tmp_path: Path) -> None:
    service = small_service(tmp_path / "scratch", max_seconds=3)
    with pytest.raises(AudioError):
        list(service.run(recording(tmp_path / "long.wav", 4), "rain", "half"))


def test_the_complaint_stands_next_to_what_is_missing(service: Service) -> None:
    about_recording, about_query = service.complaint(None, "")
    assert "recording" in about_recording
    assert "hear" in about_query
    assert service.complaint("park.wav", "rain") == ("", "")


def test_a_fault_of_the_program_is_logged_and_told_without_its_details(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        sentence = service.sentence(ZeroDivisionError("secret detail"))
    assert "secret detail" not in sentence
    assert "try again" in sentence
    assert "secret detail" in caplog.text


def test_a_model_is_loaded_once_and_shared(service: Service) -> None:
    assert service.shelf.separator("half") is service.shelf.separator("half")


def test_models_that_are_here_come_first_and_are_the_default(service: Service) -> None:
    models = service.models()
    assert [model["name"] for model in models] == ["half", "far-away"]
    assert service.shelf.default() == "half"
    json.dumps(models)


def test_a_model_that_is_not_here_says_how_it_comes(service: Service) -> None:
    with pytest.raises(ModelError, match="download far-away"):
        service.shelf.separator("far-away")


def test_every_shipped_example_is_there(root: Path) -> None:
    described = json.loads((root / "examples" / "examples.json").read_text(encoding="utf-8"))
    examples = load_examples(root / "examples")
    assert [example.query for example in examples] == [item["query"] for item in described]
    assert len(examples) >= 5


def test_without_examples_there_are_none(tmp_path: Path) -> None:
    assert load_examples(tmp_path) == []


def test_a_ticket_is_worked_on_once() -> None:
    ticket = Ticket("a wish")
    assert [ticket.take(), ticket.take()] == [True, False]


def test_what_a_crash_left_goes_when_its_time_is_over(tmp_path: Path) -> None:
    service = small_service(tmp_path)
    old, fresh, foreign = (tmp_path / name for name in ("lass-old", "lass-fresh", "another"))
    for folder in (old, fresh, foreign):
        folder.mkdir()
        (folder / "target.wav").write_bytes(b"sound")
    for path in (old / "target.wav", old, foreign):
        os.utime(path, (0, 0))
    service.tidy()
    assert [folder.exists() for folder in (old, fresh, foreign)] == [False, True, True]


def last(service: Service, path: str, **choices: Any) -> Outcome:
    *_, outcome = service.run(path, "a dog barking", "half", Choices(**choices))
    assert isinstance(outcome, Outcome)
    return outcome


def heard(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


def test_several_descriptions_leave_stems_that_add_up(service: Service, tmp_path: Path) -> None:
    path = recording(tmp_path / "park.wav", 2.0)
    outcome = last(service, path, more=("rain", " ", "a siren"))
    assert [stem.name for stem in outcome.stems] == [
        "park-stems-half-1-a-dog-barking-stem.wav", "park-stems-half-2-rain-stem.wav",
        "park-stems-half-3-a-siren-stem.wav",
    ]  # fmt: skip
    whole = sum(heard(stem) for stem in outcome.stems) + heard(outcome.residual)
    np.testing.assert_allclose(whole, heard(Path(path)), atol=1e-6)
    # Three halves are more than there is: each stem gets a third, and nothing is left.
    assert np.std(heard(outcome.stems[1])) == pytest.approx(0.1 / 3, rel=0.02)
    assert outcome.report["queries"] == ["a dog barking", "rain", "a siren"]
    assert outcome.archive is not None
    with zipfile.ZipFile(outcome.archive) as archive:
        assert len(archive.namelist()) == 3 + 1 + 2


def test_removing_gives_the_recording_without_the_sound_first(tmp_path: Path) -> None:
    network = Half()
    network.share.data.fill_(0.25)
    service = small_service(tmp_path / "scratch", network)
    path = recording(tmp_path / "park.wav")
    outcome = last(service, path, remove=True)
    assert outcome.target.name == "park-without-a-dog-barking-half-target.wav"
    np.testing.assert_allclose(heard(outcome.target), 0.75 * heard(Path(path)), atol=1e-5)
    np.testing.assert_allclose(heard(outcome.residual), 0.25 * heard(Path(path)), atol=1e-5)
    assert outcome.report["removed"] is True


@pytest.mark.parametrize("remove", [False, True])
def test_of_a_part_nothing_changes_outside(service: Service, tmp_path: Path, remove: bool) -> None:
    path = recording(tmp_path / "long.wav", 9)
    outcome = last(service, path, start=4, end=6, remove=remove)
    mixture, target = heard(Path(path)), heard(outcome.target)
    np.testing.assert_allclose(target + heard(outcome.residual), mixture, atol=1e-6)
    np.testing.assert_array_equal(target[: 4 * RATE], mixture[: 4 * RATE])
    np.testing.assert_array_equal(target[6 * RATE :], mixture[6 * RATE :])
    middle = slice(round(4.5 * RATE), round(5.5 * RATE))
    assert np.std(target[middle]) == pytest.approx(np.std(mixture[middle]) / 2, rel=0.02)
    assert outcome.report["part"] == {"start_seconds": 4, "end_seconds": 6}


def test_stems_of_a_part_are_silent_outside(service: Service, tmp_path: Path) -> None:
    path = recording(tmp_path / "long.wav", 9)
    outcome = last(service, path, start=4, end=6, more=("rain",))
    stems = [heard(stem) for stem in outcome.stems]
    assert not any(stem[: 4 * RATE - 1600].any() or stem[6 * RATE + 1600 :].any() for stem in stems)
    np.testing.assert_allclose(sum(stems) + heard(outcome.residual), heard(Path(path)), atol=1e-6)


def test_a_part_that_is_not_there_is_a_sentence(service: Service, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="the recording ends at 1"):
        list(service.run(recording(tmp_path / "park.wav"), "rain", "half", Choices(start=5)))


def test_a_further_description_that_is_too_long_is_complained_about(service: Service) -> None:
    assert service.complaint("park.wav", "rain", ["", "  "]) == ("", "")
    assert service.complaint("park.wav", "rain", ["x" * 5000])[1]
