"""The folder of built studies: what is found, noticed and left out."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lass.errors import LassError
from lass.listening.ratings.store import Store
from lass.listening.studies import Studies, UnknownStudyError
from tests.listening.small import small_study


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_study(tmp_path_factory.mktemp("studies"))


@pytest.fixture
def studies(built: Path, tmp_path: Path) -> Iterator[Studies]:
    shutil.copytree(built, tmp_path / "studies" / "demo")
    with Store.open(None, tmp_path / "store") as store:
        yield Studies(tmp_path / "studies", store)


def test_a_study_is_found_by_its_name_and_read_once(studies: Studies) -> None:
    home = studies.get("demo")
    assert home.study.slug == "demo"
    assert studies.get("demo") is home
    assert [one.study.slug for one in studies.all()] == ["demo"]


@pytest.mark.parametrize("slug", ["other", "", ".", "..", "../demo", "Demo", "demo/audio", "a" * 100, "demo\n"])
def test_other_names_are_unknown(studies: Studies, slug: str) -> None:
    with pytest.raises(UnknownStudyError):
        studies.get(slug)


def test_a_study_that_changes_is_read_again(studies: Studies) -> None:
    before = studies.get("demo")
    file = studies.folder / "demo" / "study.yaml"
    file.write_text(file.read_text() + "\nminutes: 7\n")
    assert studies.get("demo").study.minutes == 7
    assert before.study.minutes is None


def test_a_study_that_is_removed_is_gone(studies: Studies) -> None:
    studies.get("demo")
    shutil.rmtree(studies.folder / "demo")
    with pytest.raises(UnknownStudyError):
        studies.get("demo")
    assert studies.all() == []


def test_a_damaged_study_is_left_out_and_the_others_stay(
    studies: Studies, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(studies.folder / "demo", studies.folder / "broken")
    (studies.folder / "broken" / "manifest.json").write_text("{")
    assert [one.study.slug for one in studies.all()] == ["demo"]
    assert "broken" in caplog.text
    with pytest.raises(LassError, match="build"):
        studies.get("broken")


def test_there_need_be_no_folder(tmp_path: Path) -> None:
    with Store.open(None, tmp_path / "store") as store:
        assert Studies(tmp_path / "none", store).all() == []


def test_only_open_studies_are_open(studies: Studies) -> None:
    file = studies.folder / "demo" / "study.yaml"
    file.write_text(file.read_text() + "\nopens: 2030-01-01\ncloses: 2030-02-01\n")
    for moment, expected in ((1.0e9, 0), (1_894_000_000.0, 1), (2.0e9, 0)):
        assert len(Studies(studies.folder, studies.store, lambda moment=moment: moment).open()) == expected


def test_sounds_and_trials_are_those_of_the_manifest(studies: Studies) -> None:
    home = studies.get("demo")
    for stimulus in home.manifest.stimuli:
        assert home.audio(stimulus.id) == (home.folder / stimulus.file, stimulus.sha256)
        assert home.audio(stimulus.mixture)[1] == home.manifest.mixtures[stimulus.mixture].sha256
        assert home.stimulus(stimulus.id) is stimulus
    with pytest.raises(KeyError):
        home.audio("../manifest.json")
    assert home.trials(3) is home.trials(3)
