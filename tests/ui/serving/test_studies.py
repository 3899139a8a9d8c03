"""The listening test as a part of the application: what the settings mean for its pages."""

import re
from contextlib import closing
from pathlib import Path

from starlette.applications import Starlette
from starlette.testclient import TestClient

from lass.settings import Settings
from lass.ui.serving.studies import ListeningTest
from tests.listening.participants import lasting_study


def test_participants_are_invited_to_the_public_address(tmp_path: Path) -> None:
    lasting_study(tmp_path / "studies", 0.5, items=1, conditions=["a"], practice=0)
    settings = Settings(
        data_dir=tmp_path / "data", studies_dir=tmp_path / "studies", admin_password="a secret of two",
        public_url="https://ears.example.org",
    )  # fmt: skip
    with closing(ListeningTest(settings)) as listening:
        organiser = TestClient(Starlette(routes=listening._routes()))
        organiser.post("/results/login", data={"password": "a secret of two"})
        page = organiser.get("/results/demo").text
    assert re.search("https://ears.example.org/listen/demo", page)
    assert "testserver" not in page
