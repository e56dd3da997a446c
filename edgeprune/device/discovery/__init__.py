"""Devices within reach, a file for each kind."""
