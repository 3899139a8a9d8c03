"""ResUNet++: what it accepts, how its attention listens to words, and what a long recording costs."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lass.models import ResUNetPP, ResUNetPPConfig, attention, build, config_from_dict, config_to_dict
from lass.models.attention import Direction, Listening, MapQueriesText, TextQueriesMap, Words
from lass.models.masks import MASKS, MaskKind
from lass.models.resunetpp import level_gain, scale_levels
from lass.queries.query import Query
from lass.training.recipe import load_recipe
from tests.memory import STATUS

THESIS = ResUNetPPConfig(
    sample_rate=8000, window=128, hop=64, condition_size=12, channels=(4, 6, 8, 8), bridge=8, decoder=(8, 6, 4),
    attention_size=8, heads=2, dilations=(1, 3), light_dilations=(1, 2),
)  # fmt: skip
COMPACT = replace(THESIS, stem=(2, 4), text_projection=6, clip_scaling=False, magnitude_power=0.3)
TEXT_FIRST = replace(THESIS, attention_direction="text-queries-map")
CONFIGS = {"thesis": THESIS, "compact": COMPACT, "text queries map": TEXT_FIRST}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def awake(model: torch.nn.Module) -> torch.nn.Module:
    """In use, with statistics and biases as a trained network has them: fresh ones hide mistakes."""
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
            elif value.ndim == 1 and value.is_floating_point() and not name.endswith("hann"):
                value.add_(0.1 * torch.randn_like(value))
    return model.eval()


def network(config: ResUNetPPConfig) -> ResUNetPP:
    torch.manual_seed(0)
    model = awake(ResUNetPP(config))
    assert isinstance(model, ResUNetPP)
    return model


def sound(*shape: int) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def query(batch: int = 1, length: int = 5, seed: int = 2) -> Query:
    """Token vectors of which the last row has one less than the others."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(batch, length, dtype=torch.bool)
    mask[-1, -1] = False
    return Query(torch.randn(batch, 12, generator=generator), torch.randn(batch, length, 12, generator=generator), mask)


@every_config
@pytest.mark.parametrize("samples", [400, 1, 63, 64, 65, 3999, 4000, 4001])
@torch.inference_mode()
def test_the_target_has_the_mixtures_length(config: ResUNetPPConfig, samples: int) -> None:
    mixture = sound(2, 1, samples)
    target = network(config)(mixture, query(2))
    assert target.shape == mixture.shape
    assert torch.isfinite(target).all()


@every_config
@torch.inference_mode()
def test_equal_channels_give_what_one_gives_and_opposite_ones_do_not_cancel(config: ResUNetPPConfig) -> None:
    model, mixture = network(config), sound(1, 1, 2000)
    mono = model(mixture, query())
    assert mono.square().mean() > 1e-3 * mixture.square().mean()
    stereo = model(torch.cat([mixture, -mixture, mixture], dim=1), query())
    torch.testing.assert_close(stereo, torch.cat([mono, -mono, mono], dim=1), atol=1e-5, rtol=1e-4)


@every_config
@torch.inference_mode()
def test_another_query_gives_another_target(config: ResUNetPPConfig) -> None:
    model, mixture = network(config), sound(1, 1, 2000)
    first, again, other = model(mixture, query()), model(mixture, query()), model(mixture, query(seed=3))
    assert torch.equal(first, again)
    assert (first - other).square().mean() > 1e-7 * first.square().mean()


@every_config
@torch.inference_mode()
def test_padding_says_nothing(config: ResUNetPPConfig) -> None:
    model, mixture, whole = network(config), sound(1, 1, 2000), query(length=5)
    assert whole.tokens is not None
    cut = Query(whole.pooled, whole.tokens[:, :4])
    loud = whole.tokens.clone()
    loud[:, 4] = 100 * torch.randn(12)
    expected = model(mixture, cut)
    torch.testing.assert_close(model(mixture, whole), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model(mixture, Query(whole.pooled, loud, whole.mask)), expected, atol=1e-5, rtol=1e-4)


@every_config
@torch.inference_mode()
def test_a_query_without_a_single_real_token_is_no_reason_to_fail(config: ResUNetPPConfig) -> None:
    empty = Query(torch.zeros(1, 12), torch.randn(1, 3, 12), torch.zeros(1, 3, dtype=torch.bool))
    assert torch.isfinite(network(config)(sound(1, 1, 2000), empty)).all()


@every_config
@torch.inference_mode()
def test_rows_of_a_batch_do_not_mix(config: ResUNetPPConfig) -> None:
    model, queries = network(config), query(2)
    mixture = sound(2, 1, 2000) * torch.tensor([1.0, 0.01])[:, None, None]
    together = model(mixture, queries)
    for row in range(2):
        alone = model(mixture[row : row + 1], queries[row])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-4)


@every_config
def test_everything_learns(config: ResUNetPPConfig) -> None:
    model = network(config).train()
    (model(sound(3, 1, 2000), query(3)) - 0.5 * sound(3, 1, 2000)).square().mean().backward()
    idle = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert idle == []


