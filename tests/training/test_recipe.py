"""Recipes: what ships is sound, what is wrong is named in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lass.evaluation import SAME_SOUND_FILE, read_same_sound
from lass.models import ResUNetPPConfig, build
from lass.queries import CompactEncoder
from lass.training.mixing import read_captions
from lass.training.recipe import RECIPES, RecipeError, load_recipe
from tests.training.small import write_recipe

Settings = dict[str, Any]


def at(path: str, value: Any) -> Callable[[Settings], None]:
    """A change of one setting, ``mixing.snr`` for instance."""
    *above, name = path.split(".")

    def change(settings: Settings) -> None:
        for part in above:
            settings = settings[int(part)] if isinstance(settings, list) else settings.setdefault(part, {})
        settings[name] = value

    return change


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_recipe_that_ships_can_be_used(file: Path) -> None:
    recipe = load_recipe(file.stem)
    assert recipe == load_recipe(file)
    assert recipe.name == file.stem
    assert recipe.model.condition_size == {"compact": CompactEncoder().size, "clap": 512}.get(recipe.encoder, 768)
    with torch.device("meta"):
        assert sum(weight.numel() for weight in build(recipe.model).parameters()) > 0
    if recipe.encoder == "compact":
        assert recipe.captions_file is not None
        assert read_captions(recipe.captions_file, ["dog bark"])["dog bark"][0] == "dog bark"


def test_bundled_models_learn_from_one_data_recipe_that_evaluation_agrees_with() -> None:
    recipes = [load_recipe(name) for name in ("resunet-compact", "resunet-dprnn-compact", "resunetpp-compact")]
    assert {recipe.data for recipe in recipes} == {recipes[0].data}
    assert {recipe.mixing for recipe in recipes} == {recipes[0].mixing}
    groups = [tuple(group) for group in read_same_sound(SAME_SOUND_FILE)]
    assert groups == list(recipes[0].data.same_sound)


def test_what_is_compared_has_one_budget(root: Path) -> None:
    recipes = [load_recipe(file) for file in sorted((root / "assets" / "comparison").glob("*.yaml"))]
    assert len(recipes) > 1
    for what in ("steps", "batch", "rate", "schedule"):
        assert len({getattr(recipe.optimisation, what) for recipe in recipes}) == 1, what
    assert {recipe.data for recipe in recipes} == {recipes[0].data}
    assert {recipe.seed for recipe in recipes} == {recipes[0].seed}


def test_settings_arrive_in_their_types(tmp_path: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path, at("optimisation.rate", "1e-3")))
    assert recipe.mixing.seconds == 1.0
    assert recipe.optimisation.rate == 1e-3
    assert recipe.data.sets[0].folds == (1, 2)
    assert recipe.model.channels == (4, 6)
    assert recipe.mixing.snr == (-10.0, 10.0)
    whole = load_recipe(write_recipe(tmp_path, at("mixing.snr", [-5, 5]))).mixing.snr
    assert whole == (-5.0, 5.0)
    assert all(isinstance(value, float) for value in whole)


def extending(folder: Path, name: str, text: str) -> Path:
    """A recipe beside the small one, saying only what ``text`` says."""
    write_recipe(folder)
    file = folder / f"{name}.yaml"
    file.write_text(text)
    return file


def test_a_recipe_says_only_what_it_does_otherwise(tmp_path: Path) -> None:
    base = write_recipe(tmp_path)
    text = f"extends: {base.stem}\nname: longer\noptimisation: {{steps: 7}}\ndata: {{sets: [{{generated: 3}}]}}\n"
    recipe, old = load_recipe(extending(tmp_path, "longer", text)), load_recipe(base)
    assert (recipe.name, recipe.optimisation.steps) == ("longer", 7)
    assert recipe.optimisation == replace(old.optimisation, steps=7)
    assert [one.generated for one in recipe.data.sets] == [3]
    assert recipe.data.validation == old.data.validation
    assert recipe.model == old.model


def test_a_network_of_another_kind_is_not_mixed_with_the_one_extended(tmp_path: Path) -> None:
    text = f"extends: {write_recipe(tmp_path).name}\nmodel: {{kind: resunetpp, condition_size: 384}}\n"
    assert load_recipe(extending(tmp_path, "other", text)).model == ResUNetPPConfig(condition_size=384)


def test_what_is_extended_has_to_be_there_and_to_stand_alone(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"The recipe nothing cannot be read .* one of these: .*thesis\.$"):
        load_recipe(extending(tmp_path, "one", "extends: nothing\n"))
    extending(tmp_path, "empty", "")
    with pytest.raises(RecipeError, match=r"The recipe empty.yaml holds no settings to extend"):
        load_recipe(extending(tmp_path, "one", "extends: empty\n"))
    with pytest.raises(RecipeError, match=r"The recipe one.yaml is not valid YAML: month must be in 1..12"):
        load_recipe(extending(tmp_path, "one", "seed: 2024-13-45\n"))
    extending(tmp_path, "other", "extends: one\n")
    with pytest.raises(RecipeError, match=r"one extends itself by way of other.yaml"):
        load_recipe(extending(tmp_path, "one", "extends: other\n"))


WRONG = [
    ("speling", 1, "speling is not a known setting"),
    ("folder", "x", "folder is not a known setting"),
    ("mixing.loudnes", 1, "mixing.loudnes is not a known setting"),
    ("data.sets.0.weigth", 1, "data.sets[0].weigth is not a known setting"),
    ("model.chanels", [4], "model: unknown field 'chanels'"),
    ("model.kind", "transformer", "model: unknown architecture 'transformer'"),
    ("model.window", "wide", "model: window must be a whole number"),
    ("model.channels", ["a", "b"], "model: "),
    ("model.stem", {"a": 1}, "model: "),
    ("model.film", "sideways", "model: film must be one of shift, scale-shift"),
    ("model", 3, "model must hold named values"),
    ("seed", "one", "seed must be a whole number, not 'one'"),
    ("seed", True, "seed must be a whole number, not True"),
    ("seed", -1, "seed must be 0 or more"),
    ("seed", 2**64, "seed must be 0 or more, and below 2 to the 63"),
    ("name", "../elsewhere", "name must be letters"),
    ("name", 7, "name must be text"),
    ("encoder", "clip", "encoder must be one of compact"),
    ("validate_every", 0, "validate_every must be above 0"),
    ("save_every", 0, "save_every must be above 0"),
    ("data.sets", [], "data.sets must name at least one set"),
    ("data.sets", "tones", "data.sets must be a list"),
    ("data.sets", [{"folder": "a", "generated": 3}], "data.sets[0].folder or generated must be given, and not both"),
    ("data.sets", [{}], "data.sets[0].folder or generated must be given"),
    ("data.sets", [{"folder": "a", "weight": 0}], "data.sets[0].weight must be above 0"),
    ("data.sets", [{"generated": -1}], "data.sets[0].generated must be 0 or more"),
    ("data.validation_mixtures", 0, "data.validation_mixtures must be above 0"),
    ("data.same_sound", ["hum"], "data.same_sound[0] must be a list"),
    ("mixing.seconds", 0.1, "mixing.seconds must be 0.5 or more"),
    ("mixing.seconds", float("nan"), "mixing.seconds must be a number, not nan"),
    ("mixing.seconds", None, "mixing.seconds must be a number, not None"),
    ("mixing.snr", [10, -10], "mixing.snr must run from low to high"),
    ("mixing.snr", [10], "mixing.snr must hold 2 values"),
    ("mixing.snr", [-10, "loud"], "mixing.snr[1] must be a number, not 'loud'"),
    ("mixing.level", [-40, 3], "mixing.level must not pass 0 dB"),
    ("mixing.speed", [0, 1], "mixing.speed must be above 0"),
    ("mixing.interferers", [], "mixing.interferers must hold at least one probability"),
    ("mixing.interferers", [0.5, -0.5], "mixing.interferers must be probabilities"),
    ("mixing.interferers", [0], "mixing.interferers must be probabilities"),
    ("mixing.absent", 1, "mixing.absent must be at least 0 and below 1"),
    ("mixing.caption_blend", 1.5, "mixing.caption_blend must lie between 0 and 1"),
    ("mixing.same_sound_layers", -0.1, "mixing.same_sound_layers must lie between 0 and 1"),
    ("mixing.similarity", 0, "mixing.similarity must be above 0 and at most 1"),
    ("mixing.loudness", "sones", "mixing.loudness must be one of energy, lufs"),
    ("mixing.levels", "loud", "mixing.levels must be one of drawn, recorded"),
    ("mixing.reverb", 1.5, "mixing.reverb must lie between 0 and 1"),
    ("mixing.equaliser", -1, "mixing.equaliser must be 0 or more"),
    ("optimisation.steps", 0, "optimisation.steps must be above 0"),
    ("optimisation.batch", 2.5, "optimisation.batch must be a whole number, not 2.5"),
    ("optimisation.rate", 0, "optimisation.rate must be above 0"),
    ("optimisation.warmup", -1, "optimisation.warmup must be 0 or more"),
    ("optimisation.ema", 1, "optimisation.ema must be at least 0 and below 1"),
    ("optimisation.start_share", 1, "optimisation.start_share must be at least 0 and below 1"),
    ("optimisation.start_share", 0.5, "optimisation.start_share needs a start"),
    ("optimisation.final", 2, "optimisation.final must lie between 0 and 1"),
    ("optimisation.precision", "float8", "optimisation.precision must be one of float32, bfloat16, float16"),
    ("optimisation.optimiser", "sgd", "optimisation.optimiser must be one of adamw, adamw-amsgrad, adam"),
    ("optimisation.schedule", "steps", "optimisation.schedule must be one of cosine, decades, constant"),
    ("optimisation.clip", -1, "optimisation.clip must be 0 or more"),
    ("optimisation.sdr_floor", 0, "optimisation.sdr_floor must be above 0"),
    ("optimisation.resolutions", [], "optimisation.resolutions must hold at least one window"),
    ("optimisation.resolutions", [[256, 512]], "optimisation.resolutions must hold windows and hops"),
    (
        "optimisation", {"loss": {"log_magnitude": 1}, "resolutions": [[16384, 512]]},
        "optimisation.resolutions must hold windows no longer than a mixture",
    ),
    ("optimisation.loss", {"mixit": 1}, "mixing.absent must be 0 with the loss mixit"),
    ("optimisation.loss", {"sd": 1}, "optimisation.loss.sd is not known; known are l1, log_magnitude, mixit, sdr"),
    ("optimisation.loss", {}, "optimisation.loss must name at least one loss"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), WRONG, ids=[f"{path}={value}" for path, value, _ in WRONG])
def test_what_is_wrong_is_named_in_one_sentence(tmp_path: Path, path: str, value: Any, sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write_recipe(tmp_path, at(path, value)))
    assert str(caught.value).startswith(f"The recipe small.yaml cannot be used: {sentence}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "missing"),
    [("name", "name"), ("model", "model"), ("data", "data"), ("data.sets", "data.sets"), ("data.validation", "")],
)
def test_what_is_missing_is_named(tmp_path: Path, path: str, missing: str) -> None:
    def remove(settings: Settings) -> None:
        *above, name = path.split(".")
        for part in above:
            settings = settings[part]
        del settings[name]

    with pytest.raises(RecipeError, match=f"{missing or 'data.validation'} is missing; correct it"):
        load_recipe(write_recipe(tmp_path, remove))


@pytest.mark.parametrize("content", [b"", b"- 1\n", b"just words", b"a: [", b"a: \x00", b"\xff\xfe\x00", b"{1: 2}"])
def test_a_file_that_is_no_recipe_costs_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "odd.yaml"
    file.write_bytes(content)
    with pytest.raises(RecipeError, match=r"^The recipe .*odd.yaml [^\n]*\.$"):
        load_recipe(file)


@pytest.mark.parametrize("name", ["no-such-recipe", "x" * 5000, "with\x00zero", "."])
def test_a_recipe_that_is_not_there(name: str) -> None:
    with pytest.raises(RecipeError, match="give a YAML file"):
        load_recipe(name)


def test_captions_lie_beside_the_recipe_or_ship(tmp_path: Path) -> None:
    own = load_recipe(write_recipe(tmp_path / "mine"))
    assert own.captions_file == tmp_path / "mine" / "words.yaml"
    shipped = load_recipe(write_recipe(tmp_path / "other", at("data.captions", "captions.yaml")))
    assert shipped.captions_file == RECIPES.parent / "captions.yaml"
    # A list of one's own goes before one that ships under the same name.
    (tmp_path / "other" / "captions.yaml").write_text("{}")
    assert shipped.captions_file == tmp_path / "other" / "captions.yaml"
    assert load_recipe(write_recipe(tmp_path / "none", at("data.captions", ""))).captions_file is None
