"""Samples as people hand them over: datasets, several inputs, several targets."""
