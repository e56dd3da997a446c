"""Criteria that read what the next layers get from a channel, over calibration data."""
