import os
import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lass.errors import SettingsError
from lass.settings import Settings, table

HOME = Path("~/.local/share/lass").expanduser()
SECRETS = {
    "LASS_DATABASE_URL": "postgresql://lass:hunter2@db.example.org/ratings",
    "LASS_ADMIN_PASSWORD": "correct horse hunter2",
    "HF_TOKEN": "hf_hunter2",
    "HF_ENDPOINT": "https://lass:hunter2@hub.example.org",
}


def read(**environment: str) -> Settings:
    return Settings.from_environment(environment)


def refusal(**environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(**environment)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert not re.search(r"\.\s", sentence)  # one sentence
    assert len(sentence) < 250
    return sentence


def test_nothing_set_gives_the_defaults() -> None:
    settings = read()
    assert settings == Settings()
    assert settings.data_dir == HOME
    assert settings.checkpoints_dir == HOME / "checkpoints"
    assert settings.studies_dir is None
    assert (settings.database_url, settings.admin_password, settings.hub_token) == (None, None, None)
    assert (settings.max_upload_mb, settings.max_seconds) == (200, 600)
    assert (settings.device, settings.stand, settings.offline) == ("auto", False, False)
    assert settings.hub_address == "https://huggingface.co"


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("LASS_DATA_DIR", "/srv/lass", "data_dir", Path("/srv/lass")),
        ("LASS_DATA_DIR", "~/lass", "data_dir", Path.home() / "lass"),
        ("LASS_STUDIES_DIR", "/srv/studies", "studies_dir", Path("/srv/studies")),
        ("LASS_DATABASE_URL", "sqlite:///ratings.db", "database_url", "sqlite:///ratings.db"),
        ("LASS_ADMIN_PASSWORD", "open sesame", "admin_password", "open sesame"),
        ("LASS_MAX_UPLOAD_MB", "12.5", "max_upload_mb", 12.5),
        ("LASS_MAX_SECONDS", "30", "max_seconds", 30.0),
        ("LASS_DEVICE", "cuda:1", "device", "cuda:1"),
        ("LASS_DEVICE", "mps", "device", "mps"),
        ("LASS_STAND", "1", "stand", True),
        ("LASS_STAND", "No", "stand", False),
        ("HF_HUB_OFFLINE", "TRUE", "offline", True),
        ("HF_HUB_OFFLINE", "0", "offline", False),
        ("HF_ENDPOINT", "https://localhost:8080/hub/", "hub_address", "https://localhost:8080/hub"),
        ("HF_TOKEN", "hf_abc", "hub_token", "hf_abc"),
    ],
)
def test_a_variable_sets_its_field_and_no_other(variable: str, text: str, field: str, value: object) -> None:
    settings = read(**{variable: f" {text}\n"})
    assert getattr(settings, field) == value
    for item in fields(Settings):
        if item.name != field:
            assert getattr(settings, item.name) == getattr(Settings(), item.name)


