"""Criteria that read first or second derivatives of the loss."""
