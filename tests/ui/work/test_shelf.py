"""Models in memory: loaded once, kept while in use, and let go in the order in which they were used."""

import threading
from pathlib import Path

import pytest

from lass.errors import ModelError
from lass.ui.words.texts import ENGLISH
from lass.ui.work.shelf import Shelf
from tests.ui.small import entry


class Loader:
    """Counts what is loaded; a name can be made to wait."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.gates: dict[str, threading.Event] = {}

    def __call__(self, name: str) -> object:
        if name in self.gates:
            assert self.gates[name].wait(60)
        self.names.append(name)
        return object()


def shelf(loader: Loader, most_bytes: int | None = None) -> Shelf:
    entries = [entry(name, size_bytes=100) for name in ("a", "b", "c")]
    return Shelf(lambda: entries, loader, ENGLISH, most_bytes=most_bytes)


def test_a_model_is_loaded_once_and_shared() -> None:
    loader = Loader()
    models = shelf(loader)
    assert models.separator("a") is models.separator("a")
    assert loader.names == ["a"]


def test_beyond_the_bound_the_one_used_longest_ago_goes() -> None:
    models = shelf(Loader(), most_bytes=200)
    for name in ("a", "b", "a", "c"):
        models.separator(name)
    assert sorted(models.loaded()) == ["a", "c"]


def test_one_in_use_never_goes() -> None:
    models = shelf(Loader(), most_bytes=100)
    with models.using("a") as kept:
        models.separator("b")
        models.separator("c")
        assert models.unload() == 1
        assert models.loaded() == {"a": kept}
    assert models.unload() == 1
    assert models.loaded() == {}
    assert models.separator("a") is not kept


def test_one_that_was_used_lately_stays() -> None:
    models = shelf(Loader())
    models.separator("a")
    assert models.unload(idle_seconds=3_600) == 0
    assert models.unload(idle_seconds=0) == 1


def test_while_one_loads_the_others_are_there() -> None:
    loader = Loader()
    models = shelf(loader)
    models.separator("b")
    loader.gates["a"] = threading.Event()
    first = [threading.Thread(target=models.separator, args=("a",)) for _ in range(2)]
    for thread in first:
        thread.start()
    models.separator("b")
    models.separator("c")
    assert models.unload() == 2
    loader.gates["a"].set()
    for thread in first:
        thread.join(60)
    assert loader.names == ["b", "c", "a"]


def test_a_model_that_cannot_be_loaded_is_tried_again(tmp_path: Path) -> None:
    attempts = []

    def load(name: str) -> object:
        attempts.append(name)
        raise ModelError("It is damaged.")

    models = Shelf(lambda: [entry("a")], load, ENGLISH)
    for _ in range(2):
        with pytest.raises(ModelError, match="damaged"):
            models.separator("a")
    assert len(attempts) == 2
    assert models.loaded() == {}
