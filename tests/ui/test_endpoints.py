"""The two endpoints for programs, through Gradio's own client."""

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from lass.ui.application import compose
from lass.ui.words.texts import ENGLISH
from lass.ui.work import shelf
from lass.ui.work.service import Limits, Service
from tests.ui.small import recording, small_service


@contextmanager
def served(service: Service) -> Iterator[str]:
    """The address of the application around a service, while it runs; its files lie in the service's scratch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(service.scratch))
        blocks = compose(service)
        _, url, _ = blocks.launch(
            prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, ssr_mode=False, show_error=False
        )
        yield url
        blocks.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("endpoints")
    with served(small_service(folder / "gradio")) as url:
        yield Client(url, verbose=False, download_files=folder / "downloads", analytics_enabled=False)


def test_there_are_two_public_endpoints_and_no_more(client: Client) -> None:
    described = client.view_api(return_format="dict", print_info=False)
    assert isinstance(described, dict)
    assert sorted(described["named_endpoints"]) == ["/models", "/separate"]
    assert described["unnamed_endpoints"] == {}


def test_separate_gives_two_files_that_add_up_and_a_report(client: Client, tmp_path: Path) -> None:
    path = recording(tmp_path / "park.wav", 3.0, rate=22_050)
    target, residual, report = client.predict(
        audio=handle_file(path), query="a dog barking", model="half", api_name="/separate"
    )
    mixture, rate = soundfile.read(path, dtype="float32")
    parts = [soundfile.read(file, dtype="float32") for file in (target, residual)]
    assert [part[1] for part in parts] == [rate, rate]
    np.testing.assert_allclose(parts[0][0] + parts[1][0], mixture, atol=1e-6)
    assert Path(target).name == "park-a-dog-barking-half-target.wav"
    assert report["query"] == "a dog barking"
    assert report["model"] == "half"


def test_the_model_may_be_left_out(client: Client, tmp_path: Path) -> None:
    path = recording(tmp_path / "park.wav")
    *_, report = client.predict(audio=handle_file(path), query="rain", api_name="/separate")
    assert report["model"] == "half"


def test_models_lists_the_catalogue(client: Client) -> None:
    models = client.predict(api_name="/models")
    assert [(model["name"], model["state"]) for model in models] == [
        ("half", "bundled"),
        ("far-away", "to download"),
    ]


def test_an_error_is_its_sentence(client: Client, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound in here")
    with pytest.raises(AppError, match=r"broken\.wav"):
        client.predict(audio=handle_file(broken), query="rain", model="half", api_name="/separate")
    with pytest.raises(AppError, match="no model called"):
        client.predict(
            audio=handle_file(recording(tmp_path / "park.wav")), query="rain", model="nope", api_name="/separate"
        )


def test_an_address_in_the_place_of_a_file_is_not_fetched(client: Client) -> None:
    """The network guard of the test suite fails this test should anything be asked for."""
    payload = {"path": "https://example.org/sound.wav", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError):
        client.predict(audio=payload, query="rain", api_name="/separate")


def test_the_readmes_example_separates_a_folder_as_it_stands(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run as written, but for the address, against the bundled models; the network guard watches it, too."""
    blocks = re.findall(r"^  ```python\n(.*?)^  ```$", (root / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    (example,) = (textwrap.dedent(block) for block in blocks if "gradio_client" in block)
    assert len([line for line in example.splitlines() if line.strip()]) <= 12
    (tmp_path / "recordings").mkdir()
    paths = [recording(tmp_path / "recordings" / name, seconds=1.0, rate=32_000) for name in ("one.wav", "two.wav")]
    monkeypatch.chdir(tmp_path)
    models = shelf.catalogue(ENGLISH, device="cpu", cache_dir=tmp_path / "cache")
    service = Service(models, Limits(60, 20_000_000, 60), tmp_path / "gradio", ENGLISH)
    with served(service) as url:
        assert "http://127.0.0.1:7860" in example
        exec(example.replace("http://127.0.0.1:7860", url), {})
    assert re.findall(r"^(\w+\.wav) \{", capsys.readouterr().out, re.M) == ["one.wav", "two.wav"]
    for path in map(Path, paths):
        parts = [soundfile.read(found, dtype="float32")[0] for found in sorted(Path("out").glob(f"{path.stem}-*.wav"))]
        assert len(parts) == 2
        np.testing.assert_allclose(sum(parts), soundfile.read(path, dtype="float32")[0], atol=1e-6)
