"""Ways to reach a board, good and bad: a serial port, the emulator, noise between."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeprune.device.board import open_board
from edgeprune.device.console.console import Console
from edgeprune.device.emulator.emulator import EmulatorLink, emulator_arguments, find_emulator
from edgeprune.device.links.serial_link import SerialLink
from edgeprune.errors import DeviceError, ToolchainError
from edgeprune.hardware.registry import load_target
from tests.emulator.test_boards import INPUTS, tiny_outputs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pty(tiny):
    """A board at the end of a pseudo terminal, as any serial program would meet it."""
    command = [find_emulator(), *emulator_arguments("mps2-an386", tiny("mps2-an386").elf), "-serial", "pty"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield re.search(r"/dev/pts/\d+", process.stdout.readline())[0]
        finally:
            process.kill()


def test_a_serial_port_gives_the_same_bytes(pty, tiny):
    firmware = tiny("mps2-an386")
    with open_board(load_target("mps2-an386"), firmware.elf, firmware.build_id, port=pty) as console:
        for step in range(3):
            inputs = bytes((value + 7 * step) & 0x7F for value in INPUTS)
            assert console.infer(inputs) == tiny_outputs(inputs)
        assert console.layers(1).layer_ticks[2] in range(2000, 2004)


def test_another_build_on_the_board_is_refused(pty, tiny):
    with (
        pytest.raises(DeviceError, match=r"this model, .* runs build [0-9a-f]{16}, not build 0{16}") as caught,
        open_board(load_target("mps2-an386"), tiny("mps2-an386").elf, "0" * 16, port=pty),
    ):
        pass
    assert "edgeprune flash" in caught.value.hint


def test_a_busy_port_is_reported(pty):
    first, second = SerialLink(pty), SerialLink(pty)
    first.open()
    try:
        with pytest.raises(DeviceError, match="busy") as caught:
            second.open()
        assert "other program" in caught.value.hint
    finally:
        first.close()


def test_a_missing_port_is_reported():
    with pytest.raises(DeviceError, match="no serial port /dev/ttyNOWHERE0"):
        SerialLink("/dev/ttyNOWHERE0").open()


def test_what_is_no_serial_port_is_reported(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    with pytest.raises(DeviceError, match="cannot be opened"):
        SerialLink(str(path)).open()


def test_a_client_written_from_the_document_alone(pty):
    inputs = [INPUTS, bytes(16), bytes(range(16))]
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "tests/emulator/plain_client.py"), pty, *(data.hex() for data in inputs)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    output = done.stdout.splitlines()
    assert output[:2] == ["m-ep-target-[mps2-an386]", "m-name-dut-[EdgePrune]"]
    assert output[3::2] == [tiny_outputs(data).hex() for data in inputs]


def test_the_emulator_dies_with_the_process_that_started_it(tiny):
    elf = tiny("mps2-an386").elf
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from edgeprune.device.emulator.emulator import EmulatorLink\n"
        "link = EmulatorLink('mps2-an386', Path(sys.argv[1]))\n"
        "link.open()\n"
        "assert link.read(60.0)\n"
        "print(link._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(elf)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    status = Path(f"/proc/{int(done.stdout)}/stat")
    deadline_s = time.monotonic() + 30
    while status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z" and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_machine_that_does_not_start_is_reported_with_its_message(tiny):
    link = EmulatorLink("mps2-an999", tiny("mps2-an386").elf)
    link.open()
    try:
        with pytest.raises(DeviceError, match="unsupported machine type"):
            Console(link).await_boot()
    finally:
        link.close()


def test_no_emulator_is_a_toolchain_error(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolchainError, match="qemu-system-arm is not installed") as caught:
        find_emulator()
    assert "apt install qemu-system-arm" in caught.value.hint
