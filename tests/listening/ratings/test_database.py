"""The database under the store: its versions, and addresses and files that are none; on both databases."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from lass.listening.ratings import database, schema
from lass.listening.ratings.store import Store, StoreError
from tests.listening.databases import Place, begin


def test_the_migrations_make_the_tables_of_the_schema(place: Place) -> None:
    place.open().close()
    engine = database.connect(place.url, place.folder)
    plain = create_engine("sqlite://")
    schema.metadata.create_all(plain)
    made, meant = inspect(engine), inspect(plain)
    assert set(made.get_table_names()) == {*schema.metadata.tables, "alembic_version"}
    for name in schema.metadata.tables:
        columns = [[(c["name"], c["nullable"]) for c in found.get_columns(name)] for found in (made, meant)]
        assert columns[0] == columns[1], name
        keys = [found.get_pk_constraint(name)["constrained_columns"] for found in (made, meant)]
        assert keys[0] == keys[1], name
        unique = [{tuple(c["column_names"]) for c in found.get_unique_constraints(name)} for found in (made, meant)]
        assert unique[0] == unique[1], name
        checks = [{c["name"] for c in found.get_check_constraints(name)} for found in (made, meant)]
        assert checks[0] == checks[1], name
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == schema.HEAD
    engine.dispose()


def test_a_newer_database_is_refused(place: Place) -> None:
    place.open().close()
    engine = database.connect(place.url, place.folder)
    with database.exclusive(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match=r"version 9999.*newer"):
        place.open()


def test_a_failed_migration_leaves_nothing_behind(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from lass.listening.ratings.migrations.versions import v0001_first_tables as step

    whole = step.op.create_table

    def fails(name: str, *columns: object, **more: object) -> object:
        if name == "preferences":
            raise OSError("the power is off")
        return whole(name, *columns, **more)

    monkeypatch.setattr("alembic.op.create_table", fails)
    with pytest.raises(StoreError, match="cannot be opened"):
        place.open()
    monkeypatch.undo()
    engine = database.connect(place.url, place.folder)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    begin(place.open())


@pytest.mark.parametrize(
    "url", ["mysql://root:secret@localhost/x", "sqlite://", "sqlite:///:memory:", "rubbish secret", "", "a+b://secret"]
)
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        Store.open(url, tmp_path)
    assert "secret" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        Store.open("postgresql+pg8000://me:secret@127.0.0.1:9/x", tmp_path)
    assert "secret" not in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ratings.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(None, tmp_path)
