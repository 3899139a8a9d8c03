"""What values of a study file are made of: numbers, and texts in one language or in several."""

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_serializer, model_validator

LONGEST = 5_000
"""Characters of a text."""
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
"""A language tag as BCP 47 writes the common ones: en, fr, pt-BR."""


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a number")
    return value


Number = Annotated[float, Field(strict=True), AfterValidator(_finite)]
"""A number that is written as one, and is one."""


class Frozen(BaseModel):
    """What the models of a study file share: nothing unknown is let in, nothing changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Frozen):
    """Words for people: one text for every language, or one for each.

    A study file writes it as plain text, or as a table ``{en: …, fr: …}``. ``words`` holds the texts by language; the
    text for every language stands under ``""``.
    """

    words: dict[str, str]

    @classmethod
    def of(cls, value: "Text | str | dict[str, str]") -> "Text":
        """The text that a study file could have written as ``value``."""
        return value if isinstance(value, Text) else cls.model_validate(value)

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, value: Any) -> Any:
        if isinstance(value, Text):
            return {"words": value.words}
        words = {"": value} if isinstance(value, str) else value
        if not isinstance(words, dict) or not words:
            raise ValueError("must be text, or a table of languages such as {en: …, fr: …}")
        for language, text in words.items():
            if isinstance(value, dict) and not (isinstance(language, str) and LANGUAGE.fullmatch(language)):
                raise ValueError(f"{language!r} is no language; write its code, such as en or fr, in quotes")
            if not isinstance(text, str) or not text.strip():
                raise ValueError("must be text that is not empty; put a number or a yes in quotes")
            if len(text) > LONGEST:
                raise ValueError(f"is longer than {LONGEST} characters; shorten it")
        return {"words": {language: text.strip() for language, text in words.items()}}

    @model_serializer
    def _to_file(self) -> str | dict[str, str]:
        return self.words[""] if set(self.words) == {""} else dict(self.words)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it names; none where one text serves all."""
        return tuple(language for language in self.words if language)

    def in_language(self, language: str) -> str:
        """The text in a language, in its relative (``fr`` for ``fr-CA``), or else in the first one there is."""
        for name in (language, language.partition("-")[0], ""):
            if name in self.words:
                return self.words[name]
        return next(iter(self.words.values()))

    def __str__(self) -> str:
        return self.in_language("en")


__all__ = ["LANGUAGE", "LONGEST", "Frozen", "Number", "Text"]
