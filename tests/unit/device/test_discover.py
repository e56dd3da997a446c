"""Devices are named, distinguished, and chosen only when one alone is suitable."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.device.discovery.adb_phones import _ask, parse_phones
from edgeprune.device.discovery.discover import choose_device
from edgeprune.device.discovery.emulators import announced, running_emulators
from edgeprune.device.discovery.serial_ports import described_ports
from edgeprune.device.discovery.ssh_hosts import ssh_hosts
from edgeprune.device.discovery.usb_ids import ADAPTERS, known_boards
from edgeprune.device.found import Ability, FoundDevice, Kind
from edgeprune.device.loaders.kind import LoaderRequest
from edgeprune.device.loaders.stm32_rom import Stm32Rom
from edgeprune.device.loaders.swd import debug_probes
from edgeprune.device.reach import reach_loader
from edgeprune.errors import DeviceError, UsageError
from edgeprune.hardware.registry import load_target, target_names

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Port:
    device: str
    vid: int | None = None
    pid: int | None = None
    description: str | None = None
    serial_number: str | None = None


def test_known_usb_ids_are_those_of_the_targets() -> None:
    targets = [load_target(name) for name in target_names()]
    expected = {target.name: target.link.usb_ids for target in targets if target.link and target.link.usb_ids}
    assert {board.name: board.usb_ids for board in known_boards()} == expected


def test_ports_are_named_as_boards() -> None:
    ports = [
        Port("/dev/ttyUSB0", 0x10C4, 0xEA60, "CP2102"),
        Port("/dev/ttyACM0", 0x0483, 0x374B, "STM32 STLink", "066CFF"),
        Port("/dev/ttyS0"),
        Port("/dev/ttyACM1", 0x1234, 0x5678, "Something"),
    ]
    board, unknown, adapter = described_ports(ports, known_boards())
    assert "nucleo-f446re" in board.targets
    assert "NUCLEO-F446RE" in board.title and "066CFF" in board.title
    assert unknown.title.startswith("Something") and not unknown.targets and Ability.FLASH not in unknown.abilities
    assert adapter.title.startswith(ADAPTERS["10c4:ea60"]) and Ability.FLASH in adapter.abilities


def a_board(address: str, *targets: str, kind: Kind = Kind.SERIAL) -> FoundDevice:
    return FoundDevice(kind, address, f"board at {address}", targets, (Ability.FLASH, Ability.CONSOLE))


def test_the_only_one_is_chosen() -> None:
    assert choose_device([a_board("a")], Ability.FLASH, (Kind.SERIAL,), None).address == "a"


def test_the_one_known_to_be_the_target_goes_first() -> None:
    devices = [a_board("a"), a_board("b", "nucleo-f446re"), a_board("c", "microbit")]
    assert choose_device(devices, Ability.FLASH, (Kind.SERIAL,), "nucleo-f446re").address == "b"


def test_several_are_an_error_that_lists_them() -> None:
    with pytest.raises(DeviceError, match="2 devices") as caught:
        choose_device([a_board("/dev/ttyACM0"), a_board("/dev/ttyACM1")], Ability.FLASH, (Kind.SERIAL,), None)
    assert "/dev/ttyACM0" in caught.value.message and "/dev/ttyACM1" in caught.value.message
    assert caught.value.exit_code == 4


def test_none_is_an_error() -> None:
    with pytest.raises(DeviceError, match="no device to flash"):
        choose_device([a_board("a", "microbit")], Ability.FLASH, (Kind.SERIAL,), "nucleo-f446re")


def test_a_port_not_wired_to_the_rom_is_reported_at_once() -> None:
    board = FoundDevice(Kind.SERIAL, "/dev/ttyACM0", "Nucleo", ("nucleo-f446re",), (Ability.CONSOLE,))
    with pytest.raises(DeviceError, match="not to its loader: the board's USB port is wired to USART2") as caught:
        reach_loader(load_target("nucleo-f446re"), LoaderRequest(loader="stm32-rom"), lambda: [board])
    assert "PA9" in (caught.value.hint or "")


def test_a_probe_is_taken_where_the_serial_loader_is_not_wired() -> None:
    port = FoundDevice(Kind.SERIAL, "/dev/ttyACM0", "Nucleo", ("nucleo-f446re",), (Ability.CONSOLE,))
    probe = FoundDevice(Kind.SWD, "066CFF", "STM32 STLink", (), (Ability.FLASH,))
    reached = reach_loader(load_target("nucleo-f446re"), LoaderRequest(), lambda: [port, probe])
    assert (reached.profile.kind, reached.port) == ("swd", "066CFF")


def test_a_named_port_decides_the_loader(tmp_path: Path) -> None:
    assert reach_loader(load_target("raspberry-pi-pico"), LoaderRequest(port=str(tmp_path)), list).profile.kind == "uf2"
    assert reach_loader(load_target("nucleo-f446re"), LoaderRequest(port="066CFF"), list).profile.kind == "swd"
    reached = reach_loader(load_target("nucleo-f446re"), LoaderRequest(port="loop://"), list)
    assert isinstance(reached.loader, Stm32Rom)
    reached.loader.close()


def test_a_missing_port_is_a_device_error() -> None:
    with pytest.raises(DeviceError, match="no serial port /dev/ttyNOT"):
        reach_loader(load_target("nucleo-f446re"), LoaderRequest(port="/dev/ttyNOT"), list)


def test_a_target_without_loaders_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no loader"):
        reach_loader(load_target("mps2-an386"), LoaderRequest(), list)


def test_emulators_are_found_while_they_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with announced("mps2-an386-boot", "/dev/pts/9", can_flash=True):
        (found,) = running_emulators()
        assert (found.address, found.targets) == ("/dev/pts/9", ("mps2-an386-boot",))
        assert Ability.FLASH in found.abilities
    assert running_emulators() == []


def test_dead_emulators_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    note = tmp_path / "edgeprune-emulators" / f"{ended.pid}.json"
    note.parent.mkdir(mode=0o700)
    note.write_text(json.dumps({"target": "x", "port": "y", "can_flash": True}))
    (note.parent / f"{os.getpid()}.json").write_text("not json")
    assert running_emulators() == []
    assert not note.exists()


def test_phones_are_read_from_adbs_list() -> None:
    reply = "R58M 	device usb:1-1 product:a model:SM_A125F device:a12 transport_id:1\nZY22 unauthorized usb:1-2\n"
    ready, locked = parse_phones(reply)
    assert (ready.address, ready.title, ready.abilities) == ("adb:R58M", "SM A125F", (Ability.PROFILE,))
    assert locked.abilities == () and "unauthorized" in (locked.note or "")


@given(st.text(max_size=300))
def test_any_reply_of_adb_is_some_list(reply: str) -> None:
    assert all(phone.kind is Kind.ADB for phone in parse_phones(reply))


def test_ssh_hosts_are_the_configs_aliases(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "Host pi pi2 # two\n  HostName 192.168.1.5\nHost *.lan\n  HostName no\nhost=zero\nMatch all\n HostName x\n"
    )
    assert [(host.address, host.title) for host in ssh_hosts(config)] == [
        ("ssh://pi", "192.168.1.5"),
        ("ssh://pi2", "192.168.1.5"),
        ("ssh://zero", "zero"),
    ]
    assert ssh_hosts(tmp_path / "none") == []


def test_probes_are_found_by_their_names(tmp_path: Path) -> None:
    for name, product, serial in (
        ("1-1", "STM32 STLink", "066C"),
        ("1-2", "USB Hub", ""),
        ("1-3", "DAPLink CMSIS-DAP", "99"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "product").write_text(product + "\n")
        if serial:
            (tmp_path / name / "serial").write_text(serial + "\n")
    assert [probe.address for probe in debug_probes(tmp_path)] == ["066C", "99"]


@pytest.mark.parametrize("is_installed", [True, False])
def test_a_probe_flashes_where_pyocd_is_installed(
    is_installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if is_installed else None)
    (tmp_path / "1-1").mkdir()
    (tmp_path / "1-1" / "product").write_text("STM32 STLink\n")
    (probe,) = debug_probes(tmp_path)
    assert probe.abilities == ((Ability.FLASH,) if is_installed else ())
    assert (probe.note is None) == is_installed


def test_a_reply_of_adb_ends_where_its_length_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server may leave the line open; a refusal and what is cut off are no list."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.getsockname()[1]))
        lines: list[socket.socket] = []

        def answer() -> None:
            for reply in (b"OKAY0005helloworld", b"FAIL0005hello"):
                line, _ = server.accept()
                lines.append(line)
                assert line.recv(64) == b"000chost:devices"
                line.sendall(reply)
                if reply.startswith(b"FAIL"):
                    line.close()

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            assert _ask(b"host:devices") == "helloworld"
            assert _ask(b"host:devices") == ""
        finally:
            thread.join()
            for line in lines:
                line.close()


def test_listing_imports_neither_torch_nor_anything_heavy() -> None:
    code = (
        "import sys; from edgeprune.device.discovery.discover import find_devices; find_devices();"
        "print(sorted({'torch', 'numpy', 'pydantic', 'pyocd', 'elftools'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
