"""A built study: the right audio, equally loud, and in words why there is none."""

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from pyloudnorm import Meter

import lass
from lass import audio
from lass.errors import LassError
from lass.listening.design.study import load_study
from lass.listening.stimuli.building import build_study
from lass.listening.stimuli.manifest import check, load_manifest
from lass.scenes import SCENES, render
from tests.listening.small import RATE, edited, small_source, tone, with_a_model

ALL = {"anchor": True, "hidden_reference": True, "traps": 1, "repeats": 1}


def parts(folder: Path) -> dict[tuple[str, str, str], np.ndarray]:
    """All audio of a built study: (role, item, condition) -> (2, samples)."""
    manifest = load_manifest(folder)
    files = {("mixture", clip.item, ""): clip.file for clip in manifest.mixtures.values()}
    files |= {(one.role, one.item, one.condition): one.file for one in manifest.stimuli}
    return {key: soundfile.read(folder / file, dtype="float64", always_2d=True)[0].T for key, file in files.items()}


@pytest.fixture
def with_model(tmp_path: Path, tiny_checkpoint: Path) -> Path:
    return with_a_model(tmp_path / "sources", tiny_checkpoint)


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


def test_the_anchor_sounds_as_its_mixture_and_is_another_file_of_the_same_size(tmp_path: Path) -> None:
    built = build_study(small_source(tmp_path / "sources", **ALL), tmp_path / "demo")
    files = {file: (built.folder / file).read_bytes() for file in built.manifest.files}
    assert len(set(files.values())) == len(files)
    assert len(set(map(len, files.values()))) == 1
    for anchor in (one for one in built.manifest.stimuli if one.role == "anchor"):
        mixture = built.manifest.mixtures[anchor.mixture]
        heard, given = (soundfile.read(built.folder / one.file, dtype="int16")[0] for one in (anchor, mixture))
        np.testing.assert_array_equal(heard, given)
        assert (anchor.lufs, anchor.gain_db) == (mixture.lufs, mixture.gain_db)
        with wave.open(str(built.folder / anchor.file)) as sound:
            assert sound.getparams()[:4] == (2, 2, RATE, len(given))


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
    fields = yaml.safe_load((Path(__file__).parents[3] / "assets/studies/models/study.yaml").read_text())
    for condition in fields["conditions"]:
        condition["model"] = str(tiny_checkpoint)
    fields["items"] = fields["items"][:2]
    fields["items_per_rater"] = 6
    (tmp_path / "models").mkdir()
    built = build_study(edited_new(tmp_path / "models" / "study.yaml", fields), tmp_path / "built")
    heard = parts(tmp_path / "built")
    # Two mixtures and that of the practice; of each item what the models give, reference and anchor; practice and trap.
    assert len(heard) == 2 + 1 + 2 * (len(fields["conditions"]) + 2) + 1 + 1
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
