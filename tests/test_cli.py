"""The command line: results on stdout, one sentence on stderr, and exit codes that scripts can trust."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import lass
from lass import audio
from lass.cli import main
from lass.models.kernels import has_fast_bfloat16

COMMANDS = ("separate", "models", "download", "evaluate", "benchmark", "train", "compare", "publish", "study", "serve")
RATE = 44_100
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a developer has downloaded or set must not show."""
    monkeypatch.setenv("LASS_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    monkeypatch.setenv("LASS_DEVICE", "cpu")


@pytest.fixture
def mixture(tmp_path: Path) -> Path:
    return recording(tmp_path / "mixture.wav")


def recording(path: Path, *, seconds: float = 0.5, channels: int = 2, rate: int = RATE, seed: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).normal(0, 0.1, (round(seconds * rate), channels))
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


def lass_command(*arguments: object) -> int:
    """Runs a command as `python -m lass` does, bad usage included."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)


def in_a_process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lass", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def one_sentence(errors: str) -> str:
    """The line with which a command ended, when it is the only one."""
    assert errors.startswith("lass: ")
    assert errors.endswith(".\n")
    assert errors.count("\n") == 1
    return errors


def samples(path: str | Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def assert_adds_up(report: dict[str, Any], mixture: Path) -> None:
    target, residual = samples(report["files"]["target"]), samples(report["files"]["residual"])
    np.testing.assert_allclose(target + residual, samples(mixture), rtol=0, atol=1e-6)
    assert np.abs(target).max() > 1e-4


# separate


def test_separate_writes_target_residual_picture_and_report(
    mixture: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture
) -> None:
    out = tmp_path / "deep" / "out"
    assert lass_command("separate", mixture, "--query", "a dog", "--model", tiny_checkpoint, "--out", out) == 0
    output = capsys.readouterr()
    names = [f"mixture-a-dog-tiny-{end}" for end in ("target.wav", "residual.wav", "spectrograms.png", "report.json")]
    assert {file.name for file in out.iterdir()} == set(names)
    assert output.out.splitlines() == [str(out / names[0]), str(out / names[1])]
    assert output.err == ""
    before, after = soundfile.info(mixture), soundfile.info(out / names[0])
    assert (after.samplerate, after.channels, after.frames) == (before.samplerate, before.channels, before.frames)
    np.testing.assert_allclose(samples(out / names[0]) + samples(out / names[1]), samples(mixture), rtol=0, atol=1e-6)


def test_separate_prints_its_reports_as_json(
    mixture: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture
) -> None:
    arguments = ["--model", tiny_checkpoint, "--out", tmp_path / "out", "--json"]
    assert lass_command("separate", mixture, "--query", "rain", "--query", "a dog barking", *arguments) == 0
    reports = json.loads(capsys.readouterr().out)
    assert [report["query"] for report in reports] == ["rain", "a dog barking"]
    assert [report["understood"]["nearest"] for report in reports] == ["rain", "dog bark"]
    for report in reports:
        assert all(Path(path).is_file() for path in report["files"].values())
        assert_adds_up(report, mixture)
    assert not np.array_equal(*(samples(report["files"]["target"]) for report in reports))


def test_remove_keeps_everything_else(mixture: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture) -> None:
    arguments = ["--query", "rain", "--model", tiny_checkpoint, "--out", tmp_path / "out", "--json"]
    assert lass_command("separate", mixture, *arguments) == 0
    (kept,) = json.loads(capsys.readouterr().out)
    assert lass_command("separate", mixture, *arguments, "--remove") == 0
    (removed,) = json.loads(capsys.readouterr().out)
    assert removed["removed"]
    assert "mixture-without-rain" in removed["files"]["target"]
    np.testing.assert_array_equal(samples(removed["files"]["target"]), samples(kept["files"]["residual"]))
    np.testing.assert_array_equal(samples(removed["files"]["residual"]), samples(kept["files"]["target"]))


def test_stems_are_one_file_for_each_query_and_add_up_with_the_rest(
    mixture: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture
) -> None:
    arguments = ["--query", "rain", "--query", "a dog barking", "--model", tiny_checkpoint, "--out", tmp_path / "out"]
    assert lass_command("separate", mixture, *arguments, "--stems", "--json") == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert report["queries"] == ["rain", "a dog barking"]
    assert [Path(path).name for path in report["files"]["stems"]] == [
        "mixture-stems-tiny-1-rain-stem.wav", "mixture-stems-tiny-2-a-dog-barking-stem.wav",
    ]  # fmt: skip
    parts = [*report["files"]["stems"], report["files"]["rest"]]
    np.testing.assert_allclose(sum(samples(part) for part in parts), samples(mixture), atol=1e-5)
    assert lass_command("separate", mixture, *arguments, "--stems") == 0
    assert capsys.readouterr().out.splitlines() == parts


def test_stems_and_remove_do_not_go_together(mixture: Path, tmp_path: Path, capsys: Capture) -> None:
    assert "leave --remove out" in failing(capsys, *separating(mixture, tmp_path / "out"), "--stems", "--remove")


def test_of_a_region_only_that_changes(mixture: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture) -> None:
    arguments = ["--query", "rain", "--model", tiny_checkpoint, "--out", tmp_path / "out", "--json", "--region"]
    recording(mixture, seconds=1.5)
    before = samples(mixture)
    begin, end = round(0.5 * RATE), round(0.9 * RATE)
    for extra, outside in (([], before), (["--remove"], before), (["--stems"], 0 * before)):
        assert lass_command("separate", mixture, *arguments, "0.5:0.9", *extra) == 0
        (report,) = json.loads(capsys.readouterr().out)
        assert report["part"] == {"start_seconds": 0.5, "end_seconds": 0.9}
        found = samples(report["files"]["stems"][0] if "--stems" in extra else report["files"]["target"])
        for untouched in (slice(0, begin), slice(end, None)):
            np.testing.assert_array_equal(found[untouched], outside[untouched])
        assert np.abs(found[begin:end] - outside[begin:end]).max() > 1e-3
    # The beginning, or the end, may be left out.
    assert lass_command("separate", mixture, *arguments, "0.9:") == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert report["part"] == {"start_seconds": 0.9, "end_seconds": 1.5}
    np.testing.assert_array_equal(samples(report["files"]["target"])[:end], before[:end])


def test_a_region_that_the_recording_does_not_have(
    mixture: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture
) -> None:
    arguments = [*separating(mixture, tmp_path / "out", tiny_checkpoint), "--region", "7:9"]
    assert "the recording ends at 0.5 s" in failing(capsys, *arguments)


def test_the_fast_mode_is_nearly_the_same(mixture: Path, tmp_path: Path, tiny_checkpoint: Path) -> None:
    targets = []
    for precision in ("float32", "fast"):
        out = tmp_path / precision
        assert lass_command(*separating(mixture, out, tiny_checkpoint), "--precision", precision) == 0
        targets.append(samples(out / "mixture-rain-tiny-target.wav"))
    np.testing.assert_allclose(targets[1], targets[0], atol=0.1 * float(np.abs(targets[0]).max()))
    assert np.array_equal(*targets) is not has_fast_bfloat16()


def test_a_folder_with_a_broken_file_gives_the_others_their_results(
    tmp_path: Path, tiny_checkpoint: Path, capsys: Capture
) -> None:
    folder = tmp_path / "in"
    good = [recording(folder / "a.wav"), recording(folder / "sub" / "a.wav", seed=2, rate=8_000, channels=1)]
    (folder / "broken.wav").write_bytes(b"RIFF and no more")
    arguments = ["--query", "rain", "--model", tiny_checkpoint, "--out", tmp_path / "out", "--json"]
    assert lass_command("separate", folder, *arguments) == 1
    output = capsys.readouterr()
    first, last = output.err.splitlines()
    assert "broken.wav" in first
    assert "1 of 3" in last
    reports = json.loads(output.out)
    assert len({report["files"]["target"] for report in reports}) == 2
    for report, file in zip(reports, good, strict=True):
        assert_adds_up(report, file)


@pytest.mark.parametrize("query", ["../../up", "/etc/passwd", "a\nb", "雨", "🐕 🐕"])
def test_hostile_names_stay_inside_the_folder(tmp_path: Path, tiny_checkpoint: Path, query: str) -> None:
    file = recording(tmp_path / "in" / "..\\..\\evil $(x) .wav")
    out = tmp_path / "out"
    assert lass_command("separate", file, "--query", query, "--model", tiny_checkpoint, "--out", out) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}
    assert len(list(out.iterdir())) == 4
    assert len(list((tmp_path / "in").iterdir())) == 1


# What goes wrong: one sentence, exit code 1


def failing(capsys: Capture, *arguments: object) -> str:
    assert lass_command(*arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    return one_sentence(output.err)


def separating(mixture: object, out: object, model: object = "resunet-compact", query: str = "rain") -> list[object]:
    return ["separate", mixture, "--query", query, "--model", model, "--out", out]


@pytest.mark.parametrize("name", ["gone.wav", "gone/gone.wav", "x" * 300 + ".wav"])
def test_a_missing_recording(tmp_path: Path, tiny_checkpoint: Path, capsys: Capture, name: str) -> None:
    assert "cannot be opened" in failing(capsys, *separating(tmp_path / name, tmp_path / "out", tiny_checkpoint))


@pytest.mark.parametrize("content", [b"", b"RIFF and no more", b"plain text\n" * 99])
def test_a_broken_recording(tmp_path: Path, tiny_checkpoint: Path, capsys: Capture, content: bytes) -> None:
    file = tmp_path / "broken.wav"
    file.write_bytes(content)
    assert "broken.wav" in failing(capsys, *separating(file, tmp_path / "out", tiny_checkpoint))


def test_a_folder_without_recordings(tmp_path: Path, tiny_checkpoint: Path, capsys: Capture) -> None:
    (tmp_path / "in").mkdir()
    assert "no recordings" in failing(capsys, *separating(tmp_path / "in", tmp_path / "out", tiny_checkpoint))


@pytest.mark.parametrize("query", ["", "   ", "x" * 301])
def test_what_is_no_query(mixture: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture, query: str) -> None:
    recording(tmp_path / "second.wav")
    assert "description" in failing(capsys, *separating(tmp_path, tmp_path / "out", tiny_checkpoint, query))
    assert not (tmp_path / "out").exists()


def test_an_unknown_model(mixture: Path, tmp_path: Path, capsys: Capture) -> None:
    assert "did you mean resunet-compact" in failing(capsys, *separating(mixture, tmp_path / "out", "resunet-compat"))
    assert "no checkpoint at" in failing(capsys, *separating(mixture, tmp_path / "out", tmp_path / "gone.safetensors"))


def test_a_published_model_that_is_not_here(mixture: Path, tmp_path: Path, capsys: Capture) -> None:
    assert "download" in failing(capsys, *separating(mixture, tmp_path / "out", "audiosep-32k"))


def test_a_damaged_model(mixture: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(tiny_checkpoint.read_bytes()[:-100])
    assert "damaged" in failing(capsys, *separating(mixture, tmp_path / "out", damaged))


@pytest.mark.parametrize("place", ["", "below"])
def test_a_folder_that_cannot_be_written(
    mixture: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture, place: str
) -> None:
    (tmp_path / "file").write_text("no folder")
    assert "choose another folder" in failing(capsys, *separating(mixture, tmp_path / "file" / place, tiny_checkpoint))


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:999"])
def test_a_device_that_is_not_here(
    mixture: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture, device: str
) -> None:
    arguments = [*separating(mixture, tmp_path / "out", tiny_checkpoint), "--device", device]
    assert device in failing(capsys, *arguments)


@pytest.mark.parametrize(
    ("variable", "value"), [("LASS_MAX_SECONDS", "long"), ("LASS_DEVICE", "abacus"), ("LASS_MAX_UPLOAD_MB", "-1")]
)
def test_a_setting_that_cannot_be(monkeypatch: pytest.MonkeyPatch, capsys: Capture, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    assert variable in failing(capsys, "models")


def test_interrupting_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lass.checkpoints.list_models", interrupted)
    assert "stopped" in failing(capsys, "models")


# Usage


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["separate"],
        ["separate", "a.wav", "--query", "rain"],
        ["separate", "a.wav", "--out", "o"],
        ["separate", "a.wav", "--query", "rain", "--out", "o", "--loud"],
        ["separate", "a.wav", "--query", "rain", "--out", "o", "--sample-rate", "fast"],
        ["separate", "a.wav", "--query", "rain", "--out", "o", "--sample-rate", "0"],
        ["separate", "a.wav", "--query", "rain", "--out", "o", "--precision", "half"],
        ["separate", "a.wav", "--query", "rain", "--out", "o", "--region", "3"],
        ["separate", "a.wav", "--query", "rain", "--out", "o", "--region", ":"],
        ["separate", "a.wav", "--query", "rain", "--out", "o", "--region", "5:4"],
        ["separate", "a.wav", "--query", "rain", "--out", "o", "--region", "a:b"],
        ["separate", "a.wav", "--query", "rain", "--out", "o", "--region=-1:4"],
        ["evaluate"],
        ["evaluate", "--audio", "a"],
        ["evaluate", "--audio", "a", "--list", "l.csv", "--clips", "c.csv"],
        ["evaluate", "--audio", "a", "--clips", "c.csv", "--wording", "rhyme"],
        ["evaluate", "--audio", "a", "--clips", "c.csv", "--count", "0"],
        ["evaluate", "--audio", "a", "--clips", "c.csv", "--snr", "nan"],
        ["benchmark", "--seconds", "-1"],
        ["benchmark", "--seconds", "inf"],
        ["benchmark", "--repetitions", "0"],
        ["download"],
        ["train"],
        ["serve", "--json"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_told_apart(arguments: Sequence[str], capsys: Capture) -> None:
    assert lass_command(*arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("usage: lass")
    assert "Traceback" not in output.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASS_DEVICE", "abacus")  # help is there even when the settings are wrong
    assert lass_command(command, "--help") == 0
    output = capsys.readouterr()
    assert output.out.startswith(f"usage: lass {command}")
    assert output.err == ""


def test_the_whole_explains_itself(capsys: Capture) -> None:
    assert lass_command("--help") == 0
    text = capsys.readouterr().out
    assert all(command in text for command in COMMANDS)
    assert lass_command("--version") == 0
    assert capsys.readouterr().out == f"lass {lass.__version__}\n"


# models, download, evaluate


def test_models_are_listed(capsys: Capture) -> None:
    assert lass_command("models") == 0
    output = capsys.readouterr()
    table = output.out.splitlines()
    assert table[0].split() == ["name", "architecture", "rate", "parameters", "size", "state", "licence"]
    rows = {line.split()[0]: line for line in table[1:]}
    assert list(rows) == [entry.name for entry in lass.list_models()]
    assert "32 kHz" in rows["audiosep-32k"]
    assert "to download" in rows["audiosep-32k"]


def test_models_are_listed_as_json(capsys: Capture) -> None:
    assert lass_command("models", "--json") == 0
    models = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in models] == [entry.name for entry in lass.list_models()]
    for model in models:
        assert model["state"] in ("bundled", "downloaded", "to download")
        assert set(model) == {
            "name", "title", "architecture", "encoder", "sample_rate", "parameters", "size_bytes", "state", "licence",
            "summary", "source",
        }  # fmt: skip


def test_a_download_when_offline_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert lass_command("download", "audiosep-32k") == 1
    assert "lass: " in capsys.readouterr().err.splitlines()[-1]
    assert "did you mean" in failing(capsys, "download", "audiosep-32")


@pytest.fixture
def list_of_two(tmp_path: Path) -> Path:
    """A list in the DCASE layout: two mixtures, and the recordings they are made of."""
    for seed, name in enumerate(("hum", "hiss")):
        recording(tmp_path / "audio" / f"{name}.wav", channels=1, rate=16_000, seed=seed)
    rows = ["source,noise,snr,caption", "hum,hiss,0,a humming machine", "hiss,hum,3,a hissing pipe"]
    path = tmp_path / "list.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_evaluate_prints_a_table(list_of_two: Path, tiny_checkpoint: Path, capsys: Capture) -> None:
    audio_folder = list_of_two.parent / "audio"
    assert lass_command("evaluate", "--list", list_of_two, "--audio", audio_folder, "--model", tiny_checkpoint) == 0
    output = capsys.readouterr()
    assert "tiny" in output.out
    assert "2 mixtures" in output.out
    assert all(measure in output.out for measure in ("SDR", "SDRi", "SI-SDR"))
    assert output.err == ""


def test_evaluate_prints_json_and_writes_files(
    list_of_two: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture
) -> None:
    out = tmp_path / "deep" / "out"
    source = ["--list", list_of_two, "--audio", list_of_two.parent / "audio"]
    assert lass_command("evaluate", *source, "--model", tiny_checkpoint, "--json", "--out", out) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["model"], summary["mixtures"], summary["problems"]) == ("tiny", 2, 0)
    assert np.isfinite(summary["sdri"]["mean"])
    assert len((out / "evaluation.csv").read_text().splitlines()) == 3
    assert json.loads((out / "evaluation.json").read_text())["sdri"] == summary["sdri"]


def test_evaluate_by_clips(list_of_two: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture) -> None:
    clips = tmp_path / "clips.csv"
    clips.write_text("file,label,fold\nhum.wav,humming,4\nhiss.wav,hissing,4\n")
    source = ["--clips", clips, "--audio", tmp_path / "audio", "--fold", 4, "--count", 3]
    assert lass_command("evaluate", *source, "--model", tiny_checkpoint, "--json") == 0
    assert json.loads(capsys.readouterr().out)["mixtures"] == 3


def test_an_evaluation_that_cannot_be_is_one_sentence(
    list_of_two: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: Capture
) -> None:
    rest = ["--model", tiny_checkpoint]
    folder = tmp_path / "audio"
    failing(capsys, "evaluate", "--list", tmp_path / "gone.csv", "--audio", folder, *rest)
    failing(capsys, "evaluate", "--list", list_of_two, "--audio", tmp_path / "gone", *rest)
    failing(capsys, "evaluate", "--list", list_of_two, "--audio", folder, "--out", list_of_two, *rest)
    failing(capsys, "evaluate", "--clips", list_of_two, "--audio", folder, *rest)


# As a process


def test_stdout_can_be_piped(mixture: Path, tmp_path: Path, tiny_checkpoint: Path, root: Path) -> None:
    result = in_a_process(*separating(mixture, tmp_path / "out", tiny_checkpoint), cwd=root)
    assert result.returncode == 0, result.stderr
    assert [Path(line).is_file() for line in result.stdout.splitlines()] == [True, True]
    assert result.stderr == ""


def test_a_failing_process_says_one_sentence(tmp_path: Path, tiny_checkpoint: Path, root: Path) -> None:
    result = in_a_process(*separating(tmp_path / "gone.wav", tmp_path / "out", tiny_checkpoint), cwd=root)
    assert (result.returncode, result.stdout) == (1, "")
    one_sentence(result.stderr)


def into(stdout: int, root: Path) -> tuple[int, str]:
    """Exit code and stderr of a command that prints there, in Python's usual blocks rather than line by line."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "lass", "models"]
    result = subprocess.run(
        command, cwd=root, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=120, check=False
    )
    return result.returncode, result.stderr


def test_a_reader_that_has_gone_is_no_error_message(root: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert into(writing, root) == (1, "")
    os.close(writing)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_is_one_sentence(root: Path) -> None:
    with Path("/dev/full").open("w") as full:
        code, errors = into(full.fileno(), root)
    assert code == 1
    assert "No space left" in one_sentence(errors)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow UTF-8 names only")
def test_names_that_are_no_utf_8_work(tmp_path: Path, tiny_checkpoint: Path, capsys: Capture) -> None:
    file = recording(tmp_path / "a.wav").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9t\xe9.wav"))
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    assert lass_command(*separating(file, out, tiny_checkpoint), "--json") == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert all(Path(path).is_file() for path in report["files"].values())


def test_a_plain_terminal_shows_any_query(mixture: Path, tmp_path: Path, tiny_checkpoint: Path, root: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    arguments = separating(mixture, tmp_path / "out", tiny_checkpoint, "雨")
    result = in_a_process(*arguments, cwd=root, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert r"mixture-\u96e8-tiny-target.wav" in result.stdout
    assert audio.read(tmp_path / "out" / "mixture-雨-tiny-target.wav").channels == 2
