"""Downloads against a real server on this machine that cuts, stalls, lies and refuses when told to."""

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lass.checkpoints.catalogue import Companion, find
from lass.checkpoints.remote import Endpoints, RemoteFile
from lass.checkpoints.store import Store
from lass.errors import Cancelled, ModelError
from tests.checkpoints.server import Server, serving

PAYLOAD = np.random.default_rng(1).bytes(3_000_000)
SHA256 = hashlib.sha256(PAYLOAD).hexdigest()
PUBLISHED = "/owner/repo/resolve/main/weights/model.ckpt"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({PUBLISHED: PAYLOAD}) as running:
        yield running


@pytest.fixture
def make(tmp_path: Path, server: Server) -> Callable[..., Store]:
    def build(**given: object) -> Store:
        settings: dict[str, object] = {
            "offline": False,
            "attempts": 1,
            "retry_seconds": 0.0,
            "stall_seconds": 10.0,
        }
        settings["endpoints"] = server.endpoints
        return Store(tmp_path / "cache", **{**settings, **given})  # type: ignore[arg-type]

    return build


def item(*files: RemoteFile, name: str = "tiny") -> Companion:
    return Companion(name, "Tiny", "MIT", "For tests.", "https://example.org", files)


def weights(sha256: str | None = SHA256, size_bytes: int | None = len(PAYLOAD)) -> Companion:
    return item(RemoteFile("hf-model", "owner/repo", "weights/model.ckpt", size_bytes=size_bytes, sha256=sha256))


def packed(server: Server, archive: bytes, sha256: str | None = SHA256) -> Companion:
    server.behaviour.files["/records/77/files/all.zip?download=1"] = archive
    return item(
        RemoteFile("zenodo", "77", "all.zip", sha256=sha256, member="*.ckpt", saved_as="inside.ckpt", about_bytes=9)
    )


