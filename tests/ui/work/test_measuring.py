"""Mixing and measuring: the mixture is the one asked for, and the measures are those of a known separation."""

import csv
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lass.errors import Cancelled, LassError
from lass.metrics import sdr
from lass.ui.parts.page_fragments import sweep_alt, sweep_rows
from lass.ui.words.french import FRENCH
from lass.ui.words.texts import ENGLISH, Texts
from lass.ui.work.measuring import SWEEP_DB, Experiment, Measured, Measuring, Mixed, Sweep, shipped
from lass.ui.work.wish import Ticket
from tests.ui.small import recording, small_service


@pytest.fixture
def measuring(tmp_path: Path) -> Measuring:
    return Measuring(small_service(tmp_path / "scratch"))


def experiment(tmp_path: Path, **changes: Any) -> Experiment:
    path = recording(tmp_path / "two.wav", 1.5, channels=1, level=0.03)
    samples, rate = soundfile.read(path)
    soundfile.write(path, samples[::-1], rate, subtype="FLOAT")  # the noise of both is the same, and must not be
    given: dict[str, Any] = {
        "first": recording(tmp_path / "one.wav", 1.0, channels=1),
        "second": path,
        "snr_db": 6.0, "offset": 0.0, "wanted": "first", "query": "rain", "model": "half",
    }  # fmt: skip
    return Experiment(**{**given, **changes})


def measured(measuring: Measuring, wish: Experiment) -> Measured:
    *_, result = measuring.run(wish)
    assert isinstance(result, Measured)
    return result


def mixed(measuring: Measuring, wish: Experiment) -> Path:
    *_, result = measuring.mixture(wish)
    assert isinstance(result, Mixed)
    return result.mixture


def heard(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


@pytest.mark.parametrize(("wanted", "before"), [("first", 6.0), ("second", -6.0)])
def test_the_files_add_up_and_the_measures_are_of_these_files(
    measuring: Measuring, tmp_path: Path, wanted: str, before: float
) -> None:
    result = measured(measuring, experiment(tmp_path, wanted=wanted))
    mixture, truth, target = heard(result.mixture), heard(result.truth), heard(result.target)
    np.testing.assert_allclose(truth + heard(result.other), mixture, atol=1e-6)
    np.testing.assert_allclose(target + heard(result.residual), mixture, atol=1e-6)
    assert result.before == pytest.approx(before, abs=0.01)
    assert result.scores.sdr == pytest.approx(sdr(truth, target), abs=1e-6)
    assert result.scores.sdri == pytest.approx(result.scores.sdr - result.before)
    with zipfile.ZipFile(result.archive) as archive:
        assert len(archive.namelist()) == 5 + 2


def test_the_mixture_can_be_heard_before_anything_is_asked_for(measuring: Measuring, tmp_path: Path) -> None:
    path = mixed(measuring, experiment(tmp_path, query="", offset=0.5))
    assert heard(path).shape == (32_000,)


def test_every_shipped_sound_is_one_that_can_be_mixed(measuring: Measuring, tmp_path: Path) -> None:
    sounds = shipped()
    assert len({sound.key for sound in sounds}) == len(sounds) == 10
    assert all(sound.query and sound.title for sound in sounds)
    path = mixed(measuring, experiment(tmp_path, first=sounds[0].key, second=sounds[1].key))
    assert np.std(heard(path)) > 1e-3


@pytest.mark.parametrize("texts", [ENGLISH, FRENCH])
def test_a_ratio_of_nought_has_no_sign(texts: Texts, measuring: Measuring, tmp_path: Path) -> None:
    *steps, sweep = measuring.sweep(experiment(tmp_path))
    assert isinstance(sweep, Sweep)
    written = [sweep_rows(texts, sweep), sweep_alt(texts, sweep), *(step.about for step in steps)]
    for ratio in ("-15 dB", "0 dB", "+15 dB"):
        assert ratio in written
    table, alt = written[:2]
    assert ">0 dB</th>" in table
    assert " 0 dB: " in alt
    assert not any("+0 dB" in words or "-0.0" in words for words in written)


def test_a_sweep_measures_at_every_ratio_and_draws_it(measuring: Measuring, tmp_path: Path) -> None:
    *_, sweep = measuring.sweep(experiment(tmp_path, wanted="second"))
    assert isinstance(sweep, Sweep)
    assert [point.ratio_db for point in sweep.points] == list(SWEEP_DB)
    for point in sweep.points:
        assert point.scores.sdr - point.scores.sdri == pytest.approx(point.ratio_db, abs=0.01)
    # What lets half of everything through makes errors at least half as large as the sound.
    assert sweep.points[-1].scores.sdr == pytest.approx(6.0, abs=0.4)
    assert sweep.picture.stat().st_size > 10_000
    rows = list(csv.DictReader(sweep.table.read_text(encoding="utf-8").splitlines()))
    assert [float(row["ratio_db"]) for row in rows] == list(SWEEP_DB)


@pytest.mark.parametrize(
    "wrong",
    [{"first": ""}, {"second": ""}, {"query": ""}, {"query": "x" * 5000}, {"offset": 99.0}, {"snr_db": 1e9},
     {"model": "far-away"}, {"first": "scene:nope:target"}, {"offset": float("nan")}],
)  # fmt: skip
def test_what_cannot_be_measured_is_one_sentence(measuring: Measuring, tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(LassError) as caught:
        list(measuring.run(experiment(tmp_path, **wrong)))
    assert len(str(caught.value)) > 20


def test_a_mixture_longer_than_allowed_is_refused(tmp_path: Path) -> None:
    measuring = Measuring(small_service(tmp_path / "scratch", max_seconds=3))
    long = recording(tmp_path / "long.wav", 2.9, channels=1)
    with pytest.raises(LassError, match="longer than 3"):
        list(measuring.run(experiment(tmp_path, first=long, second=long, offset=2.0)))


@pytest.mark.parametrize("what", ["mixture", "run", "sweep"])
def test_cancelling_stops_it(measuring: Measuring, tmp_path: Path, what: str) -> None:
    ticket = Ticket()
    steps = getattr(measuring, what)(experiment(tmp_path), ticket)
    next(steps)
    ticket.call_off()
    with pytest.raises(Cancelled):
        list(steps)
    assert not list((tmp_path / "scratch").glob("lass-*"))
