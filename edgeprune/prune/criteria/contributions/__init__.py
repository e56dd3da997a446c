"""Criteria that read the covariance of what channels add to the next layers' sums."""
