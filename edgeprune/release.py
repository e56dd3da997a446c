"""The version; `pyproject.toml` says the same, a test keeps them so."""

__version__ = "0.1.0"
