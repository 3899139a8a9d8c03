"""What the participant's page says, by language.

A language is one file of this package's folder ``words``: ``fr.yaml`` holds every sentence of the page in French by its
key, and under ``language_name`` what the language calls itself. A new language needs no more than its file. Names in
braces are filled in; a key that ends in ``_one`` is said where the ``{count}`` is 1.
"""

import re
from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent / "words"
FALLBACK = "en"
"""The language that has every key; it stands in where another one lacks a sentence."""

_BRACES = re.compile(r"\{(\w+)\}")


@cache
def languages() -> dict[str, str]:
    """The languages there are: codes, and what they call themselves; sorted by code."""
    return {file.stem: _read(file.stem)["language_name"] for file in sorted(FOLDER.glob("*.yaml"))}


@cache
def words(language: str) -> dict[str, str]:
    """Every sentence of a language by its key; in a language that is not there, its relative's, or English."""
    known = [file.stem for file in FOLDER.glob("*.yaml")]
    chosen = next((code for code in (language, language.partition("-")[0]) if code in known), FALLBACK)
    return _read(FALLBACK) | _read(chosen)


def say(language: str, key: str, **values: object) -> str:
    """One sentence, its braces filled in; the key itself where nobody wrote one."""
    texts = words(language)
    text = texts.get(f"{key}_one") if values.get("count") == 1 else None
    text = text or texts.get(key, key)
    # Not str.format, which would let a value reach into objects.
    return _BRACES.sub(lambda found: str(values.get(found[1], found[0])), text)


@cache
def _read(language: str) -> dict[str, str]:
    texts: dict[str, str] = yaml.safe_load((FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    return texts


__all__ = ["languages", "say", "words"]
