"""What `edgeprune init --kind` writes: a folder a kind, and a target made of a shipped one."""
