"""Every setting that comes from the environment: typed, documented, and checked once, at start.

Only the top of the house (``app.py``, the command line, the interface) reads settings; everything below gets values.
"""

# ruff: noqa: RUF009 - each default below is a dataclass field with its documentation
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any
from urllib.parse import urlsplit

from lass.errors import SettingsError

_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off"}
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,4})?")


def _flag(name: str, text: str) -> bool:
    if text.lower() not in _YES | _NO:
        raise SettingsError(f"{name} is {_quoted(text)}; set it to 1 or 0.")
    return text.lower() in _YES


def _positive(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise SettingsError(f"{name} is {_quoted(text)}; set it to a number above 0.")
    return value


def _folder(name: str, text: str) -> Path:
    try:
        path = Path(text).expanduser()
        usable = S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:  # it will be made
        return path
    except (OSError, RuntimeError, ValueError) as error:  # no permission, a home folder of nobody, a name too long
        raise SettingsError(f"{name} is {_quoted(text)}, which cannot be used; set it to another folder.") from error
    if not usable:
        raise SettingsError(f"{name} is {_quoted(text)}, which is not a folder; set it to one.")
    return path


def _device(name: str, text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise SettingsError(f"{name} is {_quoted(text)}; set it to auto, cpu, cuda, cuda:N or mps.")
    return text


def _text(name: str, text: str) -> str:
    return text


def _address(name: str, text: str) -> str:
    # The value is not repeated: an address may carry a password.
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not re.fullmatch(r"[!-~]+", text):
        raise SettingsError(f"{name} is not the address of a server; set it to one that starts with https://.")
    return text.rstrip("/")


def _hub(name: str, text: str) -> str:
    # Anything but https would be refused when something is downloaded, which is too late to hear of it.
    if not text.lower().startswith("https:"):
        raise SettingsError(f"{name} is not the address of a server; set it to one that starts with https://.")
    return _address(name, text)


def _logging(name: str, text: str) -> Path:
    try:
        path = Path(text).expanduser()
        if S_ISREG(path.stat().st_mode):
            return path
    except (OSError, RuntimeError, ValueError):
        pass
    raise SettingsError(f"{name} is {_quoted(text)}, which is not a file; set it to a JSON file for Python's logging.")


def _quoted(text: str) -> str:
    """A value as one short line."""
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


def _data_dir(environment: Mapping[str, str]) -> Path:
    """The folder of the XDG base directory specification, which wants a relative one ignored."""
    base = Path(environment.get("XDG_DATA_HOME", "").strip())
    if base.is_absolute():
        return _folder("XDG_DATA_HOME", str(base)) / "lass"
    try:
        return Path("~/.local/share/lass").expanduser()
    except RuntimeError as error:
        raise SettingsError("LASS_DATA_DIR is not set and there is no home folder; set it to a folder.") from error


def _default_data_dir() -> Path:
    return _data_dir({})


def _setting(
    variable: str, parse: Callable[[str, str], Any], default: Any, meaning: str, shown: str, *, secret: bool = False
) -> Any:
    metadata = {"variable": variable, "parse": parse, "meaning": meaning, "default": shown}
    # Only a default that depends on the machine is a function.
    if callable(default):
        return field(default_factory=default, metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """What the environment says. Each field's metadata names its variable, its meaning and its default."""

    data_dir: Path = _setting(
        "LASS_DATA_DIR",
        _folder,
        _default_data_dir,
        "Folder for ratings, journals and downloaded checkpoints.",
        "lass in XDG_DATA_HOME, or ~/.local/share/lass",
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
    stand_idle_seconds: float = _setting(
        "LASS_STAND_IDLE_SECONDS", _positive, 90.0, "Seconds without a touch after which a stand starts over.", "90"
    )
    public_url: str | None = _setting(
        "LASS_PUBLIC_URL", _address, None, "Address of the application for visitors' phones.", "what the browser used"
    )
    logging: Path | None = _setting(
        "LASS_LOGGING", _logging, None, "JSON file for Python's logging: what is logged, and where.", "the console"
    )
    offline: bool = _setting("HF_HUB_OFFLINE", _flag, False, "1 refuses every download.", "0")
    hub_address: str = _setting(
        "HF_ENDPOINT",
        _hub,
        "https://huggingface.co",
        "Hub that checkpoints come from.",
        "https://huggingface.co",
        secret=True,
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
        if "data_dir" not in values:
            values["data_dir"] = _data_dir(environment)
        return cls(**values)

    @property
    def checkpoints_dir(self) -> Path:
        """Where downloaded checkpoints are kept."""
        return self.data_dir / "checkpoints"

    @property
    def studies_folder(self) -> Path:
        """Where built listening studies are kept, a folder each."""
        return self.studies_dir or self.data_dir / "studies"


def table() -> list[tuple[str, str, str]]:
    """Every variable: name, meaning, default; for the README and ``--help``."""
    return [tuple(item.metadata[key] for key in ("variable", "meaning", "default")) for item in fields(Settings)]
