"""Taking channels, blocks and classes out of a module, or masking them."""
