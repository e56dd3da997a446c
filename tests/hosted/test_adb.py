"""Programs over the real `adb`, against a test double of the device's side (`adb_double.py`): no phone was involved."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edgeprune.deploy.hosted.session import installed
from edgeprune.deploy.hosted.timing import Timing
from edgeprune.device.machines.named import machine_at
from edgeprune.errors import DeviceError
from edgeprune.hardware.hosted import Architecture
from edgeprune.toolchain.linux import this_machine
from edgeprune.toolchain.program import build_program
from tests.hosted.adb_double import AdbDouble, Manner
from tests.hosted.sshd import free_port
from tests.unit.deploy.hosted.small_model import small

FILES = {"hello": b'#!/bin/sh\nread word; echo "hello $word"; exit 0\n', "data": bytes(range(256)) * 1000}


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AdbDouble]:
    if shutil.which("adb") is None:
        pytest.skip("adb is not installed: apt install adb")
    monkeypatch.setenv("HOME", str(tmp_path))  # the server's keys
    words = ["adb", "-P", str(free_port())]
    monkeypatch.setenv("EDGEPRUNE_ADB", " ".join(words))
    folder = tmp_path / "device"
    folder.mkdir()
    double = AdbDouble(folder)
    subprocess.run([*words, "connect", double.serial], check=True, capture_output=True, timeout=60)
    yield double
    subprocess.run([*words, "kill-server"], check=True, capture_output=True, timeout=60)
    double.close()


def connect_again(double: AdbDouble) -> None:
    words = os.environ["EDGEPRUNE_ADB"].split()
    for verb in ("disconnect", "connect"):
        subprocess.run([*words, verb, double.serial], check=False, capture_output=True, timeout=60)


def test_files_are_installed_and_run(phone: AdbDouble) -> None:
    with closing(machine_at(f"adb:{phone.serial}")) as machine:
        folder = machine.install(FILES)
        assert machine.run(folder, ["./hello"], b"phone\n", 20) == b"hello phone\n"
        assert machine.install(FILES) == folder
        assert (Path(folder) / "data").read_bytes() == FILES["data"]
        with pytest.raises(DeviceError, match="status 7"):
            machine.run(folder, ["sh", "-c", "exit 7"], b"", 20)
        with pytest.raises(DeviceError, match="did not end"):
            machine.run(folder, ["sleep", "100"], b"", 1)


@pytest.mark.skipif(this_machine() is not Architecture.X86_64, reason="the double runs this machine's programs")
def test_a_model_s_bytes_are_litert_s(phone: AdbDouble) -> None:
    samples = small().samples(6)
    with closing(machine_at(f"adb:{phone.serial}")) as machine:
        assert machine.architecture() is Architecture.X86_64
        session = installed(machine, build_program(small().sources, Architecture.X86_64))
        rows = session.outputs(samples.reshape(6, -1).view("uint8"), lambda done: None)
        times = session.times(samples[0].tobytes(), Timing(1, 3))
    assert rows.tobytes() == small().expected(samples).tobytes()
    assert len(times.run_ns) == 3 and times.peak_rss_bytes


def test_one_that_is_not_authorized(phone: AdbDouble) -> None:
    phone.manner = Manner.UNAUTHORIZED
    connect_again(phone)
    with closing(machine_at(f"adb:{phone.serial}")) as machine, pytest.raises(DeviceError, match="is not authorized"):
        machine.install(FILES)


def test_one_that_is_not_connected(phone: AdbDouble) -> None:
    with closing(machine_at("adb:NOSUCH")) as machine, pytest.raises(DeviceError, match="is not connected"):
        machine.install(FILES)


def test_one_that_breaks_off_leaves_nothing_in_use(phone: AdbDouble, tmp_path: Path) -> None:
    phone.manner = Manner.BREAKS_OFF
    with closing(machine_at(f"adb:{phone.serial}")) as machine, pytest.raises(DeviceError):
        machine.install(FILES)
    assert [path for path in (tmp_path / "device").glob("edgeprune/*") if not path.name.startswith(".")] == []
    phone.manner = Manner.READY
    connect_again(phone)
    with closing(machine_at(f"adb:{phone.serial}")) as machine:
        assert machine.run(machine.install(FILES), ["./hello"], b"again\n", 20) == b"hello again\n"
