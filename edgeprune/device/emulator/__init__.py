"""Boards emulated by QEMU."""
