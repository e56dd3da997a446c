"""Weights as people keep them: files, and the names in them."""