def zipped(members: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def leftovers(store: Store, thing: Companion) -> set[str]:
    """What lies in the thing's folder beside the files that are its own."""
    own = {file.name for file in thing.files} | {f"{file.name}.checked.json" for file in thing.files} | {".lock"}
    return {path.name for path in store.folder(thing).iterdir()} - own


def test_a_download_arrives_whole_with_progress_and_is_not_fetched_twice(
    make: Callable[..., Store], server: Server
) -> None:
    store, seen = make(), []
    assert not store.is_here(weights())
    assert store.cost(weights()) == len(PAYLOAD)
    path = store.download(weights(), lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == PAYLOAD
    assert store.is_here(weights())
    assert store.cost(weights()) == 0
    assert seen[0] == (0, len(PAYLOAD))
    assert seen[-1] == (len(PAYLOAD), len(PAYLOAD))
    assert seen == sorted(seen)
    assert store.download(weights()) == store.locate(weights()) == path
    assert len(server.behaviour.asked) == 1
    assert leftovers(store, weights()) == set()


def test_an_interrupted_download_goes_on_where_it_stopped(make: Callable[..., Store], server: Server) -> None:
    server.behaviour.cut_after, server.behaviour.cuts = 1_000_000, 1
    store = make()
    with pytest.raises(ModelError, match="start it again"):
        store.download(weights())
    assert not store.path(weights()).exists()
    assert not store.is_here(weights())
    held = (store.folder(weights()) / "model.ckpt.partial").stat().st_size
    assert 0 < held <= 1_000_000
    seen: list[int] = []
    path = store.download(weights(), lambda done, total: seen.append(done))
    assert path.read_bytes() == PAYLOAD
    assert server.behaviour.asked[-1] == (PUBLISHED, f"bytes={held}-")
    assert server.behaviour.sent[-1] == len(PAYLOAD) - held
    assert seen[0] == held


def test_a_shaky_connection_is_tried_again_by_itself(make: Callable[..., Store], server: Server) -> None:
    server.behaviour.cut_after, server.behaviour.cuts = 500_000, 4
    assert make(attempts=2).download(weights()).read_bytes() == PAYLOAD
    assert len(server.behaviour.asked) == 5


def test_a_server_that_brings_nothing_new_is_given_up(make: Callable[..., Store], server: Server) -> None:
    server.behaviour.status = 503
    with pytest.raises(ModelError, match="busy"):
        make(attempts=3).download(weights())
    assert len(server.behaviour.asked) == 3


@pytest.mark.parametrize("change", ["no ranges", "wrong range", "new version", "longer version", "no tag"])
def test_a_partial_file_that_cannot_be_continued_starts_again(
    make: Callable[..., Store], server: Server, change: str
) -> None:
    thing = weights(sha256=None, size_bytes=None)
    server.behaviour.tag = "" if change == "no tag" else None
    server.behaviour.cut_after, server.behaviour.cuts = 1_000_000, 1
    with pytest.raises(ModelError):
        make().download(thing)
    changed = {"new version": PAYLOAD[::-1], "longer version": b"more" + PAYLOAD, "no tag": PAYLOAD[::-1]}
    expected = changed.get(change, PAYLOAD)
    server.behaviour.files[PUBLISHED] = expected
    server.behaviour.ranges = change != "no ranges"
    server.behaviour.shift = 1000 if change == "wrong range" else 0
    if change == "longer version":
        server.behaviour.tag = f'"{hashlib.sha1(PAYLOAD).hexdigest()}"'
    assert make().download(thing).read_bytes() == expected


def test_a_partial_file_longer_than_the_published_one_starts_again(make: Callable[..., Store], server: Server) -> None:
    server.behaviour.cut_after, server.behaviour.cuts = 1_000_000, 1
    with pytest.raises(ModelError):
        make().download(weights())
    with (make().folder(weights()) / "model.ckpt.partial").open("ab") as partial:
        partial.write(bytes(len(PAYLOAD)))
    assert make().download(weights()).read_bytes() == PAYLOAD


@pytest.mark.parametrize("told_by", ["catalogue", "hugging face", "zenodo"])
def test_a_wrong_checksum_removes_the_file(make: Callable[..., Store], server: Server, told_by: str) -> None:
    thing = weights() if told_by == "catalogue" else weights(sha256=None, size_bytes=None)
    if told_by == "hugging face":
        server.behaviour.extra = {"X-Linked-Etag": f'"{SHA256}"'}
    elif told_by == "zenodo":
        server.behaviour.tag = f'"md5:{hashlib.md5(PAYLOAD).hexdigest()}"'
    server.behaviour.files[PUBLISHED] = b"x" + PAYLOAD[1:]
    with pytest.raises(ModelError, match="damaged"):
        make().download(thing)
    assert leftovers(make(), thing) == set()
    assert not make().path(thing).exists()
    server.behaviour.files[PUBLISHED] = PAYLOAD
    assert make().download(thing).read_bytes() == PAYLOAD


def test_another_size_or_version_is_refused_before_anything_is_fetched(
    make: Callable[..., Store], server: Server
) -> None:
    server.behaviour.files[PUBLISHED] = PAYLOAD + b"more"
    with pytest.raises(ModelError, match="instead of the published 3,000,000"):
        make().download(weights())
    server.behaviour.files[PUBLISHED] = PAYLOAD
    server.behaviour.extra = {"X-Linked-Etag": f'"{"0" * 64}"'}
    with pytest.raises(ModelError, match="another version"):
        make().download(weights())
    assert leftovers(make(), weights()) == set()


def test_a_server_that_tells_no_length_is_refused_unless_the_result_can_be_checked(
    make: Callable[..., Store], server: Server
) -> None:
    server.behaviour.length = False
    with pytest.raises(ModelError, match="how long"):
        make().download(weights(sha256=None, size_bytes=None))
    assert make().download(weights()).read_bytes() == PAYLOAD


def test_an_end_without_a_stated_length_is_measured_against_the_published_size(
    make: Callable[..., Store], server: Server
) -> None:
    server.behaviour.length = False
    server.behaviour.cut_after, server.behaviour.cuts = 1_000_000, 1
    with pytest.raises(ModelError, match="broke off at 1 MB of 3 MB"):
        make().download(weights())
    assert make().download(weights()).read_bytes() == PAYLOAD
    assert server.behaviour.asked[-1][1] == "bytes=1000000-"


def test_a_full_disk_is_noticed_before_the_start(make: Callable[..., Store], server: Server) -> None:
    store = make(disk_usage=lambda folder: (10**12, 10**12 - 10**6, 10**6))
    with pytest.raises(ModelError, match=r"needs 3 MB more .* free some room"):
        store.download(weights())
    assert server.behaviour.asked == []
    # A size only the server knows is noticed before the first byte is written.
    with pytest.raises(ModelError, match="needs 3 MB more"):
        store.download(weights(sha256=None, size_bytes=None))
    assert leftovers(store, weights()) == set()


def test_a_disk_that_fills_while_writing_keeps_what_is_there(make: Callable[..., Store], server: Server) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(ModelError, match="could not be stored"):
            make().download(weights())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not make().path(weights()).exists()
    assert make().download(weights()).read_bytes() == PAYLOAD
    assert server.behaviour.asked[-1][1] == "bytes=1000000-"


def test_a_folder_that_cannot_be_made_ends_in_a_sentence(make: Callable[..., Store]) -> None:
    folder = make().folder(weights())
    folder.parent.mkdir()
    folder.write_bytes(b"a file where the folder should be")
    with pytest.raises(ModelError, match="could not be stored"):
        make().download(weights())


def test_a_bundled_checkpoint_needs_no_download(make: Callable[..., Store], server: Server, tmp_path: Path) -> None:
    asset = tmp_path / "model.safetensors"
    bundled = replace(find("audiosep-32k"), files=(), asset=asset)
    with pytest.raises(ModelError, match="missing"):
        make().download(bundled)
    asset.write_bytes(b"-")
    assert make().download(bundled) == make().locate(bundled) == asset
    assert make().cost(bundled) == 0
    assert server.behaviour.asked == []


@pytest.mark.parametrize(("status", "words"), [(404, "no longer"), (403, "not allow"), (500, "busy"), (418, "418")])
def test_a_refusal_is_one_sentence_that_tells_the_way_by_hand(
    make: Callable[..., Store], server: Server, status: int, words: str
) -> None:
    server.behaviour.status = status
    with pytest.raises(ModelError, match=words) as caught:
        make().download(weights())
    text = str(caught.value)
    assert "https://huggingface.co/owner/repo/resolve/main/weights/model.ckpt" in text
    assert str(make().path(weights())) in text
    assert text.count(". ") == 0
    assert text.endswith(".")


def test_a_server_that_stalls_or_is_absent_ends_in_a_sentence(make: Callable[..., Store], server: Server) -> None:
    server.behaviour.stall = True
    server.behaviour.cut_after, server.behaviour.cuts = 1_000_000, 1
    with pytest.raises(ModelError, match="stalled"):
        make(stall_seconds=0.3).download(weights())
    absent = Endpoints(hugging_face="http://127.0.0.1:9", loopback_http=True)
    with pytest.raises(ModelError, match="broke off"):
        make(endpoints=absent).download(weights())


def test_offline_nothing_is_asked_and_the_place_that_is_told_is_found(
    make: Callable[..., Store], server: Server
) -> None:
    store = make(offline=True)
    with pytest.raises(ModelError, match="switched off") as caught:
        store.download(weights())
    told = Path(str(caught.value).rsplit(" as ", 1)[1].removesuffix("."))
    told.parent.mkdir(parents=True, exist_ok=True)
    told.write_bytes(PAYLOAD)
    assert store.is_here(weights())
    assert store.download(weights()) == told
    assert store.locate(weights()) == told
    assert server.behaviour.asked == []


def test_a_file_placed_by_hand_is_hashed_once_and_again_only_when_it_changed(
    make: Callable[..., Store],
) -> None:
    store, hashed = make(offline=True), []
    path = store.path(weights())
    path.parent.mkdir(parents=True)
    path.write_bytes(PAYLOAD)
    for _ in range(3):
        store.locate(weights(), progress=lambda done, total: hashed.append(done))
    assert hashed[-1] == len(PAYLOAD)
    assert hashed.count(len(PAYLOAD)) == 1
    path.write_bytes(b"x" + PAYLOAD[1:])
    with pytest.raises(ModelError, match="not the published file"):
        store.locate(weights())
    assert not store.is_here(weights())
    assert path.exists()


def test_a_wrong_file_placed_by_hand_gives_way_to_a_download_but_is_kept(make: Callable[..., Store]) -> None:
    store = make()
    path = store.path(weights())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" + PAYLOAD[1:])
    assert store.download(weights()).read_bytes() == PAYLOAD
    assert path.with_name("model.ckpt.set-aside-1").read_bytes() == b"x" + PAYLOAD[1:]


def test_what_is_not_here_names_the_command_and_the_cost(make: Callable[..., Store]) -> None:
    with pytest.raises(ModelError, match=r"\(3 MB\) with: python -m lass download tiny"):
        make().locate(weights())


def test_cancel_between_blocks_keeps_what_is_here(make: Callable[..., Store], server: Server) -> None:
    store, seen = make(), []

    def cancelled() -> bool:
        seen.append(1)
        return len(seen) > 3

    with pytest.raises(Cancelled, match="stopped"):
        store.download(weights(), cancelled=cancelled)
    held = (store.folder(weights()) / "model.ckpt.partial").stat().st_size
    assert 0 < held < len(PAYLOAD)
    assert store.download(weights()).read_bytes() == PAYLOAD
    assert server.behaviour.asked[-1][1] == f"bytes={held}-"


def test_a_download_stopped_while_it_is_checked_is_not_fetched_again(
    make: Callable[..., Store], server: Server
) -> None:
    store = make()
    partial = store.folder(weights()) / "model.ckpt.partial"

    def complete() -> bool:
        return partial.is_file() and partial.stat().st_size == len(PAYLOAD)

    with pytest.raises(Cancelled):
        store.download(weights(), cancelled=complete)
    assert store.download(weights()).read_bytes() == PAYLOAD
    assert len(server.behaviour.asked) == 1


def test_two_downloads_at_once_fetch_it_once(make: Callable[..., Store], server: Server) -> None:
    results: list[bytes] = []

    def fetch() -> None:
        results.append(make().download(weights()).read_bytes())

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [PAYLOAD] * 4
    assert len(server.behaviour.asked) == 1


def test_waiting_for_another_download_can_be_cancelled(make: Callable[..., Store]) -> None:
    from filelock import FileLock

    folder = make().folder(weights())
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"), pytest.raises(Cancelled):
        make().download(weights(), cancelled=lambda: True)


def test_spaces_and_records_are_asked_at_their_own_addresses(server: Server) -> None:
    endpoints = Endpoints(hugging_face="https://mirror.example/", zenodo="https://zenodo.org")
    space, record = find("audiosep-32k").files[0], find("dcase2024-baseline-16k").files[0]
    assert endpoints.url(space) == (
        "https://mirror.example/spaces/Audio-AGI/AudioSep/resolve/main/checkpoint/audiosep_base_4M_steps.ckpt"
    )
    assert endpoints.url(record) == (
        "https://zenodo.org/records/10887460/files/audiosep_16k%2Cbaseline%2Cstep%3D200000.ckpt?download=1"
    )


def test_redirects_are_followed_only_to_allowed_addresses(make: Callable[..., Store], server: Server) -> None:
    server.behaviour.redirects = {PUBLISHED: "/storage/abc"}
    server.behaviour.files["/storage/abc"] = PAYLOAD
    server.behaviour.extra = {"X-Linked-Etag": f'"{SHA256}"', "X-Linked-Size": str(len(PAYLOAD))}
    assert make().download(weights()).read_bytes() == PAYLOAD
    elsewhere = item(*weights().files, name="elsewhere")
    for target in ("http://example.org/x", "file:///etc/passwd", "ftp://example.org/x"):
        server.behaviour.redirects = {PUBLISHED: target}
        with pytest.raises(ModelError, match="only https"):
            make().download(elsewhere)
    server.behaviour.redirects = {PUBLISHED: PUBLISHED}
    with pytest.raises(ModelError, match="without end"):
        make().download(elsewhere)


def test_the_token_goes_to_its_own_host_only(make: Callable[..., Store], server: Server) -> None:
    port = server.server_address[1]
    server.behaviour.redirects = {PUBLISHED: f"http://localhost:{port}/storage/abc"}
    server.behaviour.files["/storage/abc"] = PAYLOAD
    make(token="hf_secret").download(weights())
    assert server.behaviour.tokens == ["Bearer hf_secret", None]


@pytest.mark.parametrize("endpoint", ["http://huggingface.co", "file:///etc", "http://127.0.0.1:1", "https://[", ""])
def test_addresses_that_are_not_https_are_refused(tmp_path: Path, endpoint: str) -> None:
    store = Store(tmp_path, offline=False, endpoints=Endpoints(hugging_face=endpoint))
    with pytest.raises(ModelError, match="HF_ENDPOINT"):
        store.download(weights())


def test_one_file_of_an_archive_is_unpacked_and_the_archive_removed(make: Callable[..., Store], server: Server) -> None:
    members = {
        "deep/model-epoch=01.ckpt": PAYLOAD,
        "deep/notes.txt": b"-",
        "__MACOSX/deep/._model.ckpt": b"-",
    }
    thing = packed(server, zipped(members))
    path = make().download(thing)
    assert path.name == "inside.ckpt"
    assert path.read_bytes() == PAYLOAD
    assert leftovers(make(), thing) == set()


def test_an_archive_placed_by_hand_is_unpacked_offline_and_kept(make: Callable[..., Store], server: Server) -> None:
    thing, store = packed(server, zipped({"model.ckpt": PAYLOAD})), make(offline=True)
    with pytest.raises(ModelError, match="still packed, as") as caught:
        store.locate(thing)
    told = Path(str(caught.value).rsplit(" as ", 1)[1].removesuffix("."))
    told.parent.mkdir(parents=True)
    told.write_bytes(zipped({"model.ckpt": PAYLOAD}))
    assert store.locate(thing).read_bytes() == PAYLOAD
    assert told.exists()
    assert server.behaviour.asked == []


def test_an_archive_with_tricks_is_refused(make: Callable[..., Store], server: Server, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.ckpt")
    link.external_attr = 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    bomb = zipped({"bomb.ckpt": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    cases = {
        "outside": (zipped({"../escaped.ckpt": PAYLOAD}), "outside itself"),
        "absolute": (zipped({"/tmp/escaped.ckpt": PAYLOAD}), "outside itself"),
        "symlink": (buffer.getvalue(), "not a plain file"),
        "bomb": (bomb, "would grow to 50 MB"),
        "several": (zipped({"a.ckpt": b"1", "b.ckpt": b"2"}), "holds 2 files"),
        "none": (zipped({"a.txt": b"1"}), "holds 0 files"),
        "garbage": (b"no archive at all", "damaged"),
        "other": (zipped({"a.ckpt": b"other"}), "another file"),
    }
    for name, (content, words) in cases.items():
        thing = item(*packed(server, content).files, name=name)
        with pytest.raises(ModelError, match=words):
            make().download(thing)
        assert not make().is_here(thing)
        assert not any(path.name.endswith(".unpacking") for path in make().folder(thing).iterdir())
    assert not list(tmp_path.rglob("escaped*"))


def test_a_damaged_archive_is_fetched_again(make: Callable[..., Store], server: Server) -> None:
    good = zipped({"model.ckpt": PAYLOAD})
    damaged = good.replace(PAYLOAD[:100], bytes(100))
    with pytest.raises(ModelError, match="damaged"):
        make().download(packed(server, damaged))
    assert make().download(packed(server, good)).read_bytes() == PAYLOAD


def test_damaged_files_placed_by_hand_give_way_to_a_download_but_are_kept(
    make: Callable[..., Store], server: Server
) -> None:
    thing, store = packed(server, zipped({"model.ckpt": PAYLOAD})), make()
    folder = store.folder(thing)
    folder.mkdir(parents=True)
    (folder / "inside.ckpt").write_bytes(b"")
    (folder / "all.zip").write_bytes(b"half an archive")
    assert store.download(thing).read_bytes() == PAYLOAD
    assert (folder / "all.zip.set-aside-1").read_bytes() == b"half an archive"
    assert (folder / "inside.ckpt.set-aside-1").exists()


def test_a_companion_of_several_files_counts_them_together(make: Callable[..., Store], server: Server) -> None:
    parts = {"vocab.json": b"{}" * 500, "merges.txt": b"a b\n" * 300}
    server.behaviour.files |= {f"/owner/tokens/resolve/main/{name}": body for name, body in parts.items()}
    files = (RemoteFile("hf-model", "owner/tokens", name, about_bytes=len(body)) for name, body in parts.items())
    thing, seen = item(*files, name="tokens"), []
    path = make().download(thing, lambda done, total: seen.append((done, total)))
    assert {name: (path.parent / name).read_bytes() for name in parts} == parts
    assert seen[-1] == (2200, 2200)
    (path.parent / "merges.txt").unlink()
    assert not make().is_here(thing)
    make().download(thing)
    assert [asked for asked, _ in server.behaviour.asked].count("/owner/tokens/resolve/main/vocab.json") == 1


def test_a_damaged_memory_of_a_check_is_only_a_memory(make: Callable[..., Store]) -> None:
    path = make().download(weights())
    for content in ("", "[]", "{}", json.dumps({"size": 1, "mtime_ns": 2, "sha256": "0"})):
        path.with_name("model.ckpt.checked.json").write_text(content)
        assert make(offline=True).locate(weights()) == path
