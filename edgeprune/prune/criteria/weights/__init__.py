"""Criteria that read parameters alone."""
