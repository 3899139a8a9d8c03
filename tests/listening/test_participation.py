"""The rules of taking part: what comes next, and which claims of a browser are believed."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lass.listening.participation import Participation, Refusal
from lass.listening.ratings.records import CLAIMED_TOO_MUCH
from lass.listening.ratings.store import Store
from lass.listening.stimuli.building import build_study
from lass.listening.studies import Studies
from tests.listening.participants import lasting_study
from tests.listening.small import small_study, tone

SECONDS = 4.0
KEY = "0123456789abcdef"
FIELDS = [
    {"key": "age", "label": "Your age", "kind": "number"},
    {"key": "with", "label": "With what?", "kind": "choice", "choices": ["Headphones", "Loudspeakers"],
     "required": True},
    {"key": "remarks", "label": "Remarks", "kind": "text"},
]  # fmt: skip


@dataclass
class Here:
    """A study, its store, and a clock that moves when told to."""

    studies: Studies
    now: list[float]

    def enter(self, token: str | None = None, language: str = "en", slug: str = "demo") -> Participation:
        session = self.studies.store.session(token) if token else None
        home = self.studies.get(slug)
        return Participation(home, self.studies.store, session, language=language, clock=lambda: self.now[0])

    def begun(self, key: str = KEY) -> Participation:
        one = self.enter()
        one.begin("desktop", False, key)
        one.consent()
        return one

    def rate(self, one: Participation, trial: int, score: Any = 4, **changes: Any) -> None:
        self.now[0] += 2 * SECONDS
        one.rate(**{**claim(trial, score), **changes})


def claim(trial: int, score: Any = 4, key: str = "") -> dict[str, Any]:
    return {
        "position": trial, "scores": {"rating": score}, "key": key or f"{trial}-{KEY}", "plays": 1,
        "seconds_heard": SECONDS, "mixture_heard": SECONDS, "seconds_to_rate": 9.0,
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lasting_study(
        tmp_path_factory.mktemp("studies"), SECONDS, items=2, traps=1, repeats=1, anchor=True,
        consent="Do you agree?", questionnaire=FIELDS, completion_code="DONE-1", return_url="https://example.org/",
        closes="2030-01-01",
    ).parent  # fmt: skip


@pytest.fixture
def here(folder: Path, tmp_path: Path) -> Iterator[Here]:
    now = [1_800_000_000.0]
    with Store.open(None, tmp_path / "store", lambda: now[0]) as store:
        yield Here(Studies(folder, store, lambda: now[0]), now)


def refused(action: Callable[[], object]) -> int:
    with pytest.raises(Refusal) as caught:
        action()
    assert len(str(caught.value)) > 15
    assert "{" not in str(caught.value)
    return caught.value.status


def test_the_steps_come_in_their_order(here: Here) -> None:
    one = here.enter()
    assert (one.step, one.progress()["session"]) == ("welcome", None)
    one.begin("phone", False, KEY)
    assert one.step == "consent"
    assert refused(lambda: one.opened(0)) == 409
    one.consent()
    assert one.step == "volume"
    one.opened(0)
    here.rate(one, 0)
    count = len(one.state()["trials"])
    assert one.step == "trial"
    for trial in range(1, count):
        assert refused(one.finish) == 409
        here.rate(one, trial, trial % 5 + 1)
    assert one.step == "questionnaire"
    assert refused(one.finish) == 422, "a required question is open"
    one.answer({"with": "Headphones", "age": "33", "remarks": " =1+1 "})
    one.finish()
    assert one.step == "thanks"
    session = here.enter(one.session.token).progress()["session"]
    assert (session["code"], session["return_url"]) == ("DONE-1", "https://example.org/")
    assert session["questionnaire"] == {"with": "Headphones", "age": "33", "remarks": "=1+1"}
    assert len(here.studies.store.ratings("demo")) == count
    one.finish()
    assert refused(lambda: here.rate(one, 0, 1)) == 409


def test_the_code_is_shown_at_the_end_only(here: Here) -> None:
    one = here.begun()
    assert "DONE-1" not in json.dumps(one.state())
    assert "example.org" not in json.dumps(one.state())


@pytest.mark.parametrize("score", [0, 6, -1, "5", 4.5, 4.0, True, None, [4], {"a": 4}, 10**30, float("nan")])
def test_a_score_is_a_whole_number_from_one_to_five(here: Here, score: Any) -> None:
    one = here.begun()
    one.opened(0)
    assert refused(lambda: here.rate(one, 0, score)) == 422
    assert here.studies.store.ratings("demo") == []


@pytest.mark.parametrize("scores", [{}, {"other": 3}, {"rating": 3, "other": 3}])
def test_every_question_and_no_other_is_answered(here: Here, scores: dict[str, int]) -> None:
    one = here.begun()
    one.opened(0)
    assert refused(lambda: here.rate(one, 0, scores=scores)) == 422


@pytest.mark.parametrize(
    "forged",
    [
        {"seconds_heard": 0.0}, {"seconds_heard": 0.9 * SECONDS - 0.5}, {"mixture_heard": 1.0}, {"plays": 0},
    ],
)  # fmt: skip
def test_what_was_not_heard_cannot_be_rated(here: Here, forged: dict[str, float]) -> None:
    one = here.begun()
    one.opened(0)
    assert refused(lambda: here.rate(one, 0, **forged)) == 422
    assert here.studies.store.ratings("demo") == []


def test_more_cannot_have_been_heard_than_there_was_time_for(here: Here) -> None:
    one = here.begun()
    one.opened(0)
    here.now[0] += 3.0
    assert refused(lambda: one.rate(**claim(0))) == 422
    here.now[0] += 2 * SECONDS - 3.0 - 0.5
    one.rate(**claim(0))
    assert [record.seconds_heard for record in here.studies.store.ratings("demo")] == [SECONDS]


def test_a_trial_that_was_never_opened_has_no_time_to_be_heard_in(here: Here) -> None:
    one = here.begun()
    here.now[0] += 1000
    assert refused(lambda: one.rate(**claim(0))) == 422


def test_opening_again_does_not_start_the_clock_again(here: Here) -> None:
    one = here.begun()
    one.opened(0)
    here.now[0] += 2 * SECONDS
    one.opened(0)
    one.rate(**claim(0))


def test_a_later_trial_s_time_begins_with_the_answer_before(here: Here) -> None:
    one = here.begun()
    one.opened(0)
    here.rate(one, 0)
    here.now[0] += 1.0
    assert refused(lambda: one.rate(**claim(1))) == 422
    here.rate(one, 0, 2, key="changed-0123456789")
    one.rate(**claim(1))  # it may have been heard before the answer to the first one was changed


def test_changing_an_answer_makes_no_time_for_the_next_trial(here: Here) -> None:
    one = here.begun()
    one.opened(0)
    here.now[0] += 100
    one.rate(**claim(0))
    one.rate(**claim(0, 2, key="changed-0123456789"))
    assert refused(lambda: one.rate(**claim(1))) == 422


def test_a_claim_that_cannot_be_true_is_noted_for_the_screening(here: Here) -> None:
    one, honest = here.begun(), here.begun("another-0123456789")
    for someone in (one, honest):
        someone.opened(0)
    assert refused(lambda: one.rate(**claim(0))) == 422
    here.rate(one, 0)
    here.rate(honest, 0)
    sessions = here.studies.store.sessions("demo")
    assert [session.flags for session in sessions] == [(CLAIMED_TOO_MUCH,), ()]


def test_rounding_is_forgiven_and_too_much_is_cut(here: Here) -> None:
    one = here.begun()
    one.opened(0)
    here.rate(one, 0, seconds_heard=0.9 * SECONDS - 0.2, mixture_heard=0.9 * SECONDS - 0.2)
    here.rate(one, 1, seconds_heard=1e6, seconds_to_rate=1e6)
    first, second = here.studies.store.ratings("demo")
    assert first.seconds_heard == pytest.approx(0.9 * SECONDS - 0.2)
    assert second.seconds_heard == SECONDS
    assert second.seconds_to_rate < 10


def test_a_clock_that_was_set_back_blocks_nobody(here: Here) -> None:
    one = here.begun()
    one.opened(0)
    here.now[0] -= 3600
    one.rate(**claim(0))


def test_a_mixture_is_wanted_once(here: Here) -> None:
    one = here.begun()
    one.opened(0)
    heard: set[str] = set()
    for trial in one.state()["trials"]:
        again = trial["mixture"]["id"] in heard
        if not again:
            assert refused(lambda trial=trial: here.rate(one, trial["position"], mixture_heard=0.0)) == 422
        here.rate(one, trial["position"], mixture_heard=0.0 if again else SECONDS)
        heard.add(trial["mixture"]["id"])
    assert len(heard) < len(one.state()["trials"])


def test_trials_come_in_their_order_and_there_are_no_others(here: Here) -> None:
    one = here.begun()
    one.opened(0)
    assert refused(lambda: here.rate(one, 1)) == 409
    assert refused(lambda: one.opened(1)) == 409
    assert refused(lambda: here.rate(one, -1)) == 404
    assert refused(lambda: here.rate(one, 99)) == 404


def test_the_same_answer_twice_is_one_and_another_one_is_a_revision(here: Here) -> None:
    one = here.begun()
    one.opened(0)
    here.rate(one, 0, 4)
    here.rate(one, 0, 4)
    assert [record.score for record in here.studies.store.ratings("demo")] == [4]
    assert refused(lambda: here.rate(one, 0, 5)) == 409, "the same key with another score"
    here.rate(one, 0, 2, key="another-0123456789", seconds_heard=0.0, plays=0)
    assert [(record.score, record.revision) for record in here.studies.store.ratings("demo")] == [(4, 1), (2, 2)]
    assert one.progress()["session"]["answers"] == {0: {"rating": 2}}


def test_beginning_twice_with_one_key_is_one_session(here: Here) -> None:
    first, second = here.begun(), here.begun()
    assert first.session.token == second.session.token
    assert here.begun("another-0123456789").session.place == 1


def test_a_session_goes_on_where_it_was_with_the_same_trials(here: Here) -> None:
    one = here.begun()
    one.opened(0)
    here.rate(one, 0, 3)
    again = here.enter(one.session.token, "fr")
    assert again.state() == one.state()
    assert again.progress()["session"]["next"] == 1


def test_nothing_tells_systems_and_controls_apart(here: Here) -> None:
    state = here.begun().state()
    assert {tuple(trial) for trial in state["trials"]} == {("position", "practice", "query", "mixture", "sound")}
    home = here.studies.get("demo")
    stimuli = {one.id: one for one in home.manifest.stimuli}
    roles = {stimuli[trial.stimulus].role for trial in home.trials(0)}
    assert {"practice", "trap", "system", "anchor"} <= roles
    text = json.dumps({key: state[key] for key in ("trials", "study", "session")})
    for word in ("system", "anchor", "trap", "repeat", "condition", "model"):
        assert word not in text
    assert home.manifest.secret not in text


def test_only_sounds_of_the_own_trials_may_be_heard(here: Here) -> None:
    one = here.begun()
    trial = one.state()["trials"][0]
    home = here.studies.get("demo")
    stimulus = home.stimulus(home.trials(0)[0].stimulus)
    assert one.sound(trial["sound"]["id"]) == home.audio(stimulus.id)
    assert one.sound(trial["mixture"]["id"]) == home.audio(stimulus.mixture)
    for name in ("0" * 32, stimulus.id, stimulus.mixture):
        assert refused(lambda name=name: one.sound(name)) == 404
    for stranger in (here.enter(), here.begun("another-0123456789")):
        assert refused(lambda stranger=stranger: stranger.sound(trial["sound"]["id"])) == 404


def test_a_repeat_and_another_session_hear_the_same_sound_under_other_names(here: Here) -> None:
    home = here.studies.get("demo")
    first, second = here.begun(), here.begun("another-0123456789")
    stimuli = [trial.stimulus for trial in home.trials(0)]
    sounds = [trial["sound"]["id"] for trial in first.state()["trials"]]
    mixtures = {trial["mixture"]["id"] for trial in first.state()["trials"]}
    assert len(set(stimuli)) < len(stimuli), "one is repeated"
    assert len(set(sounds)) == len(sounds)
    assert not mixtures & set(sounds)
    assert len(mixtures) == len({home.stimulus(stimulus).mixture for stimulus in stimuli})
    others = {trial[part]["id"] for trial in second.state()["trials"] for part in ("sound", "mixture")}
    assert not others & {*sounds, *mixtures}
    assert [trial["sound"]["id"] for trial in here.enter(first.session.token).state()["trials"]] == sounds


def test_a_sound_that_was_built_anew_has_another_name(tmp_path: Path) -> None:
    """Or what a browser kept of the old one would be heard, and rated as the new one."""
    built = small_study(tmp_path, items=2)

    def names(store: Store, token: str) -> dict[str, str]:
        home = Studies(tmp_path, store).get("demo")
        one = Participation(home, store, store.session(token))
        shown = [trial["sound"]["id"] for trial in one.state()["trials"]]
        return {home.stimulus(trial.stimulus).item: name for trial, name in zip(home.trials(0), shown, strict=True)
                if home.stimulus(trial.stimulus).condition == "a"}  # fmt: skip

    with Store.open(None, tmp_path / "store") as store:
        study = Studies(tmp_path, store).get("demo").study
        token = store.begin("demo", study.sha256, study.seed, "en", "phone", False).token
        before = names(store, token)
        tone(tmp_path / "sources" / "item1-a.wav", 555)
        build_study(tmp_path / "sources" / "study.yaml", built)
        after = names(store, token)
    assert before["item1"] != after["item1"]
    assert before["item2"] == after["item2"]


def test_after_closing_nothing_is_taken_but_the_code_stays(here: Here) -> None:
    one, done = here.begun(), here.begun("another-0123456789")
    one.opened(0)
    for trial in range(len(done.state()["trials"])):
        done.opened(trial)
        here.rate(done, trial)
    done.answer({"with": "Loudspeakers"})
    done.finish()
    here.now[0] = 2_000_000_000.0
    assert one.step == "closed"
    assert one.state()["notice"][0]
    assert refused(lambda: here.rate(one, 0)) == 403
    assert refused(lambda: here.begun("a-third-0123456789")) == 403
    assert here.enter(done.session.token).progress()["session"]["code"] == "DONE-1"


@pytest.mark.parametrize(
    "answers",
    [
        {}, {"with": "Something"}, {"with": 3}, {"with": "Headphones", "age": "many"}, {"with": "Headphones", "x": "y"},
        {"with": "Headphones", "remarks": "x" * 2001}, {"with": "Headphones", "age": "1e5"},
    ],
)  # fmt: skip
def test_a_questionnaire_is_checked(here: Here, answers: dict[str, Any]) -> None:
    one = here.begun()
    assert refused(lambda: one.answer(answers)) == 422


def test_a_session_of_another_study_is_no_session(here: Here) -> None:
    store = here.studies.store
    foreign = store.begin("other", "0" * 64, 1, "en", "desktop", False)
    assert here.enter(foreign.token).session is None


def test_a_study_that_was_changed_goes_on_where_the_rated_stimuli_still_stand(here: Here) -> None:
    store, home = here.studies.store, here.studies.get("demo")
    old = store.begin("demo", "0" * 64, 7, "en", "desktop", False)
    assert here.enter(old.token).session is not None
    trial = home.trials(old.place)[0]
    store.rate(old.token, 0, trial.stimulus, "0" * 64, {"rating": 3}, KEY, 1, SECONDS, 5.0)
    assert here.enter(old.token).session is not None
    store.rate(old.token, 1, "f" * 32, "0" * 64, {"rating": 3}, KEY, 1, SECONDS, 5.0)
    again = here.enter(old.token)
    assert again.outdated
    assert again.step == "welcome"
    assert again.state()["notice"]


def test_every_refusal_is_spoken_in_french_too(here: Here) -> None:
    one = here.enter(language="fr")
    one.begin("desktop", False, KEY)
    with pytest.raises(Refusal, match="consentement"):
        one.opened(0)