@pytest.mark.parametrize(
    ("listening", "tokens_matter", "pooled_matters"),
    [("tokens", True, False), ("pooled", False, True), ("both", True, True)],
)
@torch.inference_mode()
def test_it_listens_to_what_it_is_told_to(listening: Listening, tokens_matter: bool, pooled_matters: bool) -> None:
    words = Words(12, listening, 0, rest=True)
    base, other = query(), query(seed=3)
    plain, _ = words(base)
    assert tokens_matter != torch.equal(plain, words(Query(base.pooled, other.tokens, base.mask))[0])
    assert pooled_matters != torch.equal(plain, words(Query(other.pooled, base.tokens, base.mask))[0])
    # Without token vectors the pooled one is the only token, whatever is listened to; then comes the rest.
    alone, mask = words(Query(base.pooled))
    assert mask is None
    assert alone.shape == (1, 2, 12)
    torch.testing.assert_close(alone[:, 0], torch.nn.functional.layer_norm(base.pooled, (12,)))


@torch.inference_mode()
def test_a_single_token_is_heard_at_some_positions_more_than_at_others() -> None:
    model = network(replace(COMPACT, listening="pooled"))
    layer = model.encoder_attentions[0]
    x = torch.randn(1, 6, 4, 4, generator=torch.Generator().manual_seed(4))
    heard = layer(x, *model.words(query())) - x
    assert heard.std((2, 3)).max() > 1e-3


