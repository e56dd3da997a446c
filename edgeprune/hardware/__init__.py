"""Profiles of targets and boards: schema and registry."""
