"""Criteria that train or search instead of scoring by a formula."""
