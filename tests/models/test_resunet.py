"""ResUNet: its size, what it accepts, and that the query steers it. Its numbers are guarded by test_golden."""

import json
from dataclasses import replace

import pytest
import torch

from lass.models import DualPathConfig, ResUNet, ResUNetConfig, build, config_from_dict, config_to_dict
from lass.models.masks import MASKS, MaskKind
from lass.queries.query import Query

SMALL = ResUNetConfig(
    sample_rate=8000, window=256, hop=80, condition_size=8, channels=(4, 6), pooling=((2, 2), (1, 2)), vestigial=False
)
COMPACT = replace(SMALL, stem=(2, 4), magnitude_power=0.3, film="scale-shift", query_projection=4)
WITH_PATH = replace(SMALL, dual_path=DualPathConfig(layers=1, hidden=3))
CONFIGS = {"published": SMALL, "compact": COMPACT, "dual path": WITH_PATH}


def network(config: ResUNetConfig) -> ResUNet:
    torch.manual_seed(0)
    model = ResUNet(config).eval()
    # Statistics and biases as a trained network has them: fresh ones hide mistakes.
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
            elif value.ndim == 1 and value.is_floating_point() and not name.endswith("hann"):
                value.add_(0.1 * torch.randn_like(value))
    return model


def sound(*shape: int) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def query(batch: int = 1, size: int = 8, seed: int = 2) -> Query:
    return Query(torch.randn(batch, size, generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize(("window", "hop", "parameters"), [(2048, 320, 26_447_941), (1024, 160, 26_446_917)])
def test_the_published_networks_have_their_published_size(window: int, hop: int, parameters: int) -> None:
    with torch.device("meta"):
        model = ResUNet(ResUNetConfig(window=window, hop=hop))
    assert sum(weight.numel() for weight in model.parameters() if weight.requires_grad) == parameters


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("samples", [400, 1, 127, 128, 129, 3999, 4000, 4001])
@torch.inference_mode()
def test_the_target_has_the_mixtures_length(config: ResUNetConfig, samples: int) -> None:
    mixture = sound(2, 1, samples)
    target = network(config)(mixture, query(2))
    assert target.shape == mixture.shape
    assert torch.isfinite(target).all()


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@torch.inference_mode()
def test_equal_channels_give_what_one_gives(config: ResUNetConfig) -> None:
    model, mixture = network(config), sound(1, 1, 2000)
    stereo = model(mixture.expand(1, 2, -1), query())
    torch.testing.assert_close(stereo, model(mixture, query()).expand(1, 2, -1), atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_channels_of_opposite_sign_do_not_cancel() -> None:
    model, mixture = network(SMALL), sound(1, 1, 2000)
    mono = model(mixture, query())
    assert mono.square().mean() > 1e-3 * mixture.square().mean()
    stereo = model(torch.cat([mixture, -mixture], dim=1), query())
    torch.testing.assert_close(stereo, torch.cat([mono, -mono], dim=1), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@torch.inference_mode()
def test_another_query_gives_another_target(config: ResUNetConfig) -> None:
    model, mixture = network(config), sound(1, 1, 2000)
    first, again, other = model(mixture, query()), model(mixture, query()), model(mixture, query(seed=3))
    assert torch.equal(first, again)
    # A small projection steers a fresh network little, but far above rounding.
    assert (first - other).square().mean() > 1e-7 * first.square().mean()


@torch.inference_mode()
def test_rows_of_a_batch_do_not_mix() -> None:
    model, mixture, queries = network(WITH_PATH), sound(2, 1, 2000), query(2)
    together = model(mixture, queries)
    for row in range(2):
        alone = model(mixture[row : row + 1], queries[row])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_everything_learns(config: ResUNetConfig) -> None:
    model = network(config).train()
    (model(sound(3, 1, 2000), query(3)) - 0.5 * sound(3, 1, 2000)).square().mean().backward()
    idle = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert idle == []


def test_what_only_published_files_carry_stays_idle() -> None:
    model = network(replace(SMALL, vestigial=True)).train()
    model(sound(3, 1, 2000), query(3)).square().mean().backward()
    idle = {name for name, weight in model.named_parameters() if weight.grad is None}
    expected = {f"base.decoder_block{n}.bn2.{kind}" for n in (1, 2) for kind in ("weight", "bias")}
    expected |= {f"film.decoder_block{n}->beta2.{kind}" for n in (1, 2) for kind in ("weight", "bias")}
    # FiLM computes every shift, the idle ones too; nothing looks at those.
    assert idle == expected


@pytest.mark.parametrize("kind", MASKS)
def test_every_mask_can_be_chosen(kind: MaskKind) -> None:
    model, mixture = network(replace(SMALL, mask=kind)), sound(1, 1, 2000)
    spectrum = model.spectrum(mixture)
    with torch.inference_mode():
        maps = model.maps(spectrum, query())
        target = model(mixture, query())
    assert maps.shape[1] == MASKS[kind].outputs
    expected = model.spectrum.inverse(MASKS[kind].apply(maps, spectrum), 2000)
    torch.testing.assert_close(target, expected, atol=1e-6, rtol=1e-4)


@torch.inference_mode()
def test_a_strided_stem_leaves_half_the_positions() -> None:
    seen = {}
    for name, stem in {"plain": (1, 1), "strided": (2, 1)}.items():
        model = network(replace(SMALL, stem=stem))
        block = model.base.get_submodule("encoder_block1")
        block.register_forward_hook(lambda _, inputs, __, name=name: seen.update({name: inputs[0].shape}))
        model(sound(1, 1, 80 * 63), query())
        assert model.config.stride == (2 * stem[0], 4)
    assert seen["plain"][2:] == (64, 128)
    assert seen["strided"][2:] == (32, 128)


@pytest.mark.parametrize("config", [ResUNetConfig(), *CONFIGS.values()])
def test_a_configuration_survives_json(config: ResUNetConfig) -> None:
    again = config_from_dict(json.loads(json.dumps(config_to_dict(config))))
    assert again == config
    assert hash(again) == hash(config)
    assert isinstance(build(replace(SMALL, dual_path=again.dual_path)), ResUNet)


def test_the_kind_may_be_left_out_and_nothing_else_may_be_made_up() -> None:
    assert config_from_dict({"window": 1024}) == ResUNetConfig(window=1024)
    with pytest.raises(ValueError, match="windows"):
        config_from_dict({"windows": 1024})
    with pytest.raises(ValueError, match="transformer"):
        config_from_dict({"kind": "transformer"})


@pytest.mark.parametrize("change", [{"channels": (4,)}, {"window": 250}, {"hop": 0}, {"sample_rate": 8000.5}])
def test_values_that_do_not_fit_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(SMALL, **change)