@pytest.mark.parametrize("empty", ["", "  \t"])
@pytest.mark.parametrize("variable", [*(row[0] for row in table()), "XDG_DATA_HOME"])
def test_an_empty_variable_counts_as_not_set(variable: str, empty: str) -> None:
    assert read(**{variable: empty}) == Settings()


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("LASS_MAX_UPLOAD_MB", "0"),
        ("LASS_MAX_UPLOAD_MB", "many"),
        ("LASS_MAX_UPLOAD_MB", "200\nMB"),
        ("LASS_MAX_SECONDS", "-1"),
        ("LASS_MAX_SECONDS", "nan"),
        ("LASS_MAX_SECONDS", "1e999"),
        ("LASS_MAX_SECONDS", "9" * 5_000),
        ("LASS_DEVICE", "tpu"),
        ("LASS_DEVICE", "cuda:"),
        ("LASS_DEVICE", "cuda:٣"),
        ("LASS_STAND", "perhaps"),
        ("HF_HUB_OFFLINE", "2"),
        ("LASS_LOGGING", "/nowhere/logging.json"),
        ("LASS_LOGGING", "/"),
        ("HF_ENDPOINT", "huggingface.co"),
        ("HF_ENDPOINT", "http://huggingface.co"),
        ("HF_ENDPOINT", "file:///etc/passwd"),
        ("HF_ENDPOINT", "https://"),
        ("HF_ENDPOINT", "https://a b"),
        ("HF_ENDPOINT", "https://host:port"),
        ("HF_ENDPOINT", "https://[::1"),
        ("LASS_DATA_DIR", "~nobody-of-this-name/lass"),
        ("LASS_DATA_DIR", "a\0b"),
        ("LASS_DATA_DIR", "x" * 10_000),
        ("LASS_STUDIES_DIR", "~nobody-of-this-name"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_the_variable(variable: str, text: str) -> None:
    assert variable in refusal(**{variable: text})


@pytest.mark.parametrize("variable", ["LASS_DATA_DIR", "LASS_STUDIES_DIR"])
def test_a_file_is_no_folder_and_a_folder_may_be_new(variable: str, tmp_path: Path) -> None:
    file = tmp_path / "a\nfile"
    file.touch()
    assert "not a folder" in refusal(**{variable: str(file)})
    assert "XDG_DATA_HOME" in refusal(XDG_DATA_HOME=str(file))
    assert tmp_path / "new" in (
        read(**{variable: str(tmp_path / "new")}).data_dir,
        read(**{variable: str(tmp_path / "new")}).studies_dir,
    )
    assert not (tmp_path / "new").exists()  # reading settings makes nothing


def test_xdg_data_home_is_second_to_our_own_variable(tmp_path: Path) -> None:
    assert read(XDG_DATA_HOME=str(tmp_path)).data_dir == tmp_path / "lass"
    assert read(XDG_DATA_HOME=str(tmp_path), LASS_DATA_DIR="/srv/lass").data_dir == Path("/srv/lass")


def test_a_relative_xdg_data_home_is_ignored_as_its_specification_wants() -> None:
    assert read(XDG_DATA_HOME="share").data_dir == HOME


def test_without_a_home_folder_the_data_folder_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(path: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody)
    assert "LASS_DATA_DIR" in refusal()


def test_only_the_given_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASS_MAX_SECONDS", "1")
    assert read().max_seconds == 600
    assert Settings.from_environment(os.environ).max_seconds == 1


def test_secrets_are_not_shown() -> None:
    settings = read(**SECRETS)
    assert settings.database_url == SECRETS["LASS_DATABASE_URL"]
    for text in (repr(settings), str(settings), f"{settings}"):
        assert "hunter2" not in text
        assert "LASS" not in text


@pytest.mark.parametrize("address", ["lass:hunter2@hub.example.org", "ftp://lass:hunter2@hub", "https://a:hunter2@h:x"])
def test_no_error_shows_a_secret(address: str) -> None:
    assert "hunter2" not in refusal(**{**SECRETS, "HF_ENDPOINT": address})
    assert "hunter2" not in refusal(**{**SECRETS, "LASS_DEVICE": "abacus"})


@given(
    variable=st.sampled_from([row[0] for row in table()]),
    text=st.text(max_size=30),
)
def test_any_text_is_a_value_or_one_sentence(variable: str, text: str) -> None:
    try:
        read(**{variable: text})
    except SettingsError as error:
        sentence = str(error)
        assert variable in sentence
        assert "\n" not in sentence
        assert sentence.endswith(".")


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        read().max_seconds = 1  # type: ignore[misc]


def test_the_table_tells_every_variable_its_meaning_and_its_default() -> None:
    rows = {variable: (meaning, default) for variable, meaning, default in table()}
    assert len(rows) == len(table()) == len(fields(Settings))
    assert {name for name in rows if not name.startswith("LASS_")} == {"HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_TOKEN"}
    assert all(meaning.endswith(".") and default for meaning, default in rows.values())
    # What the table calls the default is what happens when the variable says so.
    for name, default in [(name, default) for name, (_, default) in rows.items() if re.fullmatch(r"\S+", default)]:
        if default != "none":
            assert read(**{name: default}) == Settings()
