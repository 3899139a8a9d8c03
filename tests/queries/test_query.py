"""What a query accepts as text, and how its vectors are carried."""

from collections.abc import Iterator

import pytest
import torch

from lass.errors import QueryError
from lass.queries import MAX_QUERY_CHARACTERS, Query, check_query


def three_rows() -> Query:
    tokens = torch.arange(3 * 4 * 2, dtype=torch.float32).view(3, 4, 2)
    mask = torch.tensor([[True, True, False, False], [True, True, True, True], [True, False, False, False]])
    return Query(tokens.mean(1), tokens, mask)


def test_white_space_is_collapsed_and_control_characters_are_removed() -> None:
    assert check_query("  a dog\t\n  bark\x00ing \x1b\x7f\u0085 ") == "a dog barking"


def test_invisible_characters_do_not_reorder_or_hide_text() -> None:
    assert check_query("\ufeffdog\u200b \u202ebark\u202c") == "dog bark"


def test_a_lone_surrogate_is_removed() -> None:
    assert check_query("dog \ud800bark").encode("utf-8") == b"dog bark"


@pytest.mark.parametrize(
    "text",
    [
        "🐶 barking 🎻",
        "👩‍🚒 siren",  # one emoji of three characters, held together by a joiner
        "نباح كلب",
        "כלב נובח",
        "می‌خواهم",  # a zero-width non-joiner inside the word
        "犬の鳴き声",
        "crème brûlée torch",
        "🐶",
        "?",
    ],
)
def test_writing_of_every_kind_is_kept(text: str) -> None:
    assert check_query(text) == text


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00\x01", "\u200d\u200f", "\u3000", "\ufe0f"])
def test_nothing_visible_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="empty"):
        check_query(text)


def test_the_longest_allowed_description_passes_and_one_more_character_does_not() -> None:
    longest = "x" * MAX_QUERY_CHARACTERS
    assert check_query(f"  {longest}\n") == longest
    with pytest.raises(QueryError, match=r"301 characters.*at most 300"):
        check_query(longest + "x")


def test_a_pasted_book_is_refused_without_being_read() -> None:
    class Unreadable(str):
        def __iter__(self) -> Iterator[str]:
            raise AssertionError("the text was read")

    with pytest.raises(QueryError, match="1000000 characters"):
        check_query(Unreadable("x" * 10**6))


def test_something_that_is_not_text_is_refused() -> None:
    with pytest.raises(QueryError, match="must be text"):
        check_query(None)  # type: ignore[arg-type]


def test_rows_are_selected_together_and_stay_a_batch() -> None:
    query = three_rows()
    for index, rows in ((1, [1]), (-1, [2]), (slice(1, 3), [1, 2]), (torch.tensor([2, 0, 2]), [2, 0, 2])):
        chosen = query[index]
        assert chosen.tokens is not None
        assert chosen.mask is not None
        assert query.tokens is not None
        assert query.mask is not None
        assert torch.equal(chosen.pooled, query.pooled[rows])
        assert torch.equal(chosen.tokens, query.tokens[rows])
        assert torch.equal(chosen.mask, query.mask[rows])
    with pytest.raises(IndexError):
        query[3]


def test_one_description_is_expanded_to_a_batch() -> None:
    query = three_rows()[0]
    batch = query.expand(5)
    assert len(batch) == 5
    assert batch.tokens is not None
    assert batch.mask is not None
    assert query.tokens is not None
    assert query.mask is not None
    assert torch.equal(batch.pooled[4], query.pooled[0])
    assert torch.equal(batch.tokens[4], query.tokens[0])
    assert torch.equal(batch.mask[4], query.mask[0])
    assert len(batch.expand(5)) == 5
    with pytest.raises(ValueError, match="one row"):
        batch.expand(7)


def test_a_query_of_the_pooled_vector_alone_is_enough() -> None:
    query = Query(torch.zeros(1, 8)).expand(3)[:2].to("cpu")
    assert query.pooled.shape == (2, 8)
    assert query.tokens is None
    assert query.mask is None


def test_to_moves_every_part() -> None:
    moved = three_rows().to("meta")
    assert moved.tokens is not None
    assert moved.mask is not None
    assert {part.device.type for part in (moved.pooled, moved.tokens, moved.mask)} == {"meta"}


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    pooled, tokens, mask = torch.zeros(2, 8), torch.zeros(2, 5, 8), torch.ones(2, 5, dtype=torch.bool)
    for parts in (
        (pooled[0],),
        (pooled, tokens[:1]),
        (pooled, tokens[0]),
        (pooled, None, mask),
        (pooled, tokens, mask[:, :4]),
    ):
        with pytest.raises(ValueError, match=r"\(.*\)"):
            Query(*parts)
