"""Images of the hand-written model in tests/firmware/fixtures, built once for each board."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest

from edgeprune.build.firmware import Firmware, build_firmware
from edgeprune.build.toolchain import find_toolchain
from edgeprune.target.registry import load_target

FIXTURES = Path(__file__).resolve().parents[1] / "firmware" / "fixtures"
INPUT_BYTES = 16


def tiny_sources(target_name: str) -> dict[str, str]:
    return {
        "tiny_model.c": (FIXTURES / "tiny_model.c").read_text(),
        "tiny_model.h": f'#define TINY_TARGET "{target_name}"\n',
    }


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """(target name, toolchain kind) -> Firmware."""

    @cache
    def build(target_name: str, kind: str = "gcc") -> Firmware:
        folder = tmp_path_factory.mktemp(f"{target_name}-{kind}")
        return build_firmware(
            tiny_sources(target_name), (), load_target(target_name), folder,
            input_bytes=INPUT_BYTES, toolchain=find_toolchain(kind),
        )  # fmt: skip

    return build


@pytest.fixture(autouse=True, scope="session")
def _needs_qemu():
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
