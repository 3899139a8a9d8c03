"""A study built again makes only what changed, and an interrupted build leaves what was there."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

import lass
from lass.errors import Cancelled
from lass.listening.design.study import load_study
from lass.listening.stimuli.building import build_study, ensure_built
from lass.listening.stimuli.manifest import Manifest, check, load_manifest
from tests.listening.small import edited, small_source, tone, with_a_model

ALL = {"anchor": True, "hidden_reference": True, "traps": 1, "repeats": 1}


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def with_model(tmp_path: Path, tiny_checkpoint: Path) -> Path:
    return with_a_model(tmp_path / "sources", tiny_checkpoint)


def test_an_unchanged_study_makes_nothing_and_changes_nothing(tmp_path: Path, with_model: Path) -> None:
    first = build_study(with_model, tmp_path / "demo")
    before = files(tmp_path / "demo")
    second = build_study(with_model, tmp_path / "demo")
    assert first.made == 2 * 3 + 2 + 1  # mixture, given, made; practice; trap
    assert second.made == 0
    assert files(tmp_path / "demo") == before
    assert second.manifest == first.manifest


def test_a_changed_item_is_made_anew_by_itself_and_every_id_stays(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources", **ALL)
    first = build_study(source, tmp_path / "demo").manifest
    tone(source.parent / "item2-a.wav", 333)
    second = build_study(source, tmp_path / "demo")
    assert second.made == 1
    assert [one.id for one in second.manifest.stimuli] == [one.id for one in first.stimuli]
    assert [*second.manifest.mixtures] == [*first.mixtures]
    changed = {
        (new.item, new.condition)
        for old, new in zip(first.stimuli, second.manifest.stimuli, strict=True)
        if old.sha256 != new.sha256
    }
    assert changed == {("item2", "a")}
    assert check(tmp_path / "demo") == []
    assert len(list((tmp_path / "demo" / "audio").iterdir())) == len(second.manifest.files)


def test_new_words_make_no_new_audio(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources")
    first = build_study(source, tmp_path / "demo").manifest
    second = build_study(edited(source, title="Another title", items_per_rater=2), tmp_path / "demo")
    assert second.made == 0
    assert second.manifest.files == first.files
    assert second.manifest.study_sha256 != first.study_sha256
    assert str(load_study(tmp_path / "demo").title) == "Another title"


def test_an_item_comes_and_goes(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources", items=3)
    first = build_study(source, tmp_path / "demo").manifest
    items = yaml.safe_load(source.read_text())["items"]
    fewer = build_study(edited(source, items=items[:2]), tmp_path / "demo").manifest
    assert {one.id for one in fewer.stimuli} < {one.id for one in first.stimuli}
    assert len(list((tmp_path / "demo" / "audio").iterdir())) == len(fewer.files)
    assert build_study(edited(source, items=items), tmp_path / "demo").manifest.stimuli == first.stimuli


def test_damaged_audio_is_written_again(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources")
    first = build_study(source, tmp_path / "demo").manifest
    one, two, *_ = first.files
    (tmp_path / "demo" / one).write_bytes(b"RIFF")
    (tmp_path / "demo" / two).unlink()
    work = next((tmp_path / "demo" / "work").iterdir())
    work.write_bytes(work.read_bytes()[:-100])
    second = build_study(source, tmp_path / "demo")
    assert second.made == 1
    assert second.manifest.files == first.files
    assert check(tmp_path / "demo") == []


def test_every_model_is_loaded_once(with_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, load = [], lass.load_separator
    monkeypatch.setattr(lass, "load_separator", lambda name, **rest: loaded.append(name) or load(name, **rest))
    build_study(with_model, tmp_path / "demo")
    build_study(with_model, tmp_path / "demo")
    assert len(loaded) == 1


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    build_study(small_source(tmp_path / "sources"), tmp_path / "demo", progress=lambda *one: told.append(one))
    total = told[0][1]
    assert [done for done, _, _ in told] == list(range(total + 1))
    assert {of for _, of, _ in told} == {total}


def test_a_study_is_built_on_demand(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources")
    folder = ensure_built(source, tmp_path / "demo")
    first = load_manifest(folder)
    stamps = {file: file.stat().st_mtime_ns for file in folder.rglob("*") if file.name != ".lock"}
    assert ensure_built(source, tmp_path / "demo") == folder
    assert {file: file.stat().st_mtime_ns for file in stamps} == stamps
    edited(source, title="New")
    ensure_built(source, folder)
    assert load_manifest(folder).study_sha256 != first.study_sha256
    (folder / next(iter(first.files))).unlink()
    ensure_built(source, folder)
    assert check(folder) == []


def test_a_study_can_be_built_in_its_own_folder(tmp_path: Path) -> None:
    source = small_source(tmp_path / "demo")
    before = source.read_bytes()
    assert build_study(source, source.parent).study.slug == "demo"
    assert source.read_bytes() == before
    assert build_study(source, source.parent).made == 0


# Interrupted


def usable(folder: Path, manifest: Manifest) -> bool:
    """Whether the folder still serves what it served before."""
    return load_manifest(folder) == manifest and check(folder) == []


def test_a_cancelled_build_goes_on_where_it_was(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources")
    calls = iter(range(1000))
    with pytest.raises(Cancelled):
        build_study(source, tmp_path / "demo", cancelled=lambda: next(calls) == 5)
    assert not (tmp_path / "demo" / "manifest.json").exists()
    kept = len(list((tmp_path / "demo" / "work").iterdir()))
    assert kept == 5
    whole = build_study(source, tmp_path / "other").made
    assert build_study(source, tmp_path / "demo").made == whole - kept


class Stop(BaseException):
    """What no code of ours expects."""


def test_a_crash_at_any_write_leaves_the_former_study_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = small_source(tmp_path / "sources", items=1, practice=0)
    folder = tmp_path / "demo"
    first = build_study(source, folder).manifest
    tone(source.parent / "item1-a.wav", 300)
    edited(source, loudness=-30.0, title="New")
    replace, count = Path.replace, 0
    for crash in range(20):
        writes = iter(range(100))

        def stopping(self: Path, target: Path, writes: Any = writes, crash: int = crash) -> Path:
            if next(writes) == crash:
                raise Stop
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", stopping)
        try:
            build_study(source, folder)
        except Stop:
            count += 1
            assert usable(folder, first)
            continue
        break
    assert count >= 3
    monkeypatch.undo()
    assert check(folder) == []
    assert load_manifest(folder).loudness == -30
    assert load_manifest(folder).study_sha256 == load_study(folder).sha256


@pytest.mark.parametrize("moment", [2, 7, 14])
def test_a_killed_build_goes_on(tmp_path: Path, root: Path, moment: int) -> None:
    source = small_source(tmp_path / "sources", items=2, practice=0)
    program = """
        import os, signal, sys
        renamed = 0
        def watch(event, arguments):
            global renamed
            if event == "os.rename":
                renamed += 1
                if renamed == int(sys.argv[3]):
                    os.kill(os.getpid(), signal.SIGKILL)
        from lass.listening.stimuli.building import build_study
        sys.addaudithook(watch)
        build_study(sys.argv[1], sys.argv[2])
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(source), str(tmp_path / "demo"), str(moment)]
    run = subprocess.run(command, cwd=root, env=os.environ.copy(), timeout=60, check=False)
    assert run.returncode == -signal.SIGKILL
    assert not (tmp_path / "demo" / "manifest.json").exists()
    build_study(source, tmp_path / "demo")
    assert check(tmp_path / "demo") == []
    left = {file.name for file in (tmp_path / "demo").rglob("*") if file.is_file()}
    assert not [name for name in left if name.endswith(".partial")]


