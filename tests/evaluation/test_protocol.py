"""The mixing rule and the measurement, on tones whose scores follow from arithmetic."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from lass.errors import AudioError, LassError, ModelError, SettingsError
from lass.evaluation import EvaluationSettings, Item, Sound, evaluate, mix
from tests.evaluation.recordings import RATE, Half, Result, tone, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label in ("hum", "beep", "whistle"):
        write(tmp_path / f"{label}.wav", tone(label))
    # Silent for as long as the others last, and silent once its channels are mixed down.
    write(tmp_path / "late.wav", np.concatenate([np.zeros(RATE, dtype=np.float32), tone("beep")]))
    write(tmp_path / "cancelled.wav", np.stack([tone("hum"), -tone("hum")]))
    return tmp_path


def item(folder: Path, source: str, *noises: str, snr: float | None = 0.0, **more: object) -> Item:
    paths = tuple(folder / f"{noise}.wav" for noise in noises)
    return Item(f"{source}+{'+'.join(noises)}", source, folder / f"{source}.wav", paths, snr, **more)  # type: ignore[arg-type]


def power_db(waveform: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(waveform, dtype=np.float64))))


@pytest.mark.parametrize("snr", [-10.0, 0.0, 7.5])
def test_noise_is_scaled_to_the_ratio_by_power(folder: Path, snr: float) -> None:
    write(folder / "beep.wav", tone("beep", gain=0.003))
    mixture, target = mix(item(folder, "hum", "beep", snr=snr))
    np.testing.assert_allclose(target, tone("hum"), atol=1e-6)
    assert power_db(target) - power_db(mixture - target) == pytest.approx(snr, abs=1e-3)


def test_several_noises_have_equal_power_and_the_ratio_is_to_their_sum(folder: Path) -> None:
    write(folder / "beep.wav", tone("beep", gain=0.9))
    write(folder / "whistle.wav", tone("whistle", gain=0.01))
    mixture, target = mix(item(folder, "hum", "beep", "whistle", snr=6.0))
    noise = mixture - target
    assert power_db(target) - power_db(noise) == pytest.approx(6.0, abs=1e-3)
    levels = [abs(float(noise @ tone(label, gain=1.0))) for label in ("beep", "whistle")]
    assert levels[0] == pytest.approx(levels[1], rel=1e-3)


def test_where_the_peak_passes_1_mixture_and_target_are_scaled_alike(folder: Path) -> None:
    write(folder / "hum.wav", tone("hum", gain=0.8))
    mixture, target = mix(item(folder, "hum", "beep"))
    assert np.abs(mixture).max() == pytest.approx(0.9, abs=1e-6)
    assert power_db(target) - power_db(mixture - target) == pytest.approx(0.0, abs=1e-3)
    quiet, _ = mix(item(folder, "beep", "whistle"))
    assert np.abs(quiet).max() < 0.6


def test_noise_is_repeated_or_cut_to_the_length_of_the_source(folder: Path) -> None:
    ramp = np.linspace(0.1, 0.2, RATE // 4, dtype=np.float32)
    write(folder / "beep.wav", ramp)
    mixture, target = mix(item(folder, "hum", "beep"))
    noise = mixture - target
    assert len(mixture) == RATE
    np.testing.assert_allclose(noise[: RATE // 4], noise[-(RATE // 4) :], atol=1e-6)
    np.testing.assert_allclose(noise[RATE // 4 - 1] / noise[0], 2.0, rtol=1e-3)
    write(folder / "beep.wav", tone("beep", seconds=3.0))
    assert len(mix(item(folder, "hum", "beep"))[0]) == RATE


def test_a_ready_made_mixture_is_taken_as_it_is(folder: Path) -> None:
    given = np.concatenate([1.5 * tone("hum") + tone("beep"), np.zeros(100, dtype=np.float32)])
    write(folder / "mixture.wav", given)
    mixture, target = mix(item(folder, "hum", snr=None, mixture=folder / "mixture.wav"))
    np.testing.assert_allclose(mixture, given[:RATE], atol=1e-6)
    np.testing.assert_allclose(target, tone("hum"), atol=1e-6)


def test_stereo_is_mixed_down_and_rates_may_differ(folder: Path) -> None:
    stereo = np.stack([tone("hum", gain=0.4), tone("hum", gain=0.2)])
    write(folder / "hum.wav", stereo)
    write(folder / "beep.wav", tone("beep", rate=16_000), rate=16_000)
    mixture, target = mix(item(folder, "hum", "beep"))
    assert mixture.shape == target.shape == (RATE,)
    np.testing.assert_allclose(target, tone("hum", gain=0.3), atol=1e-6)
    up, _ = mix(item(folder, "hum", "beep"), 16_000)
    assert up.shape == (16_000,)


def test_silence_mixes_without_a_ratio(folder: Path) -> None:
    mixture, target = mix(item(folder, "cancelled", "beep"))
    np.testing.assert_allclose(mixture, tone("beep"), atol=1e-6)
    assert not target.any()
    mixture, target = mix(item(folder, "hum", "late"))
    np.testing.assert_array_equal(mixture, target)


@pytest.mark.parametrize("snr", [0.0, -6.0, 12.0])
def test_half_of_the_mixture_scores_what_arithmetic_says(folder: Path, snr: float) -> None:
    report = evaluate(Half(), [item(folder, "hum", "beep", snr=snr)])
    (row,) = report.rows
    noise = 10 ** (-snr / 10)
    expected = -10 * math.log10(0.25 * (1 + noise))
    assert row.sdr == pytest.approx(expected, abs=1e-3)
    assert row.sdri == pytest.approx(expected - snr, abs=1e-3)
    assert row.si_sdr == pytest.approx(snr, abs=1e-3)
    assert (row.seconds, row.sample_rate, row.query) == (1.0, RATE, "hum")
    assert report.model == "half"


def test_a_separator_that_works_in_place_is_measured_against_the_untouched_mixture(folder: Path) -> None:
    class InPlace(Half):
        def separate(self, waveform: np.ndarray, sample_rate: int, query: str) -> Result:
            waveform *= 0.5
            return Result(waveform)

    (row,) = evaluate(InPlace(), [item(folder, "hum", "beep")]).rows
    assert row.sdri == pytest.approx(10 * math.log10(2), abs=1e-3)


def test_the_rate_is_the_lower_of_the_model_and_the_recording_unless_given(folder: Path) -> None:
    rows = [item(folder, "hum", "beep")]
    for model_rate, asked, expected in [(16_000, None, RATE), (4000, None, 4000), (RATE, 12_000, 12_000)]:
        separator = Half(model_rate)
        report = evaluate(separator, rows, sample_rate=asked)
        assert separator.asked == [("hum", expected, expected)]
        assert report.rows[0].sample_rate == expected


def test_wording_chooses_the_query_and_absent_sounds_are_asked_too(folder: Path) -> None:
    sound, absent = Sound("hum", "a hum", "something humming"), Sound("whistle", None, "someone whistling")
    rows = [item(folder, "hum", "beep", sound=sound, absent=absent)]
    separator = Half(gain=0.1)
    report = evaluate(separator, rows, wording="held_out", absent=True)
    assert [query for query, _, _ in separator.asked] == ["something humming", "someone whistling"]
    assert report.rows[0].absent_query == "someone whistling"
    assert report.rows[0].absent_db == pytest.approx(-20.0, abs=1e-3)
    assert report.absent is not None
    assert report.absent.mean == pytest.approx(-20.0, abs=1e-3)
    assert evaluate(Half(), rows).absent is None
    with pytest.raises(LassError, match="no train wording for 'whistle'"):
        evaluate(separator, rows, wording="train", absent=True)
    assert len(separator.asked) == 2


def test_silent_sources_are_counted_apart(folder: Path) -> None:
    rows = [item(folder, "cancelled", "beep"), item(folder, "hum", "beep"), item(folder, "hum", "late")]
    report = evaluate(Half(), rows)
    assert math.isnan(report.rows[0].sdr)
    assert (report.sdr.count, report.sdr.undefined) == (2, 1)
    assert report.sdr.mean == pytest.approx((10 * math.log10(2) + 20 * math.log10(2)) / 2, abs=1e-3)


def test_a_damaged_recording_costs_its_row_only(folder: Path) -> None:
    (folder / "broken.wav").write_bytes(b"RIFF not really")
    report = evaluate(Half(), [item(folder, "broken", "beep", snr=-3), item(folder, "hum", "beep")])
    broken, good = report.rows
    assert broken.problem
    assert broken.snr_db == -3
    assert "\n" not in broken.problem
    assert good.problem is None
    assert report.sdr.count == 1
    assert report.problems == (broken,)
    with pytest.raises(LassError, match="Not one row"):
        evaluate(Half(), [item(folder, "hum", "broken")])


def test_a_silent_file_is_a_row_with_a_problem(folder: Path) -> None:
    write(folder / "silence.wav", np.zeros(RATE, dtype=np.float32))
    report = evaluate(Half(), [item(folder, "silence", "beep"), item(folder, "hum", "beep")])
    assert "silent" in str(report.rows[0].problem)
    assert (report.sdr.count, report.sdr.undefined, len(report.problems)) == (1, 0, 1)


def test_a_recording_too_short_for_the_separator_costs_its_row_only(folder: Path) -> None:
    class Demanding(Half):
        def separate(self, waveform: np.ndarray, sample_rate: int, query: str) -> Result:
            if waveform.shape[-1] < RATE:
                raise AudioError("The recording is too short; give a longer one.")
            return super().separate(waveform, sample_rate, query)

    write(folder / "click.wav", tone("hum", seconds=0.1))
    report = evaluate(Demanding(), [item(folder, "click", "beep"), item(folder, "hum", "beep")])
    assert [row.problem for row in report.rows] == ["The recording is too short; give a longer one.", None]


def test_a_broken_model_ends_the_evaluation(folder: Path) -> None:
    class Broken(Half):
        def separate(self, waveform: np.ndarray, sample_rate: int, query: str) -> Result:
            raise ModelError("The checkpoint is damaged; download it again.")

    with pytest.raises(ModelError):
        evaluate(Broken(), [item(folder, "hum", "beep")])


def test_progress_counts_items_and_may_stop(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    rows = [item(folder, "hum", "beep")] * 3
    evaluate(Half(), rows, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    separator = Half()
    with pytest.raises(KeyboardInterrupt):
        evaluate(separator, rows, progress=stop)
    assert len(separator.asked) == 1


def test_nothing_to_evaluate(folder: Path) -> None:
    with pytest.raises(LassError, match="nothing to evaluate"):
        evaluate(Half(), [])
    with pytest.raises(LassError, match="neither noise nor mixture"):
        evaluate(Half(), [Item("1", "x", folder / "hum.wav")])


def test_settings_run_a_list_or_a_collection(folder: Path) -> None:
    (folder / "list.csv").write_text("source,noise,snr,caption\nhum,beep,0,a hum\n")
    report = EvaluationSettings(audio_dir=folder, list_csv=folder / "list.csv").run(Half())
    assert [row.query for row in report.rows] == ["a hum"]
    (folder / "clips.csv").write_text("file,label,fold\nhum.wav,hum,1\nbeep.wav,beep,1\nwhistle.wav,whistle,2\n")
    settings = EvaluationSettings(audio_dir=folder, clips_csv=folder / "clips.csv", folds=(1,), count=4, captions=None)
    assert {row.label for row in settings.run(Half()).rows} == {"hum", "beep"}


def test_the_fast_mode_is_told_in_the_settings(folder: Path) -> None:
    class Fast(Half):
        precision = "fast"

    (folder / "clips.csv").write_text("file,label,fold\nhum.wav,hum,1\nbeep.wav,beep,1\n")
    settings = EvaluationSettings(folder, clips_csv=folder / "clips.csv", count=1, captions=None)
    assert settings.run(Fast()).settings["precision"] == "fast"
    assert "precision" not in settings.run(Half()).settings


def test_several_ratios_are_measured_in_one_run(folder: Path) -> None:
    (folder / "clips.csv").write_text("file,label,fold\nhum.wav,hum,1\nbeep.wav,beep,1\nwhistle.wav,whistle,2\n")
    settings = EvaluationSettings(
        folder, clips_csv=folder / "clips.csv", count=2, captions=None, snr_db=(-10.0, 0.0, 10.0), interferers=2
    )
    report = settings.run(Half())
    assert len(report.rows) == 6
    assert len({row.id for row in report.rows}) == 6
    ratios = report.by_ratio()
    assert list(ratios) == [-10.0, 0.0, 10.0]
    for ratio, part in ratios.items():
        assert part.identity["sdr"].mean == pytest.approx(ratio, abs=1e-3)
        assert part.si_sdr.mean == pytest.approx(ratio, abs=1e-3)
    document = report.summary()
    assert document["settings"]["snr_db"] == [-10.0, 0.0, 10.0]
    assert document["settings"]["interferers"] == 2
    assert document["ratios"]["-10"]["si_sdr"]["mean"] == pytest.approx(-10, abs=1e-3)
    assert "at -10 dB" in report.to_table()
    assert EvaluationSettings(folder, clips_csv=folder / "clips.csv", captions=None).run(Half()).by_ratio() == {}
    with pytest.raises(SettingsError, match="at least one signal-to-noise ratio"):
        EvaluationSettings(folder, clips_csv=folder, snr_db=())


def test_the_identity_is_told_from_a_separation(folder: Path) -> None:
    rows = [item(folder, "hum", "beep", snr=0.0)]

    class Perfect(Half):
        def separate(self, waveform: np.ndarray, sample_rate: int, query: str) -> Result:
            return Result(tone("hum"))

    same, perfect = evaluate(Half(gain=1.0), rows).identity, evaluate(Perfect(), rows).identity
    assert (same["level_db"].mean, same["likeness"].mean) == pytest.approx((0, 1), abs=1e-4)
    # Half of the mixture's energy is the target's.
    assert perfect["level_db"].mean == pytest.approx(-10 * math.log10(2), abs=1e-3)
    assert perfect["likeness"].mean == pytest.approx(2**-0.5, abs=1e-4)
    for identity in (same, perfect):
        assert identity["sdri"].mean == 0
        assert identity["sdr"].mean == pytest.approx(0, abs=1e-3)
        assert identity["target_likeness"].mean == pytest.approx(2**-0.5, abs=1e-4)
        assert identity["target_level_db"].mean == pytest.approx(-10 * math.log10(2), abs=1e-3)


def test_settings_that_contradict_are_refused(folder: Path) -> None:
    with pytest.raises(SettingsError, match="one of the two"):
        EvaluationSettings(audio_dir=folder)
    with pytest.raises(SettingsError, match="one of the two"):
        EvaluationSettings(audio_dir=folder, list_csv=folder, clips_csv=folder)
    with pytest.raises(SettingsError, match="no wording"):
        EvaluationSettings(audio_dir=folder, list_csv=folder, wording="shouting")  # type: ignore[arg-type]
