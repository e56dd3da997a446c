"""Wires to a device: bytes out, bytes in."""
