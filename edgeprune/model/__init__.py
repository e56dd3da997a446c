"""Loading and tracing a user's module."""
