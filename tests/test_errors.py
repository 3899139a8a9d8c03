import pickle

import pytest

from lass import errors

KINDS = [errors.AudioError, errors.QueryError, errors.ModelError, errors.SettingsError, errors.Cancelled]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_caught_as_lass_error_and_keeps_its_sentence(kind: type[errors.LassError]) -> None:
    with pytest.raises(errors.LassError) as caught:
        raise kind("The file is empty; choose another one.")
    assert str(caught.value) == "The file is empty; choose another one."


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_are_not_caught_as_one_another(kind: type[errors.LassError]) -> None:
    for other in KINDS:
        assert issubclass(kind, other) == (kind is other)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_survive_a_process_boundary(kind: type[errors.LassError]) -> None:
    restored = pickle.loads(pickle.dumps(kind("One sentence.")))
    assert type(restored) is kind
    assert str(restored) == "One sentence."


def test_cancelled_needs_no_text() -> None:
    assert str(errors.Cancelled()).endswith(".")
    assert str(pickle.loads(pickle.dumps(errors.Cancelled()))) == str(errors.Cancelled())
