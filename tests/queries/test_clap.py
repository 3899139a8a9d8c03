"""CLAP against the package that published it, on random weights; and what is said when something is not here."""

import copy
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from torch import Tensor
from transformers import RobertaTokenizer

from lass.checkpoints.published import load_clap_score
from lass.errors import ModelError
from lass.queries import QueryEncoder, clap_audio
from lass.queries.clap import ClapTextEncoder, text_tensors
from lass.queries.clap_audio import ClapAudio, audio_tensors
from lass.queries.roberta_tokenizer import load_roberta_tokenizer
from tests.queries.small_clap import VOCABULARY, roberta, text_state, write_tokenizer

TEXTS = ["dog bark", "rain", "a dog barking in the yard while it rains", "犬の鳴き声 🐶"]


@pytest.fixture(scope="module")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tokenizer(tmp_path_factory.mktemp("roberta-tokenizer"))


@pytest.fixture(scope="module")
def encoder(tokenizer_folder: Path) -> ClapTextEncoder:
    return ClapTextEncoder(text_state, "The weights", tokenizer_folders=[tokenizer_folder])


@pytest.fixture(scope="module")
def laion(tokenizer_folder: Path) -> Any:
    """laion-clap's own model with random weights, the smallest it has."""
    clap_audio._import_offline()
    import laion_clap

    class Roberta:
        @staticmethod
        def from_pretrained(_: str) -> torch.nn.Module:
            return roberta(768, layers=1)

    torch.manual_seed(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["clap_module.model"], "RobertaModel", Roberta)
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        module = laion_clap.CLAP_Module(enable_fusion=False, device="cpu", amodel="HTSAT-tiny")
    module.tokenize = RobertaTokenizer.from_pretrained(tokenizer_folder)
    assert len(module.tokenize) == len(VOCABULARY)
    return module.eval()


