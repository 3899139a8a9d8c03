"""A finished checkpoint learns new words; its network stays what it was."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lass.checkpoints.bundled import load_bundled, save_bundled
from lass.checkpoints.catalogue import read_metadata
from lass.errors import LassError
from lass.queries import CompactEncoder
from lass.training.wordings import learn_wordings

WORDS = """\
dog bark: {train: [dog bark, a dog, woof, Fiffi is at it again], held_out: [canine]}
rain: {train: [rain, drizzle, wet weather, brolly time], held_out: [downpour]}
"""


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    path = tmp_path / "captions.yaml"
    path.write_text(WORDS)
    return path


@pytest.fixture
def checkpoint(tmp_path: Path, tiny_checkpoint: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    shutil.copy(tiny_checkpoint, path)
    return path


def test_new_words_are_understood_and_the_network_is_untouched(checkpoint: Path, captions: Path) -> None:
    before, facts = load_file(checkpoint), dict(read_metadata(checkpoint))
    encoder = CompactEncoder()
    assert learn_wordings(checkpoint, captions, encoder) == 8
    after = load_file(checkpoint)
    assert all(torch.equal(after[name], value) for name, value in before.items() if name != "known_sounds")
    fresh = dict(read_metadata(checkpoint))
    assert fresh.pop("known_sounds")["labels"] == facts.pop("known_sounds")["labels"]
    assert fresh == facts
    known = load_bundled(checkpoint)[2]
    assert known is not None
    understood = [known.nearest(encoder.encode([text])).label for text in ("Fiffi", "brolly")]
    assert understood == ["dog bark", "rain"]


def test_learning_twice_changes_nothing(checkpoint: Path, captions: Path) -> None:
    learn_wordings(checkpoint, captions, CompactEncoder())
    once = checkpoint.read_bytes()
    learn_wordings(checkpoint, captions, CompactEncoder())
    assert checkpoint.read_bytes() == once


def test_a_checkpoint_that_knows_no_sounds_is_refused(checkpoint: Path, captions: Path) -> None:
    model, card, _ = load_bundled(checkpoint)
    del card["known_sounds"]
    save_bundled(checkpoint, model, card)
    with pytest.raises(LassError, match="does not list the sounds"):
        learn_wordings(checkpoint, captions, CompactEncoder())


def test_a_sound_without_words_is_refused(checkpoint: Path, captions: Path) -> None:
    captions.write_text("rain: {train: [rain]}")
    before = checkpoint.read_bytes()
    with pytest.raises(LassError, match="dog bark"):
        learn_wordings(checkpoint, captions, CompactEncoder())
    assert checkpoint.read_bytes() == before
