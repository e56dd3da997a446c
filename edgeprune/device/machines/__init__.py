"""Machines that run programs: this one, its processor emulated or not, and those behind a shell."""