def by_hand(layer: MapQueriesText, x: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """One position and one head at a time, as the textbook has it."""
    asked = layer.norm(layer.query(x))
    key, value = layer.key_value(tokens).chunk(2, dim=-1)
    width = asked.shape[1] // layer.heads
    heard = torch.zeros_like(asked)
    for row, frame, bin_ in torch.cartesian_prod(*(torch.arange(n) for n in (x.shape[0], *x.shape[2:]))).tolist():
        for head in range(layer.heads):
            part = slice(head * width, (head + 1) * width)
            scores = key[row, :, part] @ asked[row, part, frame, bin_] / math.sqrt(width)
            weights = scores.masked_fill(~mask[row], -torch.inf).softmax(0)
            heard[row, part, frame, bin_] = weights @ value[row, :, part]
    return x + layer.out(heard)


@torch.no_grad()
def test_positions_ask_words(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    layer = awake(MapQueriesText(6, 12, 8, 2))
    assert isinstance(layer, MapQueriesText)
    x, asked = torch.randn(2, 6, 5, 3), query(2)
    assert asked.tokens is not None
    assert asked.mask is not None
    expected = by_hand(layer, x, asked.tokens, asked.mask)
    torch.testing.assert_close(layer(x, asked.tokens, asked.mask), expected, atol=1e-5, rtol=1e-4)
    # Some frames at a time, the last time fewer.
    monkeypatch.setattr(attention, "SPAN", 2 * 3 * 2)
    torch.testing.assert_close(layer(x, asked.tokens, asked.mask), expected, atol=1e-5, rtol=1e-4)
    with torch.enable_grad():
        torch.testing.assert_close(layer(x, asked.tokens, asked.mask), expected, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_words_ask_positions_and_steer_channels() -> None:
    torch.manual_seed(0)
    layer = awake(TextQueriesMap(6, 12, 8, 2))
    x, asked = torch.randn(2, 6, 5, 3), query(2)
    y = layer(x, asked.tokens, asked.mask)
    # The same scale and shift at all positions: two positions determine them for every other one.
    flat, out = x.flatten(2), y.flatten(2)
    scale = (out[..., 1] - out[..., 0]) / (flat[..., 1] - flat[..., 0])
    shift = out[..., 0] - scale * flat[..., 0]
    torch.testing.assert_close(out, flat * scale[..., None] + shift[..., None], atol=1e-4, rtol=1e-3)
    # They come from the whole map, in which no place is special.
    order = torch.randperm(15)
    moved = layer(flat[..., order].unflatten(2, (5, 3)), asked.tokens, asked.mask).flatten(2)
    torch.testing.assert_close(moved, out[..., order], atol=1e-5, rtol=1e-4)
    louder = x.clone()
    louder[:, :, 0, 0] += 3.0
    assert not torch.allclose(layer(louder, asked.tokens, asked.mask)[..., 1:, :], y[..., 1:, :], atol=1e-4)


def test_levels_are_scaled_over_each_clip_and_back() -> None:
    # 0, -20 and -40 dB beside a clip of one hundredth of it; -120 dB is under the range that is kept.
    magnitude = torch.tensor([1.0, 0.1, 0.01, 1e-6])[None, None, None] * torch.tensor([1.0, 0.01])[:, None, None, None]
    scaled, span = scale_levels(magnitude)
    assert span.flatten().tolist() == pytest.approx([80.0, 80.0])
    for row in scaled.flatten(1).tolist():
        assert row == pytest.approx([1.0, 0.75, 0.5, 0.0], abs=1e-5)
    half = level_gain(torch.full_like(scaled, 0.5), scaled, span)
    # Half of a scaled level of 1 is 40 of 80 dB.
    assert half[0].flatten().tolist() == pytest.approx([0.01, 10**-1.5, 0.1, 1.0], rel=1e-4)
    torch.testing.assert_close(level_gain(torch.ones_like(scaled), scaled, span), torch.ones_like(scaled))
    kept = magnitude * level_gain(torch.zeros_like(scaled), scaled, span)
    assert kept[0].flatten().tolist() == pytest.approx([1e-4, 1e-4, 1e-4, 1e-6], rel=1e-3)


@torch.inference_mode()
def test_with_clip_scaling_the_level_of_a_clip_does_not_matter() -> None:
    model, mixture = network(THESIS), sound(1, 1, 4000)
    torch.testing.assert_close(model(8 * mixture, query()), 8 * model(mixture, query()), atol=1e-4, rtol=1e-3)


@every_config
@torch.inference_mode()
def test_silence_stays_silence(config: ResUNetPPConfig) -> None:
    assert not network(config)(torch.zeros(1, 2, 2000), query()).any()


@pytest.mark.parametrize("kind", MASKS)
def test_every_mask_can_be_chosen(kind: MaskKind) -> None:
    model, mixture = network(replace(COMPACT, mask=kind)), sound(1, 1, 2000)
    spectrum = model.spectrum(mixture)
    with torch.inference_mode():
        maps = model.maps(MASKS[kind].features(spectrum, 0.3), query())
        target = model(mixture, query())
    assert maps.shape == (1, MASKS[kind].outputs, *spectrum.shape[2:])
    expected = model.spectrum.inverse(MASKS[kind].apply(maps, spectrum), 2000)
    torch.testing.assert_close(target, expected, atol=1e-6, rtol=1e-4)


@torch.inference_mode()
def test_the_mask_keeps_the_mixtures_phase() -> None:
    model, mixture = network(THESIS), sound(1, 1, 4000)
    with torch.no_grad():
        model.head.weight.zero_()
        assert model.head.bias is not None
        model.head.bias.fill_(20.0)
    torch.testing.assert_close(model(mixture, query()), mixture, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_a_strided_stem_leaves_half_the_positions() -> None:
    seen = {}
    for name, stem in {"plain": (1, 1), "strided": (2, 1)}.items():
        model = network(replace(THESIS, stem=stem))
        model.encoders[0].register_forward_hook(lambda _, inputs, __, name=name: seen.update({name: inputs[0].shape}))
        model(sound(1, 1, 64 * 63), query())
        assert model.config.stride == (8 * stem[0], 8)
    assert seen["plain"][2:] == (64, 64)
    assert seen["strided"][2:] == (32, 64)


@pytest.mark.parametrize("config", [ResUNetPPConfig(), *CONFIGS.values()])
def test_a_configuration_survives_json(config: ResUNetPPConfig) -> None:
    again = config_from_dict(json.loads(json.dumps(config_to_dict(config))))
    assert again == config
    assert hash(again) == hash(config)
    assert isinstance(build(THESIS), ResUNetPP)


@pytest.mark.parametrize(
    "change",
    [
        {"decoder": (8, 6)}, {"window": 132}, {"heads": 3}, {"bridge": 0}, {"dilations": ()}, {"mask": "complex"},
        {"magnitude_power": 0.3},
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(THESIS, **change)


@pytest.mark.parametrize(
    ("name", "kind", "largest"),
    [("resunetpp-compact", "resunetpp", 4_500_000), ("resunet-dprnn-compact", "resunet", 5_000_000)],
)
def test_the_shipped_recipes_are_small_enough_to_bundle(name: str, kind: str, largest: int) -> None:
    recipe = load_recipe(name)
    assert (recipe.name, recipe.model.kind, recipe.model.sample_rate) == (name, kind, 32000)
    with torch.device("meta"):
        model = build(recipe.model)
    assert sum(weight.numel() for weight in model.parameters()) <= largest


MEASURE = """
import sys, torch
from lass.models import ResUNetPPConfig, build
from lass.queries.query import Query
from tests.memory import peak_bytes

torch.set_num_threads(1)
model = build(ResUNetPPConfig(attention_direction=sys.argv[1])).eval()
query = Query(torch.randn(1, 768), torch.randn(1, 32, 768), torch.ones(1, 32, dtype=torch.bool))
mixture = 0.1 * torch.randn(1, 1, 15 * model.config.sample_rate)
before = peak_bytes()
with torch.inference_mode():
    assert torch.isfinite(model(mixture, query)).all()
print(peak_bytes() - before)
"""


@pytest.mark.skipif(not STATUS.exists(), reason="the system does not tell the peak of memory")
@pytest.mark.parametrize("direction", ["map-queries-text", "text-queries-map"])
def test_fifteen_seconds_at_full_size_fit_in_two_gibibytes(root: Path, direction: Direction) -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, direction], cwd=root, capture_output=True, text=True, timeout=280, check=False
    )
    assert run.returncode == 0, run.stderr
    assert 2**28 < int(run.stdout) < 2**31
