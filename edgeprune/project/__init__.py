"""`edgeprune.toml` and the user's own Python."""
