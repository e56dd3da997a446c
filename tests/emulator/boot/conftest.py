"""The bootloader for the emulated board, and two versions of an application."""

from __future__ import annotations

from functools import cache

import pytest

from edgeprune.errors import ToolchainError
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.bootloader import Bootloader, BootOptions, build_bootloader
from edgeprune.toolchain.firmware import Firmware
from tests.emulator.boot.board import TARGET, Board
from tests.emulator.boot.images import tiny_firmware


@pytest.fixture(scope="session")
def bootloader(tmp_path_factory):
    """(public key or None, minimum version or None) -> the loader built with them."""

    @cache
    def build(public_key: bytes | None = None, minimum_version: int | None = None) -> Bootloader:
        options = BootOptions(public_key, minimum_version)
        try:
            return build_bootloader(load_target(TARGET), tmp_path_factory.mktemp("boot"), options)
        except ToolchainError as error:
            if "pip cannot fetch" in error.message:
                pytest.skip(f"monocypher's sources are not to be had: {error.message}")
            raise

    return build


@pytest.fixture(scope="session")
def application(tmp_path_factory):
    """Version -> firmware that differs from every other version in a constant of its own."""

    @cache
    def build(version: int) -> Firmware:
        return tiny_firmware(TARGET, version, tmp_path_factory.mktemp(f"app{version}"))

    return build


@pytest.fixture
def board(bootloader, tmp_path):
    """A blank board, powered off."""
    made = Board(bootloader(), tmp_path / "flash.bin")
    yield made
    made.power_off()
