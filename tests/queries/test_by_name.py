"""Encoders by the names that recipes and checkpoints call them."""

from pathlib import Path

import pytest

from lass.errors import ModelError
from lass.queries import CompactEncoder, QueryEncoder, by_name


def test_the_compact_encoder_is_one_for_all() -> None:
    first = by_name.encoder("compact")
    assert isinstance(first, CompactEncoder)
    assert isinstance(first, QueryEncoder)
    assert by_name.encoder("compact") is first


def test_flan_t5_is_looked_for_where_downloads_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "flan-t5-base"
    folder.mkdir()
    with pytest.raises(ModelError, match=r"config\.json") as refused:
        by_name.encoder("flan-t5-base", tmp_path)
    assert str(folder) in str(refused.value)


def test_an_unknown_name_lists_the_good_ones() -> None:
    with pytest.raises(ModelError, match="compact, flan-t5-base"):
        by_name.encoder("word2vec")
