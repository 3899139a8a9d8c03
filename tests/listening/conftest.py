"""Fixtures of the listening test's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.listening.databases import KINDS, Place, Server, place_in, running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server; each test makes its own database in it."""
    with running() as server:
        yield server


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place for a store, on SQLite and then on PostgreSQL."""
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    with place_in(request.param, tmp_path / "data", server) as place:
        yield place
