"""Links, loaders, the console, discovery, images, emulated boards."""
