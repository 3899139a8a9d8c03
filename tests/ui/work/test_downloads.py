"""Downloads begun from the page, with a server on this machine in place of the publisher's."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lass.checkpoints import ModelEntry, Store, catalogue
from lass.errors import Cancelled, ModelError
from lass.ui.parts import fragments
from lass.ui.words.texts import ENGLISH
from lass.ui.work import shelf
from lass.ui.work.downloads import Download, Downloads
from lass.ui.work.service import Limits, Outcome, Service
from tests.checkpoints.server import Server, serving
from tests.checkpoints.small import at_its_place, tokenizer_files
from tests.queries.small_clap import write_tokenizer
from tests.ui.small import recording

NAME = "stand-in"
PATIENCE = 30  # seconds until a download of two megabytes has to be over

Make = Callable[..., Service]


@pytest.fixture
def hub(entry: ModelEntry, content: bytes, tmp_path: Path) -> Iterator[Server]:
    with serving(at_its_place(entry.files[0], content) | tokenizer_files(tmp_path / "tokens")) as running:
        yield running


@pytest.fixture
def make(hub: Server, tmp_path: Path) -> Make:
    def build(*, allowed: bool = True, offline: bool = False) -> Service:
        cache = tmp_path / "cache"
        store = Store(cache, offline=offline, endpoints=hub.endpoints, attempts=1, retry_seconds=0.0)
        downloads = Downloads(store, lambda name: catalogue.parts(name, cache), allowed=allowed)
        models = shelf.catalogue(ENGLISH, device="cpu", cache_dir=cache, downloads=downloads)
        return Service(models, Limits(60, 20_000_000, 60), tmp_path / "scratch", ENGLISH)

    return build


def of(service: Service) -> Downloads:
    assert service.shelf.downloads is not None
    return service.shelf.downloads


def line(service: Service, name: str = NAME) -> str:
    return fragments.model_line(ENGLISH, service.shelf, service.shelf.entry(name))


def button(service: Service, name: str = NAME) -> str:
    offer = of(service).offer(name)
    return fragments.download_button(ENGLISH, offer) if offer is not None else ""


def finished(download: Download) -> Download:
    assert download.wait(PATIENCE)
    return download


def hold(hub: Server, content: bytes) -> None:
    """Half of the checkpoint, then nothing until the server is released."""
    hub.behaviour.cut_after, hub.behaviour.cuts, hub.behaviour.stall = len(content) // 2, 1, True


def test_a_downloaded_model_is_usable_at_once(make: Make, tmp_path: Path) -> None:
    service = make()
    assert "RoBERTa tokenizer (about 2.71 MB)" in line(service)
    assert button(service) == "Download (2.39 MB)"
    with pytest.raises(ModelError, match="press Download"):
        service.shelf.separator(NAME)
    download = finished(of(service).start(NAME))
    assert download.error is None
    assert download.done == download.total
    assert ENGLISH.model_downloaded in line(service)
    assert button(service) == ""
    *_, outcome = service.run(recording(tmp_path / "park.wav"), "rain", NAME)
    assert isinstance(outcome, Outcome)
    assert outcome.report["model"] == NAME


def test_of_one_model_there_is_one_download_and_everybody_may_watch_it(
    make: Make, hub: Server, content: bytes
) -> None:
    hold(hub, content)
    downloads = of(make())
    assert downloads.running(NAME) is None
    first = downloads.start(NAME)
    assert downloads.start(NAME) is first
    assert downloads.running(NAME) is first
    assert downloads.running("audiosep-32k") is None
    first.call_off()
    hub.behaviour.release.set()
    assert isinstance(finished(first).error, Cancelled)
    assert downloads.running(NAME) is None
    second = finished(downloads.start(NAME))
    assert second is not first
    assert second.error is None
    assert [asked for asked, _ in hub.behaviour.asked].count(hub.behaviour.asked[0][0]) == 2


def test_what_is_stopped_is_offered_for_the_rest_of_its_size(make: Make, hub: Server, content: bytes) -> None:
    hub.behaviour.cut_after, hub.behaviour.cuts = len(content) // 2, 1
    service = make()
    download = finished(of(service).start(NAME))
    assert "start it again" in service.sentence(download.error or Exception())
    assert button(service) == "Download the rest (1.2 MB)"


def test_the_words_of_a_download_follow_it(content: bytes) -> None:
    download = Download(NAME)
    assert ENGLISH.download_begins in fragments.download(ENGLISH, download)
    download.done, download.total = 312_000_000, 1_264_844_076
    html = fragments.download(ENGLISH, download)
    assert "312 MB of 1.26 GB" in html
    assert 'max="1264844076" value="312000000"' in html
    download.done = 1_264_844_076
    assert ENGLISH.download_checked in fragments.download(ENGLISH, download)
    download.call_off()
    assert ENGLISH.download_stops in fragments.download(ENGLISH, download)


def test_where_anybody_can_visit_nobody_fills_the_disk(make: Make, hub: Server) -> None:
    service = make(allowed=False)
    assert button(service) == ""
    assert "python -m lass download stand-in" in line(service)
    with pytest.raises(ModelError, match="lass download stand-in"):
        of(service).start(NAME)
    assert of(service).running(NAME) is None
    assert hub.behaviour.asked == []


def test_offline_the_way_by_hand_is_told_and_what_is_placed_is_noticed(
    make: Make, hub: Server, entry: ModelEntry, content: bytes
) -> None:
    service = make(offline=True)
    store = of(service).store
    assert button(service) == ""
    place = store.folder(entry) / "tiny.ckpt"
    assert f"place it as {place}" in line(service)
    assert "roberta-tokenizer is not here" in line(service)
    with pytest.raises(ModelError, match="place it as"):
        service.shelf.separator(NAME)
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    assert "still needs: RoBERTa tokenizer" in line(service)
    write_tokenizer(store.folder(catalogue.ROBERTA_TOKENIZER))
    assert ENGLISH.model_downloaded in line(service)
    assert "still needs" not in line(service)
    assert service.shelf.separator(NAME).name == NAME
    assert hub.behaviour.asked == []


def test_an_archive_placed_by_hand_is_offered_to_be_unpacked(make: Make) -> None:
    service = make(offline=True)
    entry = catalogue.find("audiosep-dp-32k")
    folder = of(service).store.folder(entry)
    folder.mkdir(parents=True)
    (folder / entry.files[0].published_name).write_bytes(np.random.default_rng(0).bytes(100))
    assert button(service, entry.name) == ENGLISH.unpack_model
    assert ENGLISH.model_packed in line(service, entry.name)
    assert isinstance(finished(of(service).start(entry.name)).error, ModelError)


def test_a_bundled_model_has_nothing_to_offer(make: Make) -> None:
    service = make()
    assert of(service).missing("resunet-compact") == []
    assert button(service, "resunet-compact") == ""
    assert "licence: MIT" in line(service, "resunet-compact")


def test_an_ensemble_is_offered_with_all_its_members(make: Make) -> None:
    service = make()
    assert button(service, "audiosep-ensemble") == "Download (about 4.06 GB)"
    missing = [part.name for part in of(service).missing("audiosep-ensemble")]
    assert missing == ["audiosep-dp-32k", "audiosep-32k", "dcase2024-baseline-16k", "roberta-tokenizer"]


@pytest.mark.parametrize(
    ("served_at", "variables", "allowed"),
    [
        ("127.0.0.1", {}, True),
        ("localhost", {}, True),
        ("0.0.0.0", {}, False),
        ("192.168.1.4", {}, False),
        ("127.0.0.1", {"GRADIO_SHARE": "True"}, False),
        ("127.0.0.1", {"GRADIO_ROOT_PATH": "/lass"}, False),
        ("127.0.0.1", {"SPACE_ID": "someone/lass"}, False),
    ],
)
def test_only_at_home_the_page_downloads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, served_at: str, variables: dict[str, str], allowed: bool
) -> None:
    from lass.settings import Settings
    from lass.ui import application

    monkeypatch.setattr(application, "LOCALHOST_NAME", served_at)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert of(application.service_for(Settings(data_dir=tmp_path))).allowed is allowed
