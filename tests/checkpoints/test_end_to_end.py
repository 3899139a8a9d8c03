"""A published checkpoint from the server to the separated sound, and every way in which that goes wrong."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import lass
from lass.checkpoints import ModelEntry, Store, catalogue
from lass.checkpoints.fetching import cost, fetch
from lass.errors import Cancelled, ModelError
from lass.models import DualPathConfig, ResUNetConfig
from tests.checkpoints.server import Server, serving
from tests.checkpoints.small import CHANNELS, TINY, at_its_place, tokenizer_files, whole_file
from tests.queries.small_clap import write_tokenizer

NAME = "stand-in"


@pytest.fixture
def server(entry: ModelEntry, content: bytes, tmp_path: Path) -> Iterator[Server]:
    with serving(at_its_place(entry.files[0], content) | tokenizer_files(tmp_path / "tokens")) as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def make(cache: Path, server: Server) -> Callable[..., Store]:
    def build(**given: object) -> Store:
        settings = {"offline": False, "attempts": 1, "retry_seconds": 0.0, "endpoints": server.endpoints}
        return Store(cache, **{**settings, **given})  # type: ignore[arg-type]

    return build


def assert_it_separates(cache: Path, name: str = NAME) -> None:
    separator = lass.load_separator(name, cache_dir=cache)
    mixture = 0.1 * np.random.default_rng(0).standard_normal((2, 22_050)).astype(np.float32)
    dog, rain = (separator.separate(mixture, 22_050, query) for query in ("a dog barking", "rain"))
    np.testing.assert_allclose(dog.target + dog.residual, mixture, atol=1e-6)
    assert dog.model == name
    assert np.abs(dog.target).max() > 1e-4
    assert not np.allclose(dog.target, rain.target, atol=1e-7)


def refused(action: Callable[[], object]) -> str:
    with pytest.raises(ModelError) as caught:
        action()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_what_is_downloaded_loads_by_its_name_and_separates(
    make: Callable[..., Store], cache: Path, server: Server
) -> None:
    store, seen = make(), []
    parts = catalogue.parts(NAME, cache)
    paths = fetch(store, parts, lambda done, total: seen.append((done, total)))
    assert list(paths) == [NAME, "roberta-tokenizer"]
    assert seen[0][0] == 0
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (sum(server.behaviour.sent), sum(server.behaviour.sent))
    assert cost(store, parts) == 0
    assert catalogue.find(NAME, cache).state == "downloaded"
    asked = len(server.behaviour.asked)
    assert fetch(store, parts) == paths
    assert len(server.behaviour.asked) == asked
    assert_it_separates(cache)


def test_an_interruption_in_the_middle_is_gone_on_from(
    make: Callable[..., Store], cache: Path, server: Server, content: bytes
) -> None:
    half = len(content) // 2
    server.behaviour.cut_after, server.behaviour.cuts = half, 1
    parts = catalogue.parts(NAME, cache)
    assert "start it again" in refused(lambda: fetch(make(), parts))
    assert catalogue.find(NAME, cache).state == "to download"
    assert "not here yet" in refused(lambda: lass.load_separator(NAME, cache_dir=cache))
    held = len(content) - (make().cost(parts[0]) or 0)
    assert 0 < held <= half
    server.behaviour.sent.clear()
    seen: list[int] = []
    fetch(make(), parts, lambda done, total: seen.append(done))
    assert server.behaviour.sent[0] == len(content) - held
    assert seen[0] == held
    assert_it_separates(cache)


def test_a_download_that_is_called_off_is_gone_on_from(make: Callable[..., Store], cache: Path) -> None:
    parts, seen = catalogue.parts(NAME, cache), []
    with pytest.raises(Cancelled):
        fetch(make(), parts, lambda done, total: seen.append(done), lambda: any(seen))
    assert catalogue.find(NAME, cache).state == "to download"
    fetch(make(), parts)
    assert_it_separates(cache)


def test_a_wrong_checksum_leaves_nothing_behind(
    make: Callable[..., Store], cache: Path, server: Server, entry: ModelEntry, content: bytes
) -> None:
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    server.behaviour.files |= at_its_place(entry.files[0], changed)
    parts = catalogue.parts(NAME, cache)
    assert "damaged" in refused(lambda: fetch(make(), parts))
    assert not list(cache.rglob("*.ckpt*"))
    assert "not here yet" in refused(lambda: lass.load_separator(NAME, cache_dir=cache))
    server.behaviour.files |= at_its_place(entry.files[0], content)
    fetch(make(), parts)
    assert_it_separates(cache)


def test_a_full_disk_is_told_before_anything_is_asked(make: Callable[..., Store], cache: Path, server: Server) -> None:
    store = make(disk_usage=lambda folder: (10**9, 10**9 - 10**6, 10**6))
    assert "free some room" in refused(lambda: fetch(store, catalogue.parts(NAME, cache)))
    assert server.behaviour.asked == []


def place(told: str, content: bytes) -> None:
    """Do what a sentence says: `… and place it as PATH …`."""
    path = Path(told.split(" place it as ")[1].removesuffix(".").removesuffix(", if you can still find it"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("reason", ["missing", "offline"])
def test_what_cannot_be_downloaded_can_be_placed_by_hand(
    make: Callable[..., Store], cache: Path, server: Server, entry: ModelEntry, content: bytes, reason: str
) -> None:
    server.behaviour.files.clear()
    told = refused(lambda: fetch(make(offline=reason == "offline"), catalogue.parts(NAME, cache)))
    assert "https://huggingface.co/spaces/owner/space/resolve/main/checkpoint/tiny.ckpt" in told
    assert ("switched off" if reason == "offline" else "no longer") in told
    assert bool(server.behaviour.asked) == (reason == "missing")
    place(told, content)
    write_tokenizer(cache / "roberta-tokenizer")
    assert catalogue.find(NAME, cache).state == "downloaded"
    assert_it_separates(cache)


def test_another_file_placed_by_hand_is_refused_by_its_checksum(cache: Path, entry: ModelEntry, content: bytes) -> None:
    path = cache / NAME / "tiny.ckpt"
    path.parent.mkdir(parents=True)
    path.write_bytes(content[:-1] + b"x")
    assert "not the published file" in refused(lambda: lass.load_separator(NAME, cache_dir=cache))
    assert path.exists()
    assert catalogue.find(NAME, cache).state == "to download"


PUBLISHED = {
    "audiosep-hive-32k": ResUNetConfig(channels=CHANNELS),
    "dcase2024-baseline-16k": TINY,
    "audiosep-dp-32k": ResUNetConfig(channels=CHANNELS, dual_path=DualPathConfig()),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_real_entries_come_from_their_own_addresses(
    make: Callable[..., Store], cache: Path, server: Server, name: str
) -> None:
    """Those whose publishers state no checksum, so that a tiny file can take the place of the large one."""
    file, body = catalogue.find(name).files[0], whole_file(PUBLISHED[name])
    if file.member is not None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("deep/epoch=3-sdr=8.2.ckpt", body)
        body = buffer.getvalue()
    server.behaviour.files |= at_its_place(file, body)
    if file.kind == "zenodo":
        server.behaviour.tag = f'"md5:{hashlib.md5(body).hexdigest()}"'
        wrong = f'"md5:{"0" * 32}"'
        server.behaviour.tag, right = wrong, server.behaviour.tag
        assert "damaged" in refused(lambda: make().download(catalogue.find(name)))
        server.behaviour.tag = right
    make().download(catalogue.find(name))
    server.behaviour.tag = None
    fetch(make(), catalogue.parts(name, cache))
    assert lass.load_separator(name, cache_dir=cache).sample_rate == catalogue.find(name).sample_rate
    assert_it_separates(cache, name)
