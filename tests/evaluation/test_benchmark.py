"""The benchmark's own arithmetic and output; no figure of it is expected to be large or small."""

import json
import math
import statistics
from pathlib import Path

import numpy as np
import pytest

from lass.checkpoints import catalogue
from lass.errors import LassError
from lass.evaluation import benchmark as module
from lass.evaluation.benchmark import benchmark
from lass.evaluation.variants import ARCHITECTURES, NumberedQueries, open_model
from lass.models import ResUNetConfig


def test_two_variants_are_compared_in_pairs(tiny_checkpoint: Path) -> None:
    result = benchmark(str(tiny_checkpoint), durations=(0.5, 1.0), repetitions=3, against="plain")
    assert [(one.audio_seconds, one.variant) for one in result.timings] == [
        (0.5, "float32"), (0.5, "plain"), (1.0, "float32"), (1.0, "plain"),
    ]  # fmt: skip
    for one in result.comparisons:
        assert (one.variant, one.against) == ("float32", "plain")
        assert len(one.ratios) == 3
        assert one.median == statistics.median(one.ratios) > 0
    own, plain = result.timings[:2]
    assert own.agreement_db is not None
    # What float32 rounds off in this network; measured: -125 dB.
    assert own.agreement_db < -115
    assert plain.agreement_db is not None
    assert plain.agreement_db < -200
    assert math.isclose(own.real_time_factor, own.steady / 0.5)
    table = result.to_table()
    assert "times as fast as plain" in table
    assert "GFLOP/s" in table
    again = json.loads(result.to_json())
    assert again["comparisons"][0]["median"] == result.comparisons[0].median
    assert again["calibration_gflops"] > 0


def test_one_variant_has_nothing_to_be_compared_with(tiny_checkpoint: Path) -> None:
    result = benchmark(str(tiny_checkpoint), durations=(0.5,), repetitions=1, against="float32")
    assert len(result.timings) == 1
    assert result.comparisons == ()


def test_the_fast_mode_is_refused_where_there_is_none(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "has_fast_bfloat16", lambda: False)
    with pytest.raises(LassError, match="bfloat16"):
        benchmark(str(tiny_checkpoint), variant="fast")


def test_an_architecture_can_be_timed_without_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    small = ResUNetConfig(sample_rate=8000, window=256, hop=80, channels=(4,), pooling=((2, 2),))
    monkeypatch.setitem(ARCHITECTURES, "resunet30-32k", small)
    separator = open_model("resunet30-32k", device="cpu", sample_rate=None, cache_dir=None)
    mixture = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)
    assert separator.separate(mixture, 8000, "rain").target.shape == mixture.shape
    assert not set(ARCHITECTURES) & set(catalogue.names())


def test_every_text_has_a_vector_of_its_own() -> None:
    pooled = NumberedQueries(16).encode(["rain", "a dog", "rain"]).pooled
    assert pooled.shape == (3, 16)
    assert (pooled[0] == pooled[2]).all()
    assert (pooled[0] != pooled[1]).any()
