"""Each gap is noticed where it is made, and mended by a command; what is there is said to be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeprune.tasks import doctor
from edgeprune.tasks.doctor import Checkup, State
from tests.unit.cli.conftest import Cli, cli  # noqa: F401


def by_name(found: list[Checkup]) -> dict[str, Checkup]:
    return {one.name: one for one in found}


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A PATH that holds these programs alone, each a script that says its name, and no compiler from PyPI."""

    def only(*programs: str) -> None:
        for name in programs:
            (tmp_path / name).write_text(f"#!/bin/sh\necho {name} 1.2.3\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)

    return only


def test_without_tools_each_gap_has_its_command(bare: Callable[..., None], cli: Cli) -> None:  # noqa: F811
    bare("apt-get")
    outcome = cli("doctor", "--json")
    found = {one["name"]: one for one in outcome.data["checks"]}
    assert outcome.exit_code == 6 and outcome.data["good"] is False
    for name, command in (
        ("Cortex-M compiler", "sudo apt-get install -y gcc-arm-none-eabi"),
        ("qemu-system-arm", "sudo apt-get install -y qemu-system-arm"),
        ("ssh", "sudo apt-get install -y openssh-client"), ("adb", "sudo apt-get install -y adb"),
    ):  # fmt: skip
        assert found[name]["state"] in ("missing", "absent") and found[name]["mend"] == command, name


def test_what_is_there_is_good_and_says_its_version(bare: Callable[..., None]) -> None:
    bare("apt-get", "arm-none-eabi-gcc", "qemu-system-arm", "ssh", "adb")
    found = by_name(doctor.checkups())
    for name in ("Cortex-M compiler", "qemu-system-arm", "ssh", "adb", "torch", "torch starts", "python"):
        assert found[name].state is State.GOOD and found[name].mend is None, name
    assert found["Cortex-M compiler"].found == "arm-none-eabi-gcc 1.2.3"


def test_without_a_package_manager_pip_brings_a_compiler(bare: Callable[..., None]) -> None:
    bare()
    found = by_name(doctor.checkups())
    assert "edgeprune[zig]" in str(found["Cortex-M compiler"].mend) and found["qemu-system-arm"].mend is None


def test_a_torch_that_does_not_start_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libc10.so: no such file')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (found,) = doctor._torch()
    assert found.state is State.MISSING and "libc10.so" in found.found and "--force-reinstall" in str(found.mend)


def test_a_modem_manager_is_in_the_way(tmp_path: Path) -> None:
    for number, name in (("1", "systemd"), ("42", "ModemManager")):
        (tmp_path / number).mkdir()
        (tmp_path / number / "comm").write_text(name + "\n")
    (found,) = doctor._modem_manager(tmp_path)
    assert found.state is State.TROUBLE and found.mend == "sudo systemctl disable --now ModemManager"
    (tmp_path / "42" / "comm").write_text("sshd\n")
    assert list(doctor._modem_manager(tmp_path)) == []


def test_a_full_disk_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type(usage)(usage.total, usage.total - 10, 10))
    assert {one.state for one in doctor._disk()} == {State.TROUBLE}


def test_probes_need_rules(tmp_path: Path) -> None:
    (tmp_path / "49.rules").write_text('ATTR{idVendor}=="0483"\nATTR{idVendor}=="0d28"\n')
    found = by_name(list(doctor._probes((tmp_path,))))["udev rules"]
    assert found.state is State.ABSENT and "1366, 2e8a" in found.found and "0483" not in str(found.mend)
    (tmp_path / "50.rules").write_text("1366 2e8a")
    assert by_name(list(doctor._probes((tmp_path,))))["udev rules"].state is State.GOOD
