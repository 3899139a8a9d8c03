"""Every recipe that ships can be trained: the same settings on a tiny network, with tiny encoders of its kind."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

import lass
from lass import audio
from lass.checkpoints.catalogue import CLAP_WEIGHTS, ROBERTA_TOKENIZER
from lass.checkpoints.encoders import open_encoder
from lass.errors import LassError, ModelError
from lass.models import DualPathConfig, ResUNetConfig, ResUNetPPConfig
from lass.queries import Query, QueryEncoder
from lass.training.loop import Trainer
from lass.training.recipe import RECIPES, Recipe, SourceSet, load_recipe
from tests.queries.small_clap import text_state, write_tokenizer
from tests.training.small import RATE, encoder, trainer, write_collection, write_recipe


class Words:
    """A stand-in for FLAN-T5: as many token vectors as words, and their mean."""

    size = 768

    def encode(self, texts: list[str]) -> Query:
        lengths = [len(text.split()) for text in texts]
        tokens = torch.zeros(len(texts), max(lengths), self.size)
        for row, text in enumerate(texts):
            for place, word in enumerate(text.split()):
                seed = int.from_bytes(word.encode()[:4].ljust(4), "little")
                tokens[row, place] = torch.from_numpy(np.random.default_rng(seed).standard_normal(self.size)).float()
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        pooled = tokens.sum(1) / mask.sum(1, keepdim=True)
        return Query(torch.nn.functional.normalize(pooled, dim=1), tokens, mask)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_collection(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of downloads that holds a tiny CLAP."""
    folder = tmp_path_factory.mktemp("downloads")
    write_tokenizer(folder / ROBERTA_TOKENIZER.name)
    (folder / CLAP_WEIGHTS.name).mkdir()
    torch.save({"state_dict": text_state()}, folder / CLAP_WEIGHTS.name / CLAP_WEIGHTS.files[0].name)
    return folder


def tiny(recipe: Recipe) -> Recipe:
    """The recipe on four tones and a network of a few thousand weights; all else as it is."""
    model = recipe.model
    if isinstance(model, ResUNetConfig):
        path = model.dual_path and DualPathConfig(1, 4, model.dual_path.cell, model.dual_path.depth)
        # Muon leaves kernels of fewer channels to AdamW.
        channels = (16, 16) if recipe.optimisation.optimiser == "muon" else (4, 6)
        small: ResUNetConfig | ResUNetPPConfig = dataclasses.replace(
            model, sample_rate=RATE, window=128, hop=64, channels=channels, pooling=((2, 2), (2, 2)), stem=(1, 1),
            dual_path=path,
        )  # fmt: skip
    else:
        # Not narrower than 16: there, with torch 2.11 on a processor with AVX-512, the backward pass of this network's
        # convolutions writes beyond its memory (oneDNN; without it nothing goes wrong).
        small = dataclasses.replace(
            model, sample_rate=RATE, window=128, hop=64, channels=(16, 32), bridge=32, decoder=(16,),
            strides=((2, 2),), stem=(1, 1), attention_size=16, heads=1,
        )  # fmt: skip
    tones = SourceSet("tones")
    settings = recipe.optimisation
    return dataclasses.replace(
        recipe, model=small, start="",
        data=dataclasses.replace(recipe.data, sets=(tones,), validation=tones, validation_mixtures=10, captions=""),
        mixing=dataclasses.replace(recipe.mixing, seconds=1.0),
        optimisation=dataclasses.replace(
            settings, steps=2, batch=2, warmup=min(settings.warmup, 1), start_share=0.0,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(file.stem for file in RECIPES.glob("*.yaml")))
def test_every_recipe_trains(name: str, data: Path, downloads: Path, tmp_path: Path) -> None:
    recipe = tiny(load_recipe(name))
    words: Mapping[str, QueryEncoder] = {"compact": encoder(), "flan-t5-base": Words()}
    chosen = words[recipe.encoder] if recipe.encoder in words else open_encoder(recipe.encoder, downloads)
    run = Trainer(recipe, chosen, data, tmp_path / "runs" / name, "cpu", 0, lambda _line: None)
    before = {key: value.clone() for key, value in run.model.named_parameters()}
    met: set[torch.Tensor] = set()
    for value in run.model.parameters():
        value.register_post_accumulate_grad_hook(met.add)
    run.run()
    assert run.step == 2
    assert np.isfinite(run.losses).all()
    changed = [key for key, value in run.model.named_parameters() if not torch.equal(value, before[key])]
    assert len(changed) > 0.8 * len(met)
    if recipe.encoder == "clap":
        separator = lass.load_separator(run.folder / "last.safetensors", cache_dir=downloads)
        result = separator.separate(np.float32(0.1) * np.ones(RATE, np.float32), RATE, "a dog barking")
        assert result.target.shape == (RATE,)


def test_clap_that_is_not_here_says_where_to_place_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"encoded by CLAP, whose weights are not here: get .* and place it"):
        open_encoder("clap", tmp_path).encode(["a dog"])
    with pytest.raises(ModelError, match=r"no query encoder called 'clip'; known are compact, .*clap"):
        open_encoder("clip", tmp_path)


def test_words_are_asked_for_in_vain_of_an_encoder_without_them(data: Path, downloads: Path, tmp_path: Path) -> None:
    recipe = tiny(load_recipe("dcase-baseline-16k"))
    recipe = dataclasses.replace(recipe, mixing=dataclasses.replace(recipe.mixing, tokens=True))
    with pytest.raises(LassError, match=r"gives no vectors for single words; set mixing\.tokens to false"):
        Trainer(recipe, open_encoder("clap", downloads), data, tmp_path / "run", "cpu", 0, print)


def test_a_run_leaves_samples_and_tensorboards_files(data: Path, tmp_path: Path) -> None:
    file = write_recipe(tmp_path, lambda settings: settings["optimisation"].update(steps=4))
    recipe = dataclasses.replace(load_recipe(file), validate_every=4)
    run = Trainer(recipe, encoder(), data, tmp_path / "runs" / "kept", "cpu", 0, lambda _line: None,
                  tensorboard=True, samples=2)  # fmt: skip
    run.run()
    folders = sorted((run.folder / "samples" / "step-000004").iterdir())
    assert [folder.name[:3] for folder in folders] == ["01-", "02-"]
    first = run.validation[0]
    for row, folder in enumerate(folders):
        assert sorted(file.name for file in folder.iterdir()) == [
            "estimate.wav", "mixture.wav", "spectrograms.png", "target.wav",
        ]  # fmt: skip
        mixture = audio.read(folder / "mixture.wav")
        np.testing.assert_allclose(mixture.waveform[0], first.mixture[row].numpy(), atol=1e-6)
        assert mixture.sample_rate == RATE
    written = b"".join(file.read_bytes() for file in (run.folder / "tensorboard").iterdir())
    assert b"sdri" in written
    assert b"spectrograms" in written
    logged = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in logged] == [4]


def test_what_the_filter_discards_is_in_the_log(data: Path, tmp_path: Path) -> None:
    def change(settings: dict[str, dict[str, object]]) -> None:
        settings["mixing"] |= {"similarity": 0.7, "absent": 0}
        settings["optimisation"]["steps"] = 20

    file = write_recipe(tmp_path, change)
    run = trainer(dataclasses.replace(load_recipe(file), validate_every=50), data, tmp_path / "runs" / "filtered")
    run.run()
    first = json.loads((run.folder / "log.jsonl").read_text().splitlines()[0])
    discarded = sum(run.mixtures[number].discarded for number in range(20))
    assert first["discarded"] == round(discarded / (discarded + 60), 3) > 0
