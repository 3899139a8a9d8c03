"""Errors that a user can meet.

Each error's ``str()`` is one sentence that says what happened, to what, and what to do next, so a
page, a terminal or a log can show it as it is. A fault of the program itself is never a
:class:`LassError`; it stays an ordinary exception.
"""


class LassError(Exception):
    """Base of every error whose text is meant for the person using the application."""


class AudioError(LassError):
    """A recording cannot be read, checked, converted or written."""


class QueryError(LassError):
    """A query is empty, too long or otherwise cannot be used."""


class ModelError(LassError):
    """A checkpoint or an encoder is unknown, missing, damaged or cannot be loaded."""


class SettingsError(LassError):
    """A setting has a value that cannot be used."""


class Cancelled(LassError):
    """The work was stopped because the person who asked for it cancelled it."""

    def __init__(self, message: str = "The work was cancelled; start it again whenever you like.") -> None:
        super().__init__(message)
