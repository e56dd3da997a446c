"""Versions of the hand-written model's firmware."""

from __future__ import annotations

from pathlib import Path

from edgeprune.build.firmware import Firmware, build_firmware
from edgeprune.target.registry import load_target

FIXTURES = Path(__file__).resolve().parents[2] / "firmware" / "fixtures"


def tiny_firmware(target: str, version: int, folder: Path) -> Firmware:
    """Differs from every other version in a constant of its own."""
    text = (FIXTURES / "tiny_model.c").read_text().replace("{1, 2, 3}", f"{{{version}, 2, 3}}")
    sources = {"tiny_model.c": text, "tiny_model.h": f'#define TINY_TARGET "{target}"\n'}
    return build_firmware(sources, (), load_target(target), folder, input_bytes=16)
