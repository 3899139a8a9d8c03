"""FLAN-T5's encoder against transformers, on a tiny random T5 with a tiny vocabulary, both saved here."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lass.errors import ModelError
from lass.queries.flan_t5 import CONFIG_FILE, FILES, TOKENIZER_FILE, WEIGHTS_FILE, FlanT5Encoder
from lass.queries.query import QueryEncoder

TEXTS = ["a dog barking", "rain", "a dog barking in heavy rain while the rain falls on a tin roof"]
WORDS = ("a", "dog", "bark", "ing", "rain", "in", "heavy", "while", "the", "falls", "on", "tin", "roof", "s")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What save_pretrained writes of a whole T5, decoder included, as the published folders hold it."""
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    path = tmp_path_factory.mktemp("flan-t5")
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=48, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu",
        dropout_rate=0.1, decoder_start_token_id=0, tie_word_embeddings=False,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(path)
    backend = tiny_tokenizer()
    PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    ).save_pretrained(path)
    return path


def tiny_tokenizer() -> object:
    """A SentencePiece unigram model like T5's: pieces that begin a word carry the mark ▁, a text ends with </s>."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -4.0)]
    pieces += [(mark + word, -2.0 - n / 10) for n, word in enumerate(WORDS) for mark in ("▁", "")]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return tokenizer


@pytest.fixture(scope="module")
def encoder(folder: Path) -> FlanT5Encoder:
    return FlanT5Encoder(folder)


def copy(folder: Path, to: Path) -> Path:
    for name in FILES:
        shutil.copy(folder / name, to / name)
    return to


def assert_one_sentence(error: ModelError, *mentions: str) -> None:
    text = str(error)
    for mention in mentions:
        assert mention in text
    assert "\n" not in text
    assert text.endswith(".")


def test_it_is_a_query_encoder(encoder: FlanT5Encoder) -> None:
    assert isinstance(encoder, QueryEncoder)
    assert encoder.size == 32


def test_token_states_are_those_of_transformers(encoder: FlanT5Encoder, folder: Path) -> None:
    from transformers import AutoTokenizer, T5ForConditionalGeneration

    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    reference = T5ForConditionalGeneration.from_pretrained(folder).eval().get_encoder()
    with torch.no_grad():
        states = reference(input_ids=batch.input_ids, attention_mask=batch.attention_mask).last_hidden_state
    query = encoder.encode(TEXTS)
    assert query.tokens is not None
    assert query.mask is not None
    assert torch.equal(query.mask, batch.attention_mask.bool())
    # The end mark is a token like the others.
    assert query.mask.sum(1).tolist()[1] == 2
    torch.testing.assert_close(query.tokens[query.mask], states[query.mask], atol=1e-6, rtol=1e-5)
    assert not query.tokens[~query.mask].any()


def test_pooled_is_the_mean_of_the_real_tokens_at_length_1(encoder: FlanT5Encoder) -> None:
    query = encoder.encode(TEXTS)
    assert query.tokens is not None
    assert query.mask is not None
    for row, tokens, mask in zip(query.pooled, query.tokens, query.mask, strict=True):
        mean = tokens[mask].mean(0)
        torch.testing.assert_close(row, mean / mean.norm(), atol=1e-6, rtol=1e-5)


def test_a_text_is_encoded_alike_whatever_is_beside_it(encoder: FlanT5Encoder) -> None:
    many = encoder.encode([*TEXTS, *["dog"] * 20])
    for row, text in enumerate(TEXTS):
        torch.testing.assert_close(many.pooled[row], encoder.encode([text]).pooled[0], atol=1e-5, rtol=0)


def test_vectors_serve_as_input_in_training(encoder: FlanT5Encoder) -> None:
    tokens = encoder.encode(["rain"]).tokens
    assert tokens is not None
    layer = torch.nn.Linear(encoder.size, 1)
    layer(tokens).sum().backward()
    assert layer.weight.grad is not None


def test_a_very_long_text_is_cut(encoder: FlanT5Encoder) -> None:
    tokens = encoder.encode(["dog " * 2000]).tokens
    assert tokens is not None
    assert tokens.shape[1] == 512


def test_one_string_or_nothing_is_not_a_list_of_texts(encoder: FlanT5Encoder) -> None:
    with pytest.raises(ValueError, match="list"):
        encoder.encode("rain")
    with pytest.raises(ValueError, match="list"):
        encoder.encode([])


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named_with_what_it_costs(folder: Path, tmp_path: Path, name: str) -> None:
    (copy(folder, tmp_path) / name).unlink()
    with pytest.raises(ModelError) as caught:
        FlanT5Encoder(tmp_path)
    assert_one_sentence(caught.value, name, str(tmp_path), "0.99 GB", "3.13 GB", "huggingface.co/google/flan-t5-base")


@pytest.mark.parametrize("offline", [True, False])
def test_a_model_that_is_not_in_the_cache_is_told_how_to_place(offline: bool) -> None:
    # The hub library itself is told to stay offline in all tests, so asking it to fetch fails at once.
    with pytest.raises(ModelError) as caught:
        FlanT5Encoder("google/flan-t5-base", offline=offline)
    assert_one_sentence(caught.value, "google/flan-t5-base", *FILES, "0.99 GB", "folder")


def test_a_model_in_the_cache_is_found_by_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    commit = "0123456789012345678901234567890123456789"
    snapshot = tmp_path / "models--google--flan-t5-tiny" / "snapshots" / commit
    snapshot.mkdir(parents=True)
    copy(folder, snapshot)
    refs = tmp_path / "models--google--flan-t5-tiny" / "refs"
    refs.mkdir()
    (refs / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert FlanT5Encoder("google/flan-t5-tiny").encode(["rain"]).pooled.shape == (1, 32)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"{}"])
def test_a_damaged_file_is_named(folder: Path, tmp_path: Path, name: str, content: bytes) -> None:
    (copy(folder, tmp_path) / name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        FlanT5Encoder(tmp_path).encode(["rain"])
    assert_one_sentence(caught.value, name)


def test_weights_that_lack_a_layer_are_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy(folder, tmp_path) / WEIGHTS_FILE)
    kept = {name: value for name, value in tensors.items() if not name.startswith("encoder.block.1.")}
    save_file(kept, tmp_path / WEIGHTS_FILE, metadata={"format": "pt"})
    with pytest.raises(ModelError) as caught:
        FlanT5Encoder(tmp_path).encode(["rain"])
    assert_one_sentence(caught.value, WEIGHTS_FILE)


def test_another_network_is_refused(folder: Path, tmp_path: Path) -> None:
    path = copy(folder, tmp_path) / CONFIG_FILE
    path.write_text(path.read_text().replace('"model_type": "t5"', '"model_type": "bert"'))
    with pytest.raises(ModelError) as caught:
        FlanT5Encoder(tmp_path)
    assert_one_sentence(caught.value, "bert")


@pytest.mark.parametrize("entries", [5, 500])
def test_a_tokenizer_of_another_vocabulary_is_refused(folder: Path, tmp_path: Path, entries: int) -> None:
    from tokenizers import Tokenizer, models

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((f"w{n}", -1.0) for n in range(entries - 3))]
    Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False)).save(str(copy(folder, tmp_path) / TOKENIZER_FILE))
    with pytest.raises(ModelError) as caught:
        FlanT5Encoder(tmp_path).encode(["rain"])
    assert_one_sentence(caught.value, TOKENIZER_FILE, f"{entries} entries")


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    program = "import sys, lass.queries.flan_t5; print(*{'torch', 'transformers', 'tokenizers'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == ""
