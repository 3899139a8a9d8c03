"""A built study: the right audio, equally loud, made once, whole after any interruption."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from pyloudnorm import Meter

import lass
from lass import audio
from lass.errors import Cancelled, LassError
from lass.listening.building import build_study, ensure_built
from lass.listening.manifest import Manifest, check, load_manifest
from lass.listening.study import load_study
from lass.scenes import SCENES, render
from tests.listening.small import RATE, small_source, tone

ALL = {"anchor": True, "hidden_reference": True, "traps": 1, "repeats": 1}


def edited(file: Path, **changes: Any) -> Path:
    fields = {**yaml.safe_load(file.read_text()), **changes}
    file.write_text(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True))
    return file


def parts(folder: Path) -> dict[tuple[str, str, str], np.ndarray]:
    """All audio of a built study: (role, item, condition) -> (2, samples)."""
    manifest = load_manifest(folder)
    files = {("mixture", clip.item, ""): clip.file for clip in manifest.mixtures.values()}
    files |= {(one.role, one.item, one.condition): one.file for one in manifest.stimuli}
    return {key: soundfile.read(folder / file, dtype="float64", always_2d=True)[0].T for key, file in files.items()}


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def with_model(tmp_path: Path, tiny_checkpoint: Path) -> Path:
    """A study of two items with a model, one of which knows what else is in it."""
    file = small_source(tmp_path / "sources", items=2, conditions=("given",))
    fields = yaml.safe_load(file.read_text())
    fields["conditions"].append({"id": "made", "model": str(tiny_checkpoint)})
    for item in fields["items"] + fields["practice"]:
        del item["trap"]
    fields["items"][1]["other"] = "rain"
    return edited(file, **fields, traps=1)


# What is built


def test_a_study_is_built_with_all_its_controls(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources", **ALL)
    built = build_study(source, tmp_path / "demo")
    study, manifest = load_study(tmp_path / "demo"), load_manifest(tmp_path / "demo")
    assert (study.slug, built.study.slug, manifest) == ("demo", "demo", built.manifest)
    assert manifest.study_sha256 == study.sha256
    assert manifest.version == lass.__version__
    assert check(tmp_path / "demo") == []
    found = sorted((one.role, one.item, one.condition) for one in manifest.stimuli)
    items = ["item1", "item2", "item3"]
    expected = [("system", item, condition) for item in items for condition in "ab"]
    expected += [(role, item, role) for role in ("anchor", "reference") for item in items]
    traps = [one for one in found if one[0] == "trap"]
    assert len(traps) == 1
    assert found == sorted([*expected, *traps, ("practice", "practice1", "a")])
    assert {file.name for file in (tmp_path / "demo").iterdir()} - {".lock"} == {
        "study.yaml", "manifest.json", "audio", "work",
    }  # fmt: skip


def test_all_audio_is_equally_loud_and_nothing_clips(tmp_path: Path) -> None:
    build_study(small_source(tmp_path / "sources", **ALL), tmp_path / "demo")
    manifest = load_manifest(tmp_path / "demo")
    loudness = {Meter(RATE).integrated_loudness(samples.T) for samples in parts(tmp_path / "demo").values()}
    assert max(loudness) - min(loudness) < 0.1
    assert np.mean(list(loudness)) == pytest.approx(manifest.loudness, abs=0.05)
    for one in (*manifest.stimuli, *manifest.mixtures.values()):
        assert one.lufs == pytest.approx(manifest.loudness, abs=0.05)


def test_a_stimulus_is_its_source_times_the_recorded_gain(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources", **ALL)
    build_study(source, tmp_path / "demo")
    heard, manifest = parts(tmp_path / "demo"), load_manifest(tmp_path / "demo")
    names = {"system": "item1-a", "anchor": "item1", "reference": "item1-clean"}
    for one in manifest.stimuli:
        if one.item == "item1" and one.role in names and one.condition != "b":
            original = audio.read(source.parent / f"{names[one.role]}.wav").waveform
            expected = np.repeat(original, 2, axis=0) * 10 ** (one.gain_db / 20)
            np.testing.assert_allclose(heard[one.role, one.item, one.condition], expected, atol=2 / 32768)


def test_both_ears_hear_a_mono_recording_and_stereo_stays(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources", items=1)
    rng = np.random.default_rng(1)
    soundfile.write(source.parent / "item1.wav", rng.normal(0, 0.1, (RATE // 2, 2)), RATE)
    build_study(source, tmp_path / "demo")
    heard = parts(tmp_path / "demo")
    assert all(samples.shape == (2, RATE // 2) for key, samples in heard.items() if key[1] == "item1")
    np.testing.assert_array_equal(*heard["system", "item1", "a"])
    assert not np.array_equal(*heard["mixture", "item1", ""])


def test_a_model_hears_the_mixture_and_the_query(with_model: Path, tmp_path: Path, tiny_checkpoint: Path) -> None:
    built = build_study(with_model, tmp_path / "demo")
    heard = parts(tmp_path / "demo")
    mixture = np.repeat(audio.read(with_model.parent / "item2.wav").waveform, 2, axis=0)
    separator = lass.load_separator(tiny_checkpoint)
    for role, condition, query in (("system", "made", "the sound of item2"), ("trap", "trap", "rain")):
        target = separator.separate(mixture, RATE, query).target
        gain = next(one.gain_db for one in built.manifest.stimuli if (one.item, one.condition) == ("item2", condition))
        np.testing.assert_allclose(heard[role, "item2", condition], target * 10 ** (gain / 20), atol=2 / 32768)
    (made,) = [one for one in built.manifest.stimuli if (one.item, one.condition) == ("item1", "made")]
    assert made.model == str(tiny_checkpoint)
    assert made.checkpoint_sha256 is not None
    assert {one.model for one in built.manifest.stimuli if one.condition == "given"} == {None}


def test_a_trap_asks_for_another_item_where_nothing_else_is_known(with_model: Path, tmp_path: Path) -> None:
    fields = yaml.safe_load(with_model.read_text())
    del fields["items"][1]["other"]
    manifest = build_study(edited(with_model, **fields), tmp_path / "demo").manifest
    (trap,) = [one for one in manifest.stimuli if one.role == "trap"]
    assert str(trap.query) == f"the sound of {trap.item}"  # what a rater reads stays what the item asks for
    heard = parts(tmp_path / "demo")
    assert not np.allclose(heard["trap", trap.item, "trap"], heard["system", trap.item, "made"], atol=1e-3)


def test_scenes_are_rendered(tmp_path: Path, tiny_checkpoint: Path) -> None:
    fields = yaml.safe_load((Path(__file__).parents[2] / "assets/studies/models/study.yaml").read_text())
    for condition in fields["conditions"]:
        condition["model"] = str(tiny_checkpoint)
    fields["items"] = fields["items"][:2]
    fields["items_per_rater"] = 6
    (tmp_path / "models").mkdir()
    built = build_study(edited_new(tmp_path / "models" / "study.yaml", fields), tmp_path / "built")
    heard = parts(tmp_path / "built")
    assert len(heard) == 2 + 1 + 2 * 5 + 1 + 1
    _, target, _ = render(SCENES[0], 32_000)
    gain = next(one.gain_db for one in built.manifest.stimuli if (one.item, one.role) == ("owl", "reference"))
    np.testing.assert_allclose(heard["reference", "owl", "reference"], target * 10 ** (gain / 20), atol=2 / 32768)
    assert built.warnings == ()


def edited_new(file: Path, fields: dict[str, Any]) -> Path:
    file.write_text(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True))
    return file


# Levels


def test_a_peak_lowers_the_whole_study_and_is_not_limited(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources", items=2, practice=0)
    spiky = np.zeros(RATE // 2)
    spiky[1000::3000] = 0.9
    soundfile.write(source.parent / "item1-a.wav", spiky, RATE)
    built = build_study(source, tmp_path / "demo")
    assert -35 < built.manifest.loudness < -23
    heard = parts(tmp_path / "demo")
    loudness = [Meter(RATE).integrated_loudness(samples.T) for samples in heard.values()]
    assert max(loudness) - min(loudness) < 0.1
    shape = heard["system", "item1", "a"][0]
    np.testing.assert_allclose(shape / shape.max(), spiky / spiky.max(), atol=1e-3)
    assert max(np.abs(samples).max() for samples in heard.values()) < 10 ** (-1 / 20)
    assert built.warnings == ()


def test_one_click_does_not_make_everything_inaudible(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources", items=2, practice=0, loudness=-15.0)
    click = 1e-4 * np.random.default_rng(1).normal(size=RATE // 2)
    click[3000] = 0.99
    soundfile.write(source.parent / "item1-a.wav", click, RATE)
    built = build_study(source, tmp_path / "demo")
    assert built.manifest.loudness == -27.0
    (warning,) = built.warnings
    assert "item1, a is" in warning
    assert "softer" in warning


def test_a_silent_output_stays_silent_and_is_told(with_model: Path, tmp_path: Path, monkeypatch: Any) -> None:
    class Silent:
        def separate(self, waveform: np.ndarray, *_: Any, **__: Any) -> Any:
            return type("Result", (), {"target": np.zeros_like(waveform)})

    monkeypatch.setattr(lass, "load_separator", lambda *_, **__: Silent())
    built = build_study(with_model, tmp_path / "demo")
    assert any("item1, made is silent" in warning for warning in built.warnings)
    assert not parts(tmp_path / "demo")["system", "item1", "made"].any()
    assert all(np.isfinite(one.lufs) for one in built.manifest.stimuli)
    assert load_manifest(tmp_path / "demo") == built.manifest


def test_a_sound_shorter_than_the_measure_s_block(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources", items=1, practice=0)
    for file in source.parent.glob("*.wav"):
        tone(file, 440, seconds=0.15)
    built = build_study(source, tmp_path / "demo")
    assert {one.seconds for one in built.manifest.stimuli} == {0.15}
    assert {round(one.lufs, 1) for one in built.manifest.stimuli} == {-23.0}


# What cannot be built: one sentence, nothing half done


@pytest.mark.parametrize(
    ("seconds", "channels", "said"), [(0.7, 1, "equal length"), (0.5, 6, "6 channels"), (0.05, 1, "at least")]
)
def test_a_file_that_does_not_fit(tmp_path: Path, seconds: float, channels: int, said: str) -> None:
    source = small_source(tmp_path / "sources")
    tone(source.parent / "item2-b.wav", 440, seconds=seconds, channels=channels)
    with pytest.raises(LassError, match=said) as caught:
        build_study(source, tmp_path / "demo")
    assert "item2-b.wav" in str(caught.value)
    assert not (tmp_path / "demo" / "manifest.json").exists()


def test_a_few_samples_more_or_less_fit(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources", items=1)
    tone(source.parent / "item1-a.wav", 440, seconds=0.51)
    tone(source.parent / "item1-b.wav", 440, seconds=0.49)
    build_study(source, tmp_path / "demo")
    assert {samples.shape for key, samples in parts(tmp_path / "demo").items()} == {(2, RATE // 2)}


def test_a_missing_model_and_a_missing_file(tmp_path: Path, with_model: Path) -> None:
    fields = yaml.safe_load(with_model.read_text())
    fields["conditions"][1]["model"] = "resunet-compat"
    with pytest.raises(LassError, match="did you mean resunet-compact"):
        build_study(edited(with_model, **fields), tmp_path / "demo")
    fields["conditions"][1]["model"] = "gone.safetensors"
    with pytest.raises(LassError, match="no checkpoint at"):
        build_study(edited(with_model, **fields), tmp_path / "demo")
    source = small_source(tmp_path / "other")
    (source.parent / "item1.wav").unlink()
    with pytest.raises(LassError, match=r"item1\.wav"):
        build_study(source, tmp_path / "demo")


def test_other_people_s_folders_are_left_alone(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources")
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "song.wav").write_bytes(b"x")
    with pytest.raises(LassError, match="folder of its own"):
        build_study(source, tmp_path / "music")
    (tmp_path / "file").write_text("x")
    with pytest.raises(LassError, match="cannot be written"):
        build_study(source, tmp_path / "file")
    with pytest.raises(LassError, match="cannot name a study"):
        build_study(source, tmp_path / "My Study")


def test_two_builds_at_once_are_refused(tmp_path: Path) -> None:
    source = small_source(tmp_path / "sources")
    refused = []

    def again(*_: Any) -> None:
        with pytest.raises(LassError, match="being built already"):
            build_study(source, tmp_path / "demo")
        refused.append(True)

    build_study(source, tmp_path / "demo", progress=again)
    assert refused


# Again


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
        from lass.listening.building import build_study
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


