"""Pruning criteria, one file each, by what they read; `procedures/` train or search."""
