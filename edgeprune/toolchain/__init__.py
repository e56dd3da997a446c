"""Compilers, linking, sizes."""
