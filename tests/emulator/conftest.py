"""Images of the hand-written model in tests/firmware/fixtures, built once for each board."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest

from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.firmware import Firmware, FirmwareSources, build_firmware
from edgeprune.toolchain.toolchain import find_toolchain

FIXTURES = Path(__file__).resolve().parents[1] / "firmware" / "fixtures"
_INPUT_BYTES = 16


def tiny_sources(target_name: str) -> FirmwareSources:
    model = {
        "tiny_model.c": (FIXTURES / "tiny_model.c").read_text(),
        "tiny_model.h": f'#define TINY_TARGET "{target_name}"\n',
    }
    return FirmwareSources(model, (), _INPUT_BYTES)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """(target name, toolchain kind) -> Firmware."""

    @cache
    def build(target_name: str, kind: str = "gcc") -> Firmware:
        folder = tmp_path_factory.mktemp(f"{target_name}-{kind}")
        target = load_target(target_name)
        return build_firmware(tiny_sources(target_name), target, folder, toolchain=find_toolchain(kind))

    return build


@pytest.fixture(autouse=True, scope="session")
def _needs_qemu():
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
