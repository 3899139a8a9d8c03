"""The sound models and the example scenes."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lass import scenes
from lass.scenes import SCENES, SOUNDS, render, synthesise

LABELS = tuple(SOUNDS)


def sound(label: str, seed: int = 0, seconds: float = 2.0, rate: int = 32000) -> np.ndarray:
    return synthesise(label, seconds, rate, np.random.default_rng(seed))


def spectrum(wave: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    return np.fft.rfftfreq(len(wave), 1 / rate), np.abs(np.fft.rfft(wave)) ** 2


def energy_share(wave: np.ndarray, rate: int, low: float, high: float) -> float:
    hertz, power = spectrum(wave, rate)
    return float(power[(hertz >= low) & (hertz < high)].sum() / power.sum())


@pytest.mark.parametrize("label", LABELS)
def test_same_seed_same_sound_another_seed_another(label: str) -> None:
    first, again, other = sound(label, 1), sound(label, 1), sound(label, 2)
    np.testing.assert_array_equal(first, again)
    likeness = np.dot(first, other) / (np.linalg.norm(first) * np.linalg.norm(other))
    assert abs(likeness) < 0.5


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("label", LABELS)
def test_length_level_and_finiteness(label: str, rate: int) -> None:
    for seed, seconds in enumerate((0.1, 1.003, 2.5)):
        wave = sound(label, seed, seconds, rate)
        assert wave.shape == (round(seconds * rate),)
        assert wave.dtype == np.float32
        assert np.isfinite(wave).all()
        assert np.abs(wave).max() < 1
        if seconds >= 1:
            assert -40 < 10 * np.log10(np.mean(wave**2)) < -15


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("label", "low", "high"),
    [
        ("owl hooting", 230, 650),
        ("siren wailing", 380, 1900),
        ("crickets chirping", 3400, 5800),
        ("birds chirping", 1500, 10000),
        ("whale singing", 50, 1700),
        ("knocking on a door", 60, 1500),
        ("party chatter", 80, 4000),
    ],
)
def test_sound_lies_where_the_real_one_does(label: str, low: float, high: float, seed: int) -> None:
    hertz, power = spectrum(sound(label, seed, 4.0), 32000)
    assert low < hertz[np.argmax(power)] < high


@pytest.mark.parametrize("seed", range(6))
def test_owl_is_nearly_pure_and_crickets_leave_the_lows_alone(seed: int) -> None:
    assert energy_share(sound("owl hooting", seed, 4.0), 32000, 200, 2500) > 0.95
    assert energy_share(sound("crickets chirping", seed, 4.0), 32000, 2500, 12000) > 0.9


@pytest.mark.parametrize("seed", range(4))
def test_rain_never_pauses_and_knocks_do(seed: int) -> None:
    def quietest(label: str) -> float:
        blocks = sound(label, seed, 4.0).reshape(-1, 1600)
        power = np.mean(blocks**2, axis=1)
        return float(power.min() / power.mean())

    assert quietest("rain falling") > 0.05
    assert quietest("knocking on a door") < 0.01


def test_nothing_aliases_into_a_low_band() -> None:
    # Insects sing above half of 8 kHz, and still no tone may fold down into the band of the owl.
    assert energy_share(sound("crickets chirping", 3, 3.0, 8000), 8000, 300, 2000) < 0.1


@pytest.mark.parametrize("label", LABELS)
def test_labels_and_captions_can_be_typed(label: str) -> None:
    model = SOUNDS[label]
    assert model.label == label == label.strip().lower()
    assert len(set(model.captions)) == len(model.captions) >= 3


def test_unknown_sounds_and_impossible_lengths_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(KeyError, match="no sound model called 'silence'"):
        synthesise("silence", 1.0, 16000, rng)
    with pytest.raises(ValueError, match="64 samples"):
        synthesise("footsteps", 0.0, 16000, rng)
    with pytest.raises(ValueError, match="4000 Hz"):
        synthesise("footsteps", 1.0, 100, rng)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_scene_is_target_plus_background(scene: scenes.Scene) -> None:
    mixture, target, background = render(scene, 16000)
    assert mixture.shape == target.shape == background.shape == (2, round(scene.seconds * 16000))
    assert mixture.dtype == np.float32
    np.testing.assert_array_equal(mixture, target + background)
    assert np.abs(mixture).max() < 1
    ratio = 10 * np.log10(np.mean(target.astype(float) ** 2) / np.mean(background.astype(float) ** 2))
    assert ratio == pytest.approx(scene.snr_db, abs=0.05)
    assert not np.allclose(mixture[0], mixture[1])
    np.testing.assert_array_equal(mixture, render(scene, 16000)[0])


def test_siren_drives_from_left_to_right() -> None:
    scene = next(scene for scene in SCENES if scene.target == "siren wailing")
    _, target, _ = render(scene, 16000)
    quarter = target.shape[1] // 4
    left, right = np.mean(target[:, :quarter] ** 2, axis=1), np.mean(target[:, -quarter:] ** 2, axis=1)
    assert left[0] > 2 * left[1]
    assert right[1] > 2 * right[0]


def test_scenes_name_sounds_that_exist() -> None:
    assert len({scene.name for scene in SCENES}) == len(SCENES) == 5
    for scene in SCENES:
        assert {scene.target, *scene.backgrounds} <= set(SOUNDS)
        assert scene.target not in scene.backgrounds


def test_command_writes_what_it_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert scenes.main([str(tmp_path / "out"), "--sample-rate", "8000"]) == 0
    entries = json.loads((tmp_path / "out" / "examples.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in entries] == [scene.name for scene in SCENES]
    for entry, scene in zip(entries, SCENES, strict=True):
        wave, rate = soundfile.read(tmp_path / "out" / entry["file"], dtype="float32")
        mixture, _, _ = render(scene, 8000)
        assert rate == entry["sample_rate"] == 8000
        assert (wave.shape[1], len(wave) / rate) == (entry["channels"], entry["seconds"])
        np.testing.assert_allclose(wave.T, mixture, atol=1 / 16384)
    assert str(tmp_path / "out" / "examples.json") in capsys.readouterr().out


def test_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert scenes.main([str(tmp_path / "file")]) == 1
    assert "could not be written" in capsys.readouterr().err


def test_shipped_examples_are_what_the_command_writes() -> None:
    folder = Path(__file__).parent.parent / "examples"
    entries = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    for entry, scene in zip(entries, SCENES, strict=True):
        wave, rate = soundfile.read(folder / entry["file"], dtype="float32")
        mixture, _, _ = render(scene, rate)
        assert (entry["query"], entry["target"]) == (scene.query, scene.target)
        np.testing.assert_allclose(wave.T, mixture, atol=1e-3)
