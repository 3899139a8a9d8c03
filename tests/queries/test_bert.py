"""The plain BERT against the reference implementation, and the way from its weights to an asset."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from lass.queries import CompactEncoder
from lass.queries.bert import Bert, BertConfig
from lass.queries.build_compact import save, translate
from lass.queries.quantisation import dequantise, quantise

CONFIG = BertConfig(vocabulary=50, positions=16, size=24, layers=2, heads=4, hidden=48)


@pytest.fixture(scope="module")
def reference() -> torch.nn.Module:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model: torch.nn.Module = transformers.BertModel(
        transformers.BertConfig(
            vocab_size=CONFIG.vocabulary,
            max_position_embeddings=20,
            hidden_size=CONFIG.size,
            num_hidden_layers=CONFIG.layers,
            num_attention_heads=CONFIG.heads,
            intermediate_size=CONFIG.hidden,
            layer_norm_eps=CONFIG.epsilon,
        ),
        add_pooling_layer=False,
    ).eval()
    # Fresh weights are so small that attention hardly matters, and biases and norms are trivial.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def test_the_network_agrees_with_the_reference(reference: torch.nn.Module) -> None:
    bert = Bert(CONFIG).eval()
    bert.load_state_dict(translate(reference.state_dict(), CONFIG))
    ids = torch.randint(CONFIG.vocabulary, (3, 16))
    mask = torch.arange(16) < torch.tensor([[16], [9], [2]])
    with torch.no_grad():
        expected = reference(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        got = bert(ids, mask)
    torch.testing.assert_close(got[mask], expected[mask], atol=1e-5, rtol=0)


def test_eight_bits_are_within_half_a_step_of_the_weights() -> None:
    weight = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [[1e-3], [1], [5], [100], [0]]
    )
    stored = quantise({"a.weight": weight, "a.bias": weight[0]}, {"a.weight"})
    assert stored["a.weight"].dtype == torch.int8
    state = dequantise(stored)
    assert set(state) == {"a.weight", "a.bias"}
    assert torch.equal(state["a.bias"], weight[0])
    error = (state["a.weight"] - weight).abs().amax(1)
    assert (error <= 0.5001 * weight.abs().amax(1) / 127).all()


def test_an_asset_written_from_a_teacher_can_be_loaded(reference: torch.nn.Module, tmp_path: Path) -> None:
    words = {"[UNK]": 0, **{f"w{n}": n for n in range(1, CONFIG.vocabulary)}}
    tokenizer = Tokenizer(WordPiece(words, unk_token="[UNK]"))
    tokenizer.enable_padding(length=12)
    state = translate(reference.state_dict(), CONFIG)
    save(state, CONFIG, tokenizer.to_str(), tmp_path)

    query = CompactEncoder(tmp_path).encode(["w7"])
    teacher = Bert(CONFIG).eval()
    teacher.load_state_dict(state)
    with torch.no_grad():
        expected = torch.nn.functional.normalize(teacher(torch.tensor([[7]]), torch.ones(1, 1, dtype=torch.bool))[0])
    assert query.mask is not None
    assert query.mask.shape == (1, 1), "the teacher's fixed padding must not come along"
    assert float((query.pooled * expected).sum()) > 0.999
