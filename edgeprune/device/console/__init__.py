"""The host's end of the serial console, docs/console.md."""
