"""What ships can be built, and its description names every field."""

import re
from pathlib import Path

import pytest
import yaml

from lass.errors import LassError
from lass.listening.design.scales import Question, Scale
from lass.listening.design.study import Condition, Field, Item, Study
from lass.listening.stimuli import bundled
from lass.listening.stimuli.bundled import bundled_studies, ensure_bundled
from lass.listening.stimuli.manifest import check
from tests.listening.small import small_source


def test_two_studies_ship_and_no_audio(root: Path) -> None:
    assert list(bundled_studies()) == ["models", "separation"]
    assert all(file.is_relative_to(root / "assets" / "studies") for file in bundled_studies().values())
    assert {file.suffix for file in (root / "assets" / "studies").rglob("*") if file.is_file()} == {".md", ".yaml"}


def test_what_can_be_built_is_and_the_rest_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_source(tmp_path / "sources" / "good")
    later = [{"id": "a", "model": "not-here"}, {"id": "b"}]
    file = small_source(tmp_path / "sources" / "later", conditions=("b",))
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "conditions": later}))
    monkeypatch.setattr(bundled, "STUDIES", tmp_path / "sources")
    results = ensure_bundled(tmp_path / "built")
    assert results["good"] == tmp_path / "built" / "good"
    assert check(tmp_path / "built" / "good") == []
    assert isinstance(results["later"], LassError)
    assert not (tmp_path / "built" / "later" / "manifest.json").exists()


@pytest.mark.parametrize("model", [Study, Condition, Item, Field, Scale, Question])
def test_every_field_is_described(root: Path, model: type) -> None:
    text = (root / "assets" / "studies" / "README.md").read_text(encoding="utf-8")
    for name in model.model_fields:  # type: ignore[attr-defined]
        assert re.search(rf"[`\s]{name}[`:\s]", text), name
