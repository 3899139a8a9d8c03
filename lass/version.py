"""The version of the application, said once."""

__version__ = "0.1.0"
