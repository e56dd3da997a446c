"""The version; `pyproject.toml` holds the same, which a test checks."""

__version__ = "0.1.0"
