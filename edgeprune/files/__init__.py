"""Atomic writes, checked TOML and JSON, files shipped with the package."""
