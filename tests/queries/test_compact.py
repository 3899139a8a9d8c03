"""The bundled encoder: what it hears in words, and that it says so when its files are broken."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from lass.errors import ModelError
from lass.queries import CompactEncoder, QueryEncoder, check_query
from lass.queries.compact import DEFAULT_PATH, TOKENIZER_FILE, WEIGHTS_FILE

LABELS = (
    "dog bark",
    "rain",
    "sea waves",
    "crying baby",
    "clock tick",
    "person sneeze",
    "helicopter",
    "chainsaw",
    "rooster",
    "fire crackling",
)
PARAPHRASES = {
    "dog bark": (
        "a puppy yapping",
        "a hound baying at the postman",
        "woofing from next door",
        "the terrier goes wild",
    ),
    "rain": (
        "a downpour on the roof",
        "drizzle",
        "water falling from the clouds",
        "a storm drumming on the window",
    ),
    "sea waves": (
        "surf rolling onto the beach",
        "the ocean",
        "breakers hitting the shore",
        "the tide coming in",
    ),
    "crying baby": (
        "an infant wailing",
        "a newborn in tears",
        "the toddler is upset",
        "a little child sobbing",
    ),
    "clock tick": ("the second hand of a watch", "a metronome", "a timepiece on the mantel", "tick tock"),
    "person sneeze": ("achoo", "somebody with a cold", "a man with hay fever", "bless you"),
    "helicopter": (
        "rotor blades overhead",
        "a chopper flying past",
        "an aircraft hovering",
        "the air ambulance",
    ),
    "chainsaw": (
        "a lumberjack cutting a tree",
        "power tool in the forest",
        "somebody felling timber",
        "a motor saw",
    ),
    "rooster": (
        "a cockerel at dawn",
        "cock-a-doodle-doo",
        "the chicken yard in the morning",
        "a crowing bird",
    ),
    "fire crackling": ("logs burning", "a campfire", "flames in the hearth", "embers popping"),
}


@pytest.fixture(scope="module")
def encoder() -> CompactEncoder:
    return CompactEncoder()


def test_vectors_have_the_promised_shapes(encoder: CompactEncoder) -> None:
    query = encoder.encode(["rain", "a dog barking in the yard while it rains"])
    assert isinstance(encoder, QueryEncoder)
    assert encoder.size == 384
    assert query.tokens is not None
    assert query.mask is not None
    assert query.pooled.shape == (2, 384)
    assert query.tokens.shape == (2, query.mask.shape[1], 384)
    assert query.pooled.dtype == query.tokens.dtype == torch.float32
    assert query.mask.dtype == torch.bool
    # "rain" is one token between the two that mark begin and end; the other row has ten words or more.
    assert query.mask.sum(1).tolist() == [3, query.mask.shape[1]]


def test_pooled_is_the_normalised_mean_of_the_real_tokens(encoder: CompactEncoder) -> None:
    query = encoder.encode(["rain", "a dog barking in the yard"])
    assert query.tokens is not None
    assert query.mask is not None
    for row in range(2):
        mean = query.tokens[row][query.mask[row]].mean(0)
        torch.testing.assert_close(query.pooled[row], mean / mean.norm(), atol=1e-6, rtol=0)
    assert query.tokens[~query.mask].abs().max() == 0


def test_a_text_is_encoded_alike_alone_and_in_company(encoder: CompactEncoder) -> None:
    texts = [*LABELS, "a very long description " * 10, *(f"sound number {n}" for n in range(80))]
    together = encoder.encode(texts)
    assert together.tokens is not None
    for row in (0, 3, 10, 75, 90):
        alone = encoder.encode([texts[row]])
        assert alone.tokens is not None
        length = alone.tokens.shape[1]
        torch.testing.assert_close(alone.pooled[0], together.pooled[row], atol=1e-5, rtol=0)
        torch.testing.assert_close(alone.tokens[0], together.tokens[row, :length], atol=1e-5, rtol=0)


def test_paraphrases_land_on_their_label(encoder: CompactEncoder) -> None:
    labels = encoder.encode(LABELS).pooled
    assert LABELS[int((encoder.encode(["a puppy yapping"]).pooled @ labels.T).argmax())] == "dog bark"
    pairs = [(text, label) for label, texts in PARAPHRASES.items() for text in texts]
    nearest = (encoder.encode([text for text, _ in pairs]).pooled @ labels.T).argmax(1)
    wrong = [(text, LABELS[n]) for (text, label), n in zip(pairs, nearest, strict=True) if LABELS[n] != label]
    assert len(wrong) <= 1, wrong


def test_case_does_not_matter_and_meaning_does(encoder: CompactEncoder) -> None:
    query = encoder.encode(["A Dog Barking", "a dog barking", "a cat purring"])
    torch.testing.assert_close(query.pooled[0], query.pooled[1], atol=1e-6, rtol=0)
    assert query.pooled[1] @ query.pooled[2] < 0.8


def test_an_emoji_is_read_by_its_name(encoder: CompactEncoder) -> None:
    emoji = ["🐶", "🚁", "🐓", "🌧️", "🕰️", "🔥"]
    meant = ["dog bark", "helicopter", "rooster", "rain", "clock tick", "fire crackling"]
    nearest = (encoder.encode(emoji).pooled @ encoder.encode(LABELS).pooled.T).argmax(1)
    assert [LABELS[n] for n in nearest] == meant


def test_a_long_text_is_cut_at_64_tokens(encoder: CompactEncoder) -> None:
    query = encoder.encode(["bark " * 500])
    assert query.mask is not None
    assert query.mask.shape == (1, 64)


@pytest.mark.parametrize("text", ["🐶", "نباح كلب", "犬の鳴き声", "?", "é" * 300, "[PAD] [MASK]"])
def test_whatever_passes_the_check_can_be_encoded(encoder: CompactEncoder, text: str) -> None:
    query = encoder.encode([check_query(text)])
    assert torch.isfinite(query.pooled).all()
    torch.testing.assert_close(query.pooled.norm(), torch.tensor(1.0), atol=1e-5, rtol=0)


def test_threads_share_an_encoder(encoder: CompactEncoder) -> None:
    texts = [f"{label}, take {n}" for n in range(4) for label in LABELS]
    expected = [encoder.encode([text]).pooled for text in texts]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda text: encoder.encode([text]).pooled, texts))
    for result, value in zip(results, expected, strict=True):
        assert torch.equal(result, value)


def test_vectors_serve_as_input_in_training(encoder: CompactEncoder) -> None:
    layer = torch.nn.Linear(encoder.size, 1)
    layer(encoder.encode(["rain"]).pooled).sum().backward()
    assert layer.weight.grad is not None


def test_loading_leaves_the_random_generator_alone() -> None:
    before = torch.random.get_rng_state()
    CompactEncoder()
    assert torch.equal(before, torch.random.get_rng_state())


def test_one_string_or_nothing_is_not_a_list_of_texts(encoder: CompactEncoder) -> None:
    with pytest.raises(ValueError, match="list"):
        encoder.encode("rain")
    with pytest.raises(ValueError, match="list"):
        encoder.encode([])


def test_the_asset_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in DEFAULT_PATH.iterdir()) <= 24_000_000


def assert_one_sentence(folder: Path, mention: str) -> None:
    with pytest.raises(ModelError) as caught:
        CompactEncoder(folder)
    text = str(caught.value)
    assert mention in text
    assert "\n" not in text
    assert text.endswith(".")


@pytest.mark.parametrize("name", [WEIGHTS_FILE, TOKENIZER_FILE])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    other = TOKENIZER_FILE if name == WEIGHTS_FILE else WEIGHTS_FILE
    (tmp_path / other).symlink_to(DEFAULT_PATH / other)
    assert_one_sentence(tmp_path, name)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, TOKENIZER_FILE])
@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"\xff" * 100, None])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    for each in (WEIGHTS_FILE, TOKENIZER_FILE):
        shutil.copy(DEFAULT_PATH / each, tmp_path / each)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert_one_sentence(tmp_path, name)


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"words.weight": torch.zeros(4, 4)}, tmp_path / WEIGHTS_FILE)
    shutil.copy(DEFAULT_PATH / TOKENIZER_FILE, tmp_path / TOKENIZER_FILE)
    assert_one_sentence(tmp_path, WEIGHTS_FILE)


def test_a_tokenizer_with_other_words_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece

    (tmp_path / WEIGHTS_FILE).symlink_to(DEFAULT_PATH / WEIGHTS_FILE)
    Tokenizer(WordPiece({"[UNK]": 0, "dog": 1}, unk_token="[UNK]")).save(str(tmp_path / TOKENIZER_FILE))
    assert_one_sentence(tmp_path, TOKENIZER_FILE)
