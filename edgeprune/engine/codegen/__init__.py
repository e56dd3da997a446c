"""The C of one model."""
