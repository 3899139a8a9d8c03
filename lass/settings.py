"""Every setting that comes from the environment: typed, documented, and checked once, at start.

Only the top of the house (``app.py``, the command line, the interface) reads settings; everything below gets values.
"""

# ruff: noqa: RUF009 - each default below is a dataclass field with its documentation
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lass.errors import SettingsError

_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off", ""}
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def _flag(name: str, text: str) -> bool:
    if text.lower() not in _YES | _NO:
        raise SettingsError(f"{name} is {text!r}; set it to 1 or 0.")
    return text.lower() in _YES


def _positive(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise SettingsError(f"{name} is {text!r}; set it to a number above 0.")
    return value


def _folder(name: str, text: str) -> Path:
    if not text or "\0" in text:
        raise SettingsError(f"{name} is empty; set it to a folder, or remove it to get the default.")
    path = Path(text).expanduser()
    if path.exists() and not path.is_dir():
        raise SettingsError(f"{name} is {text}, which is not a folder; set it to one.")
    return path


def _device(name: str, text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise SettingsError(f"{name} is {text!r}; set it to auto, cpu, cuda, cuda:N or mps.")
    return text


def _text(name: str, text: str) -> str:
    return text


def _address(name: str, text: str) -> str:
    if not re.match(r"https?://[^\s/]+", text):
        raise SettingsError(f"{name} is {text!r}; set it to an address that starts with https://.")
    return text.rstrip("/")


def _setting(
    variable: str, parse: Callable[[str, str], Any], default: Any, meaning: str, shown: str, *, secret: bool = False
) -> Any:
    metadata = {"variable": variable, "parse": parse, "meaning": meaning, "default": shown}
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """What the environment says. Each field's metadata names its variable, its meaning and its default."""

    data_dir: Path = _setting(
        "LASS_DATA_DIR",
        _folder,
        Path("~/.local/share/lass").expanduser(),
        "Folder for ratings, journals and downloaded checkpoints.",
        "~/.local/share/lass",
    )
    studies_dir: Path | None = _setting(
        "LASS_STUDIES_DIR", _folder, None, "Folder of listening-test studies.", "studies in LASS_DATA_DIR"
    )
    database_url: str | None = _setting(
        "LASS_DATABASE_URL",
        _text,
        None,
        "Database of the ratings, as an SQLAlchemy URL.",
        "SQLite in LASS_DATA_DIR",
        secret=True,
    )
    admin_password: str | None = _setting(
        "LASS_ADMIN_PASSWORD", _text, None, "Password of the results page.", "none: the page is off", secret=True
    )
    max_upload_mb: float = _setting("LASS_MAX_UPLOAD_MB", _positive, 200.0, "Largest upload in megabytes.", "200")
    max_seconds: float = _setting("LASS_MAX_SECONDS", _positive, 600.0, "Longest recording in seconds.", "600")
    device: str = _setting("LASS_DEVICE", _device, "auto", "auto, cpu, cuda, cuda:N or mps.", "auto")
    stand: bool = _setting("LASS_STAND", _flag, False, "1 for the large, unattended variant at a stand.", "0")
    offline: bool = _setting("HF_HUB_OFFLINE", _flag, False, "1 refuses every download.", "0")
    hub_address: str = _setting(
        "HF_ENDPOINT", _address, "https://huggingface.co", "Hub that checkpoints come from.", "https://huggingface.co"
    )
    hub_token: str | None = _setting("HF_TOKEN", _text, None, "Token for the hub.", "none", secret=True)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read and check the variables that are set; an empty one counts as not set.

        Raises:
            SettingsError: a variable has a value that cannot be used; the sentence names it.
        """
        values: dict[str, Any] = {}
        for item in fields(cls):
            variable = item.metadata["variable"]
            text = environment.get(variable, "").strip()
            if text:
                values[item.name] = item.metadata["parse"](variable, text)
        if "data_dir" not in values and environment.get("XDG_DATA_HOME"):
            values["data_dir"] = Path(environment["XDG_DATA_HOME"]) / "lass"
        return cls(**values)

    @property
    def checkpoints_dir(self) -> Path:
        """Where downloaded checkpoints are kept."""
        return self.data_dir / "checkpoints"


def table() -> list[tuple[str, str, str]]:
    """Every variable: name, meaning, default; for the README and ``--help``."""
    return [tuple(item.metadata[key] for key in ("variable", "meaning", "default")) for item in fields(Settings)]
