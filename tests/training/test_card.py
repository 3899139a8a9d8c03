"""The model card: true, complete, reproducible, and safe from what other people call their recordings."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

import lass
from lass.cli import main
from lass.errors import LassError
from lass.evaluation import EvaluationSettings
from lass.training.card import publish
from lass.training.markdown import escaped, link
from lass.training.recipe import Recipe, load_recipe
from lass.training.scores import read_evaluations
from tests.training.small import trainer, write_collection, write_recipe


class Work:
    """A trained run, two evaluations of it, and a place for the card."""

    def __init__(self, root: Path) -> None:
        self.data = write_collection(root / "data")
        self.recipe_file = write_recipe(root / "recipes", self._generated)
        self.recipe: Recipe = load_recipe(self.recipe_file)
        self.runs, self.evaluations = root / "runs", root / "evaluations"
        self.checkpoint = self.runs / "small" / "last.safetensors"
        trainer(self.recipe, self.data, self.runs / "small").run()
        separator = lass.load_separator(self.checkpoint)
        for name, fold in (("held-out", 3), ("met before", 1)):
            settings = EvaluationSettings(
                self.data / "tones" / "clips", clips_csv=self.data / "tones" / "clips.csv", folds=(fold,), count=4,
                snr_db=-3.0 if fold == 3 else 0.0, absent=True, captions=None,
            )  # fmt: skip
            settings.run(separator).to_json(self.evaluations / name / "evaluation.json")
        dense = EvaluationSettings(
            self.data / "tones" / "clips", clips_csv=self.data / "tones" / "clips.csv", folds=(3,), count=4,
            snr_db=(-10.0, 0.0, 10.0), interferers=2, captions=None, metrics=("bss",),
        )  # fmt: skip
        dense.run(separator).to_json(self.evaluations / "three sounds" / "evaluation.json")

    @staticmethod
    def _generated(settings: dict) -> None:
        settings["data"]["sets"].append({"generated": 1, "weight": 0.25})
        settings["data"]["captions"] = ""
        settings["optimisation"] |= {"steps": 2, "batch": 2}

    def publish(self, out: Path) -> str:
        publish(self.recipe, self.checkpoint, self.evaluations, self.data, out)
        return (out / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    return Work(tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def card(work: Work, tmp_path_factory: pytest.TempPathFactory) -> str:
    return work.publish(tmp_path_factory.mktemp("out"))


def summary(values: dict[str, float]) -> str:
    return f"{values['mean']:.2f} ± {values['deviation']:.2f}"


def section(card: str, title: str) -> str:
    return card.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_folder_holds_a_model_that_loads(work: Work, tmp_path: Path) -> None:
    work.publish(tmp_path / "assets" / "small")
    assert {file.name for file in (tmp_path / "assets" / "small").iterdir()} == {"model.safetensors", "README.md"}
    assert lass.load_separator(tmp_path / "assets" / "small" / "model.safetensors").name == "small"
    assert (tmp_path / "assets" / "small" / "model.safetensors").read_bytes() == work.checkpoint.read_bytes()


def test_the_front_matter_is_a_model_cards(card: str) -> None:
    fields = yaml.safe_load(card.split("---\n")[1])
    assert fields["license"] == "mit"
    assert fields["library_name"] == "lass"
    assert "audio-source-separation" in fields["tags"]


def test_it_says_what_the_model_is_and_how_it_came_to_be(work: Work, card: str) -> None:
    parameters = sum(weight.numel() for weight in lass.load_separator(work.checkpoint).model.parameters())
    assert f"| parameters | {parameters:,} |" in card
    assert "| sample rate | 8,000 Hz" in card
    assert "Learned from four sounds." in card
    training = section(card, "How it was trained")
    assert "2 steps of 2 mixtures" in training
    assert "on cpu" in training
    assert "80% of the sounds: 8 recordings of tones, folds 1, 2" in training
    assert "20% of the sounds: 14 clips made by this project's own sound models" in training
    assert "1 interferer in 75%, 2 interferers in 25%" in training
    assert "python -m lass train small --data data" in training
    known = section(card, "Sounds it knows")
    assert "hiss, hum" in known
    assert "owl hooting" in known


def test_it_names_the_stages_that_came_before(work: Work, tmp_path: Path) -> None:
    start = work.checkpoint
    for name, steps in (("second", 3), ("small", 1)):

        def change(settings: dict, name: str = name, steps: int = steps, start: Path = start) -> None:
            work._generated(settings)
            settings |= {"name": name, "start": str(start)}
            settings["optimisation"]["steps"] = steps

        recipe, folder = load_recipe(write_recipe(tmp_path / name, change)), work.runs / "stages" / name
        trainer(recipe, work.data, folder).run()
        start = folder / "last.safetensors"
    publish(recipe, start, work.evaluations, work.data, tmp_path)
    training = section((tmp_path / "README.md").read_text("utf-8"), "How it was trained").strip().splitlines()
    assert training[0].startswith("- from the weights of second (3 steps, 0.0 hours on cpu): ")
    assert training[1].startswith("- and these from those of small (2 steps, 0.0 hours on cpu): ")
    assert training[2].startswith("- 1 steps of 2 mixtures")


@pytest.mark.parametrize("name", ["resunet-compact", "resunet-dprnn-compact", "resunetpp-compact"])
def test_the_shipped_card_has_the_commands_of_all_stages_in_order(name: str) -> None:
    stages = [name]
    while start := load_recipe(stages[0]).start:
        stages.insert(0, Path(start).parts[1])
    card = (Path(__file__).parents[2] / "assets" / name / "README.md").read_text("utf-8")
    commands = [line.strip() for line in card.splitlines() if "-m lass train" in line]
    assert commands == [f"python -m lass train {stage} --data data" for stage in stages]


def test_every_recording_it_learned_from_is_credited(work: Work, card: str) -> None:
    with (work.data / "tones" / "clips.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    given = section(card, "Credits")
    for row in rows:
        in_training = row["fold"] in ("1", "2")
        cells = [escaped(row[name]) for name in ("file", "source_title", "author", "licence")]
        line = f"| {' | '.join(cells)} | <{row['source_url']}> |"
        assert (line in given.splitlines()) == in_training, line
    assert "8 recordings: 8 CC-BY." in given
    assert "### Generated sounds" in given
    # Whatever the authors are called, every line of a table has its five cells.
    lines = [line for line in given.splitlines() if line.startswith("|")]
    assert len(lines) == 10
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {6}


def test_every_evaluation_is_in_the_table_with_what_it_met(work: Work, card: str) -> None:
    scores = section(card, "How well it separates")
    for name, recordings, ratio in (
        ("held-out", "tones, fold 3: held out", "-3 dB"),
        ("met before", "tones, fold 1: met in training", "0 dB"),
    ):
        report = json.loads((work.evaluations / name / "evaluation.json").read_text("utf-8"))
        cells = [name, recordings, "2", ratio, "label", "4"]
        cells += [summary(report[measure]) for measure in ("sdr", "sdri", "si_sdr", "absent")]
        cells += [summary(report["identity"][name]) for name in ("level_db", "likeness")]
        assert f"| {' | '.join(cells)} |" in scores.splitlines()
    assert "Training was watched on recordings that are measured here" in scores
    assert "| sound | held-out | met before | three sounds |" in scores
    table = [line for line in scores.splitlines() if "held out" in line or "met in training" in line]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {13}


def test_a_set_that_names_its_list_is_the_collection_that_it_lies_in(work: Work, tmp_path: Path) -> None:
    def listed(settings: dict) -> None:
        work._generated(settings)
        settings["data"]["sets"][0]["folder"] = settings["data"]["validation"]["folder"] = "tones/clips.csv"

    out = tmp_path / "out"
    publish(load_recipe(write_recipe(tmp_path, listed)), work.checkpoint, work.evaluations, work.data, out)
    scores = section((out / "README.md").read_text("utf-8"), "How well it separates")
    assert "tones, fold 3: held out" in scores
    assert "tones, fold 1: met in training" in scores
    assert "Training was watched on recordings that are measured here" in scores


def test_three_sounds_and_every_ratio_have_their_rows_and_the_identity_beside_them(work: Work, card: str) -> None:
    lines = section(card, "How well it separates").splitlines()
    report = json.loads((work.evaluations / "three sounds" / "evaluation.json").read_text("utf-8"))
    for ratio, words in (("-10", "-10 dB"), ("0", "0 dB"), ("10", "+10 dB")):
        part = report["ratios"][ratio]
        place = ["tones, fold 3: held out", "3", words]
        model = f"| three sounds | {' | '.join(place)} | label | 4 | {summary(part['sdr'])}"
        assert any(line.startswith(model) for line in lines)
        identity = [summary(part["identity"]["sdr"]), "0.00", summary(part["identity"]["si_sdr"])]
        identity += ["0.00", "0.00", "1.00"]
        assert f"| *the mixture itself* | {' | '.join([*place, '–', '4', *identity])} |" in lines
        target = summary(part["identity"]["target_likeness"])
        assert sum(line.startswith(f"| *the target itself* | {' | '.join(place)}") for line in lines) == 1
        assert any(line.startswith("| *the target itself* |") and line.endswith(f"| {target} |") for line in lines)
    assert "| evaluation | BSS SDR | SIR | SAR |" in lines
    ratios = [summary(report[name]) for name in ("bss_sdr", "sir", "sar")]
    assert f"| three sounds | {' | '.join(ratios)} |" in lines


def test_the_command_beside_a_number_prints_it_again(work: Work, card: str, capsys: pytest.CaptureFixture[str]) -> None:
    commands = re.findall(r"python -m lass (evaluate .*)", section(card, "How well it separates"))
    assert len(commands) == 3
    for name, command in zip(("held-out", "met before", "three sounds"), commands, strict=True):
        arguments = [str(work.data / part[5:]) if part.startswith("data/") else part for part in shlex.split(command)]
        arguments[arguments.index("small")] = str(work.checkpoint)
        assert main([*arguments, "--json"]) == 0
        again = json.loads(capsys.readouterr().out)
        report = json.loads((work.evaluations / name / "evaluation.json").read_text("utf-8"))
        for measure in ("sdr", "sdri", "si_sdr", "absent"):
            assert again[measure] == (report[measure] and pytest.approx(report[measure], abs=1e-6))
        assert again["ratios"].keys() == report["ratios"].keys()


def test_no_place_of_this_machine_is_in_it(work: Work, card: str) -> None:
    assert str(work.data.parent) not in card
    assert "/tmp" not in card
    assert "pytest" not in card


def test_the_command_line_publishes(work: Work, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", work.data, "--runs", work.runs, "--evaluations", work.evaluations, "--out", tmp_path / "out"]
    assert main(["publish", str(work.recipe_file), *map(str, options)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out" / "README.md")
    assert (tmp_path / "out" / "README.md").read_text("utf-8").startswith("---\nlicense: mit\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not the report of an evaluation; evaluate once more with --out"),
        ("[]", "is not the report of an evaluation"),
        ('{"settings": {"seed": 0}}', "does not say how it was made"),
        ('{"settings": {}, "sdr": {}, "sdri": {}, "si_sdr": {}}', "does not say how it was made"),
        (
            '{"settings": {"seed": 0}, "sdr": {}, "sdri": {}, "si_sdr": {}, "model": "other"}',
            "measured the model 'other', not 'small'",
        ),
    ],
)
def test_a_report_that_cannot_be_used_is_named(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(LassError, match="holds no evaluation for the card; run `python -m lass evaluate"):
        read_evaluations(tmp_path, "small")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "evaluation.json").write_text(content)
    with pytest.raises(LassError, match=f"evaluation.json {sentence}"):
        read_evaluations(tmp_path, "small")


def test_a_checkpoint_that_is_missing_or_anothers_is_refused(work: Work, tmp_path: Path, tiny_checkpoint: Path) -> None:
    arguments = (work.evaluations, work.data, tmp_path / "out")
    with pytest.raises(LassError, match=r"There is no checkpoint at .*none.safetensors; train small first"):
        publish(work.recipe, tmp_path / "none.safetensors", *arguments)
    with pytest.raises(LassError, match="holds the model 'tiny', not 'small'"):
        publish(work.recipe, tiny_checkpoint, *arguments)
    (tmp_path / "out").write_text("a file")
    with pytest.raises(LassError, match="cannot be written"):
        publish(work.recipe, work.checkpoint, *arguments)


def test_other_peoples_words_stay_words() -> None:
    assert escaped("a|b *c* <script> [x](y)\n# `d`") == r"a\|b \*c\* \<script\> \[x\](y) \# \`d\`"
    assert link("https://example.org/a?b=c") == "<https://example.org/a?b=c>"
    for address in ("javascript:alert(1)", "https://a.org/ x", "https://a.org/|x", "https://a.org/><b>"):
        assert not link(address).startswith("<")
        assert not re.search(r"(?<!\\)[|<>]", link(address))
    assert link("") == "not stated"
