"""Commands that measure by a standard of others."""
