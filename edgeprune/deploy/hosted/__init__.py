"""Devices with an operating system: generated C as one static program, on Linux and Android."""
