"""What all tests share: no network, one thread, a seeded generator, the same examples on every machine."""

import os
from collections.abc import Iterator
from pathlib import Path

# Before anything imports torch, transformers, matplotlib or gradio: each reads its variables only once.
os.environ.update(
    GRADIO_ANALYTICS_ENABLED="False",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_OFFLINE="1",
    MPLBACKEND="Agg",
    NO_PROXY="127.0.0.1,localhost,::1",
    TOKENIZERS_PARALLELISM="false",
    TRANSFORMERS_OFFLINE="1",
    WANDB_MODE="disabled",
)
os.environ.setdefault("OMP_NUM_THREADS", "1")
for variable in [name for name in os.environ if name.startswith("LASS_")]:
    del os.environ[variable]

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from lass.checkpoints.catalogue import ModelEntry  # noqa: E402
from tests.network import Guard  # noqa: E402

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

guard_key = pytest.StashKey[Guard]()


def pytest_configure(config: pytest.Config) -> None:
    guard = config.stash[guard_key] = Guard()
    guard.install()


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[guard_key].remove()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process runs the whole of a file, for its fixtures, and one runs all browser tests: one server."""
    for item in items:
        browser = "browser" in item.path.parent.parts
        if browser:
            item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.xdist_group("browser" if browser else item.path.stem))


@pytest.fixture(scope="session", autouse=True)
def empty_hub_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A model that happens to lie in a developer's cache must not make a test pass."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hub")))
        patch.setenv("LASS_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(autouse=True)
def network(request: pytest.FixtureRequest) -> Iterator[Guard]:
    """Fails a test during which anything, however well it hid it, tried to reach another machine."""
    guard = request.config.stash[guard_key]
    yield guard
    attempts = guard.attempts.copy()
    guard.attempts.clear()
    if attempts:
        pytest.fail("tried to reach the network: " + "; ".join(attempts))


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that is the same for every test and every run."""
    return np.random.default_rng(20260101)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the project."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a few thousand untrained weights, in the project's own layout, that knows two sounds."""
    import torch

    from lass.checkpoints.bundled import save_bundled
    from lass.models import ResUNetConfig, build, config_to_dict
    from lass.queries import CompactEncoder
    from lass.queries.known import KnownSounds

    config = ResUNetConfig(
        sample_rate=16_000, window=256, hop=80, condition_size=384, channels=(4, 6), pooling=((2, 2), (2, 2)),
        magnitude_power=0.3, film="scale-shift", query_projection=8, vestigial=False,
    )  # fmt: skip
    torch.manual_seed(7)
    model = build(config)
    # A network that is about to learn lets everything through alike; this one is far from that. But not so far that
    # roundings decide: at twice the weights its maps reach 50,000, and plain float32 is only -90 dB from float64.
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.5)
    card = {
        "name": "tiny", "architecture": config.title, "config": config_to_dict(config), "encoder": "compact",
        "summary": "Learned nothing.", "licence": "MIT", "levels": (-40.0, -12.0),
    }  # fmt: skip
    labels = ("dog bark", "rain")
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    save_bundled(path, model, card, KnownSounds(labels, CompactEncoder().encode(labels).pooled, 0.5))
    return path


@pytest.fixture(scope="session")
def content() -> bytes:
    """A whole published checkpoint of tiny width, as the bytes of its file."""
    from tests.checkpoints.small import whole_file

    return whole_file()


@pytest.fixture
def entry(content: bytes, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """That checkpoint beside the real ones in the catalogue, with its true size and checksum."""
    from lass.checkpoints import catalogue
    from tests.checkpoints.small import stand_in

    entry = stand_in(content)
    monkeypatch.setattr(catalogue, "PUBLISHED", (*catalogue.PUBLISHED, entry))
    return entry