@pytest.fixture(scope="module")
def clap_file(laion: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As published: a prefix, the table of positions, optimiser and numpy numbers beside it."""
    state = {f"module.{name}": value for name, value in laion.model.state_dict().items()}
    state["module.text_branch.embeddings.position_ids"] = torch.arange(100)[None]
    path = tmp_path_factory.mktemp("clap") / "clap.pt"
    extras = {"epoch": 15, "name": "clap", "best": np.float64(0.5), "steps": np.int64(3), "optimizer": {"state": {}}}
    torch.save({**extras, "state_dict": state}, path)
    return path


def test_vectors_are_as_promised(encoder: ClapTextEncoder) -> None:
    query = encoder.encode(TEXTS)
    assert isinstance(encoder, QueryEncoder)
    assert encoder.size == 512
    assert query.pooled.shape == (4, 512)
    assert query.pooled.dtype == torch.float32
    assert query.tokens is None
    torch.testing.assert_close(query.pooled.norm(dim=1), torch.ones(4), atol=1e-5, rtol=0)
    assert (query.pooled[0] - query.pooled[1]).abs().max() > 0.01


def test_a_text_is_encoded_alike_alone_and_in_company(encoder: ClapTextEncoder) -> None:
    texts = [*TEXTS, *(f"sound number {n}" for n in range(70))]
    together = encoder.encode(texts).pooled
    for row in (0, 2, 3, 66, 73):
        torch.testing.assert_close(encoder.encode([texts[row]]).pooled[0], together[row], atol=1e-5, rtol=0)


def test_a_text_is_cut_at_77_tokens(encoder: ClapTextEncoder) -> None:
    # One byte is one token here, and two of the 77 mark begin and end.
    first, second, third = encoder.encode(["z" * 75, "z" * 75 + "y", "z" * 74]).pooled
    torch.testing.assert_close(first, second, atol=1e-6, rtol=0)
    assert (first - third).abs().max() > 1e-3


def test_threads_share_an_encoder_that_nobody_used_yet(tokenizer_folder: Path, encoder: ClapTextEncoder) -> None:
    fresh = ClapTextEncoder(text_state, "The weights", tokenizer_folders=[tokenizer_folder])
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda text: fresh.encode([text]).pooled, TEXTS))
    for text, result in zip(TEXTS, results, strict=True):
        assert torch.equal(result, encoder.encode([text]).pooled)


def test_vectors_serve_as_input_in_training(encoder: ClapTextEncoder) -> None:
    layer = torch.nn.Linear(encoder.size, 1)
    layer(encoder.encode(["rain"]).pooled).sum().backward()
    assert layer.weight.grad is not None


def test_one_string_or_nothing_is_not_a_list_of_texts(encoder: ClapTextEncoder) -> None:
    for texts in ("rain", []):
        with pytest.raises(ValueError, match="list"):
            encoder.encode(texts)


def test_both_forms_of_the_tokenizer_give_the_numbers_of_transformers(tokenizer_folder: Path, tmp_path: Path) -> None:
    reference = RobertaTokenizer.from_pretrained(tokenizer_folder)
    reference.save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").is_file()
    parts, whole = (
        load_roberta_tokenizer([folder], entries=len(VOCABULARY), maximum=77) for folder in (tokenizer_folder, tmp_path)
    )
    for text in [*TEXTS, "", "  two  spaces ", "a<mask>b </s>"]:
        assert parts.encode(text).ids == whole.encode(text).ids == reference(text)["input_ids"]


def test_text_vectors_equal_laion_claps(laion: Any, tokenizer_folder: Path, clap_file: Path) -> None:
    state = laion.model.state_dict()
    ours = ClapTextEncoder(lambda: text_tensors(state), "The weights", tokenizer_folders=[tokenizer_folder])
    expected = torch.from_numpy(laion.get_text_embedding(TEXTS))
    assert (expected[0] - expected[1]).abs().max() > 0.01
    torch.testing.assert_close(ours.encode(TEXTS).pooled, expected, atol=1e-5, rtol=0)


def test_audio_vectors_equal_laion_claps(laion: Any, rng: np.random.Generator) -> None:
    ours = ClapAudio(audio_tensors(laion.model.state_dict()), "The weights")
    for seconds in (1.3, 10):
        waveform = (0.4 * rng.standard_normal(round(48000 * seconds))).astype(np.float32)
        expected = torch.from_numpy(laion.get_audio_embedding_from_data(waveform[None]))[0]
        torch.testing.assert_close(ours.embed(waveform, 48000), expected, atol=1e-5, rtol=0)


def test_clap_score_runs_on_the_published_file(clap_file: Path, tokenizer_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "roberta-tokenizer").symlink_to(tokenizer_folder)
    score = load_clap_score(clap_file, cache_dir=tmp_path)
    seconds = np.arange(16000 * 2) / 16000
    tone = np.sin(2 * np.pi * 440 * seconds).astype(np.float32)
    noise = np.random.default_rng(0).standard_normal((2, 16000)).astype(np.float32)
    assert score.between(tone, tone, 16000) == pytest.approx(1, abs=1e-5)
    assert score.between(tone, noise, 16000) < 0.9999
    assert -1 <= score.with_text(tone, "a dog", 16000) <= 1


def test_a_long_recording_has_one_vector(laion: Any, rng: np.random.Generator) -> None:
    ours = ClapAudio(audio_tensors(laion.model.state_dict()), "The weights")
    waveform = (0.1 * rng.standard_normal(8000 * 14)).astype(np.float32)
    vector = ours.embed(waveform, 8000)
    assert torch.equal(vector, ours.embed(waveform, 8000))
    assert float(vector.norm()) == pytest.approx(1, abs=1e-5)


def test_loading_leaves_the_process_as_it_was(laion: Any, tokenizer_folder: Path, rng: np.random.Generator) -> None:
    assert not [path for path in sys.path if path.rstrip("/").endswith("laion_clap")]
    state = text_state()
    before = torch.random.get_rng_state()
    ClapTextEncoder(lambda: state, "The weights", tokenizer_folders=[tokenizer_folder]).encode(["rain"])
    ClapAudio(audio_tensors(laion.model.state_dict()), "The weights").embed(rng.standard_normal(4800), 48000)
    assert torch.equal(before, torch.random.get_rng_state())


def test_an_import_that_hangs_or_fails_is_told(
    laion: Any, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    audio = ClapAudio(audio_tensors(laion.model.state_dict()), "The weights", import_seconds=0.01)
    release = threading.Event()
    monkeypatch.setattr(clap_audio, "_import_offline", lambda: release.wait(30))
    assert_one_sentence(lambda: audio.embed(rng.standard_normal(4800), 48000), "0.01 seconds")
    release.set()

    def fail() -> None:
        raise ImportError("no module\nnamed wget")

    monkeypatch.setattr(clap_audio, "_import_offline", fail)
    patient = ClapAudio(audio_tensors(laion.model.state_dict()), "The weights")
    assert_one_sentence(lambda: patient.embed(rng.standard_normal(4800), 48000), "no module named wget")


def test_a_missing_tokenizer_is_told_with_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    encoder = ClapTextEncoder(text_state, "The weights", tokenizer_folders=[folder])
    text = assert_one_sentence(lambda: encoder.encode(["rain"]), str(folder))
    for part in ("vocab.json", "merges.txt", "tokenizer.json", "https://huggingface.co/FacebookAI/roberta-base"):
        assert part in text
    write_tokenizer(folder)
    assert encoder.encode(["rain"]).pooled.shape == (1, 512)


def test_the_tokenizer_of_five_entries_is_refused(tmp_path: Path) -> None:
    # What transformers makes of nothing, without a word.
    RobertaTokenizer().save_pretrained(tmp_path)
    encoder = ClapTextEncoder(text_state, "The weights", tokenizer_folders=[tmp_path])
    assert_one_sentence(lambda: encoder.encode(["rain"]), "5 entries")


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt", "tokenizer.json"])
def test_a_damaged_tokenizer_is_told(tmp_path: Path, name: str) -> None:
    write_tokenizer(tmp_path)
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\n")
    encoder = ClapTextEncoder(text_state, "The weights", tokenizer_folders=[tmp_path])
    assert_one_sentence(lambda: encoder.encode(["rain"]), str(tmp_path / name))


def test_weights_that_do_not_fit_are_told(tokenizer_folder: Path) -> None:
    def without(name: str) -> dict[str, Tensor]:
        state = copy.copy(text_state())
        del state[name]
        return state

    def encode(state: dict[str, Tensor], size: int = 512) -> Any:
        encoder = ClapTextEncoder(lambda: state, "The weights", size=size, tokenizer_folders=[tokenizer_folder])
        return encoder.encode(["rain"])

    for name in ("text_branch.pooler.dense.weight", "text_projection.0.weight", "text_projection.2.bias"):
        assert_one_sentence(lambda name=name: encode(without(name)), name)  # type: ignore[misc]
    assert_one_sentence(lambda: encode(text_state(), size=384), "384")
    assert_one_sentence(lambda: encode({}), "text_branch")
    surplus = {**text_state(), "text_branch.odd": torch.zeros(1)}
    assert_one_sentence(lambda: encode(surplus), "text_branch.odd")


def assert_one_sentence(work: Any, mention: str) -> str:
    with pytest.raises(ModelError) as caught:
        work()
    text = str(caught.value)
    assert mention in text
    assert "\n" not in text
    assert text.endswith(".")
    return text
