"""Versions of the hand-written model's firmware."""

from __future__ import annotations

from pathlib import Path

from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.firmware import Firmware, FirmwareSources, build_firmware

FIXTURES = Path(__file__).resolve().parents[2] / "firmware" / "fixtures"


def tiny_firmware(target: str, version: int, folder: Path) -> Firmware:
    """Differs from every other version in a constant of its own."""
    text = (FIXTURES / "tiny_model.c").read_text().replace("{1, 2, 3}", f"{{{version}, 2, 3}}")
    model = {"tiny_model.c": text, "tiny_model.h": f'#define TINY_TARGET "{target}"\n'}
    return build_firmware(FirmwareSources(model, (), 16), load_target(target), folder)
