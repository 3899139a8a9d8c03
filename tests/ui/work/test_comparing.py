"""Comparing models blind: nothing tells them apart before the vote, and the measures are right."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from lass.checkpoints.loading import Loaded
from lass.errors import AudioError, Cancelled, LassError
from lass.models.resunet import ResUNetConfig
from lass.queries import CompactEncoder
from lass.separation import Separator
from lass.ui.words.texts import ENGLISH
from lass.ui.work.comparing import Comparing, Comparison, Contest
from lass.ui.work.service import Limits, Service
from lass.ui.work.shelf import Shelf
from lass.ui.work.wish import Ticket
from tests.ui.small import RATE, Half, entry, recording

SHARES = {"quarter": 0.25, "half": 0.5, "whole": 1.0}

Make = Callable[..., Comparing]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def load(name: str) -> Separator:
        network = Half()
        network.share.data = torch.tensor(SHARES[name])
        config = ResUNetConfig(sample_rate=RATE, window=512, hop=160)
        return Separator(Loaded(name=name, model=network, config=config, encoder=CompactEncoder()))

    def build(prefer: Any = None) -> Comparing:
        entries = [entry(name) for name in SHARES] + [entry("far-away", state="to download")]
        shelf = Shelf(lambda: entries, load, ENGLISH)
        return Comparing(Service(shelf, Limits(60, 20_000_000, 60), tmp_path / "scratch", ENGLISH), prefer)

    return build


def compared(comparing: Comparing, contest: Contest) -> Comparison:
    *_, comparison = comparing.run(contest)
    assert isinstance(comparison, Comparison)
    return comparison


def heard(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


def test_every_model_answers_and_its_parts_add_up(make: Make, tmp_path: Path) -> None:
    path = recording(tmp_path / "park.wav")
    comparison = compared(make(), Contest(path, "rain", tuple(SHARES)))
    assert [answer.letter for answer in comparison.entrants] == ["A", "B", "C"]
    assert {answer.model for answer in comparison.entrants} == set(SHARES)
    mixture = heard(comparison.mixture)
    np.testing.assert_array_equal(mixture, heard(Path(path)))
    for answer in comparison.entrants:
        np.testing.assert_allclose(heard(answer.target), SHARES[answer.model] * mixture, atol=1e-5)
        np.testing.assert_allclose(heard(answer.target) + heard(answer.residual), mixture, atol=1e-6)
        assert answer.scores is None


def test_no_name_that_reaches_the_browser_gives_a_model_away(make: Make, tmp_path: Path) -> None:
    comparison = compared(make(), Contest(recording(tmp_path / "park.wav", 0.2), "rain", tuple(SHARES)))
    shown = [comparison.mixture, comparison.picture, *(answer.target for answer in comparison.entrants)]
    assert not any(name in file.name for name in SHARES for file in shown)


def test_the_order_is_drawn_anew(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comparing, orders = make(), set()
    monkeypatch.setattr(comparing, "_write", lambda contest, recording, truth, names, found: names)
    path = recording(tmp_path / "park.wav", 0.1)
    for _ in range(12):
        *_, names = comparing.run(Contest(path, "rain", tuple(SHARES)))
        assert isinstance(names, list)
        orders.add(tuple(names))
    assert len(orders) > 1  # all alike once in 6 ** 11


def test_a_clean_sound_measures_the_answers(make: Make, tmp_path: Path) -> None:
    path = recording(tmp_path / "park.wav")
    soundfile.write(tmp_path / "clean.wav", 0.5 * heard(Path(path)), RATE, subtype="FLOAT")
    contest = Contest(path, "rain", ("half", "quarter"), str(tmp_path / "clean.wav"))
    measured = {answer.model: answer.scores for answer in compared(make(), contest).entrants}
    assert measured["half"] is not None
    assert measured["quarter"] is not None
    assert measured["half"].sdr > 80
    assert measured["quarter"].sdr == pytest.approx(6.02, abs=0.01)
    assert measured["quarter"].sdri == pytest.approx(6.02, abs=0.01)  # the mixture has 0 dB
    assert measured["quarter"].si_sdr > 80


@pytest.mark.parametrize(
    ("seconds", "channels", "level", "words"),
    [(2.0, 2, 0.1, "lasts 2.0 s"), (1.0, 3, 0.1, "3 channels"), (1.0, 2, 0.0, "silent")],
)
def test_a_clean_sound_that_does_not_fit_is_one_sentence(
    make: Make, tmp_path: Path, seconds: float, channels: int, level: float, words: str
) -> None:
    clean = recording(tmp_path / "clean.wav", seconds, channels=channels, level=level)
    with pytest.raises(AudioError, match=words):
        list(make().run(Contest(recording(tmp_path / "park.wav"), "rain", ("half", "whole"), clean)))


def test_a_vote_is_kept_without_a_trace_of_who_and_what(make: Make, tmp_path: Path) -> None:
    kept: list[tuple[str, dict[str, Any]]] = []
    comparing = make(lambda kind, values: kept.append((kind, values)))
    comparison = compared(comparing, Contest(recording(tmp_path / "private.wav"), "rain", ("half", "whole")))
    comparing.vote(comparison, "B")
    comparing.vote(comparison, None)
    named = {answer.letter: answer.model for answer in comparison.entrants}
    assert [kind for kind, _ in kept] == ["compare", "compare"]
    assert kept[0][1] == {"query": "rain", "seconds": 1.0, "models": named, "chosen": named["B"]}
    assert kept[1][1]["chosen"] is None
    assert "private" not in json.dumps(kept)
    make().vote(comparison, "A")  # nobody keeps it, and nothing happens


def test_the_archive_names_the_models(make: Make, tmp_path: Path) -> None:
    comparing = make()
    comparison = compared(comparing, Contest(recording(tmp_path / "park.wav"), "rain", ("half", "whole")))
    with zipfile.ZipFile(comparing.archive(comparison)) as archive:
        names = {Path(name).name for name in archive.namelist()}
        report = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith(".json"))))
    assert {"compared-rain-half-target.wav", "compared-rain-whole-residual.wav", "mixture.wav"} <= names
    assert {answer["model"] for answer in report["answers"]} == {"half", "whole"}


def test_models_that_are_not_here_are_not_offered(make: Make) -> None:
    assert [name for _, name in make().models()] == list(SHARES)


@pytest.mark.parametrize(
    "wrong", [{"recording": ""}, {"query": " "}, {"models": ("half",)}, {"models": ("half", "half")}, {"models": ()},
              {"models": ("half", "far-away")}, {"models": ("half", "nope")}]
)  # fmt: skip
def test_what_is_missing_is_one_sentence(make: Make, tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = recording(tmp_path / "park.wav")
    given: dict[str, Any] = {"recording": path, "query": "rain", "models": ("half", "whole")}
    with pytest.raises(LassError) as caught:
        list(make().run(Contest(**{**given, **wrong})))
    assert len(str(caught.value)) > 20


def test_cancelling_stops_and_leaves_nothing(make: Make, tmp_path: Path) -> None:
    ticket = Ticket()
    steps = make().run(Contest(recording(tmp_path / "park.wav", 30), "rain", ("half", "whole")), ticket)
    next(steps)
    ticket.call_off()
    with pytest.raises(Cancelled):
        list(steps)
    assert not list((tmp_path / "scratch").glob("lass-*/*"))
