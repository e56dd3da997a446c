"""Tools of others that speak AN3155, unchanged, with our bootloader on an emulated board."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeprune.device.console.console import Console
from edgeprune.device.emulator.emulated_flash import flash_arguments, make_flash_file
from edgeprune.device.emulator.emulated_port import emulated_port
from edgeprune.device.emulator.emulator import COUNTED
from edgeprune.device.image.application import make_application
from edgeprune.device.image.read import read_image
from edgeprune.device.links.serial_link import SerialLink
from edgeprune.hardware.registry import load_target
from tests.emulator.boot.board import TARGET

# A pseudo-terminal has neither RTS nor DTR, which the tool moves to reset a board.
WITHOUT_MODEM_LINES = (
    "import serial, sys\n"
    "serial.Serial._update_rts_state = serial.Serial._update_dtr_state = lambda self: None\n"
    "from stm32loader.main import main\n"
    "main(*sys.argv[1:])\n"
)


@pytest.fixture
def port(bootloader, tmp_path: Path) -> Iterator[str]:
    """Of a blank board that waits for an image."""
    make_flash_file(tmp_path / "flash.bin")
    more = (*COUNTED, *flash_arguments(tmp_path / "flash.bin"))
    with emulated_port("mps2-an386", bootloader().elf, more) as (port, _):
        yield port


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("stm32loader") is None, reason="stm32loader is not installed")
def test_stm32loader_writes_verifies_and_starts_an_image(port: str, application, tmp_path: Path) -> None:
    target, firmware = load_target(TARGET), application(1)
    assert target.boot is not None
    payload = read_image(firmware.elf, 0).flat()
    packed = make_application(payload, target.boot.header_bytes, target.name, 1, None)
    (tmp_path / "app.bin").write_bytes(packed.content)
    where = f"{packed.address:#010x}"
    words = ["-p", port, "-P", "none", "-n", "-e", "-w", "-v", "-a", where, "-g", where, str(tmp_path / "app.bin")]
    client = [sys.executable, "-c", WITHOUT_MODEM_LINES, *words]
    done = subprocess.run(client, capture_output=True, text=True, timeout=120)
    told = done.stdout + done.stderr
    assert done.returncode == 0 and "Chip id: 0xEDB0" in told and "Verification OK" in told, told
    link = SerialLink(port, 115200)
    link.open()
    try:
        assert Console(link).identity().build_id == firmware.build_id
    finally:
        link.close()


@pytest.mark.skipif(shutil.which("stm32flash") is None, reason="stm32flash is not installed")
def test_stm32flash_refuses_the_id_of_our_bootloader_as_the_page_says(port: str) -> None:
    done = subprocess.run(["stm32flash", "-m", "8n1", port], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and "Unknown/unsupported device (Device ID: 0xedb0)" in done.stdout + done.stderr
