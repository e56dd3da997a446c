"""Every file under `targets/` is valid."""

from __future__ import annotations

import shutil
import subprocess
import tomllib

import pytest

from edgeprune.hardware.profile import Family, Isa
from edgeprune.hardware.registry import load_target, target_files, target_names

# fmt: off
WANTED = [
    "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55",
    "nucleo-f446re", "nucleo-l4r5zi", "stm32f4-discovery", "nucleo-h743zi", "nucleo-h743zi2", "nucleo-u575zi-q",
    "raspberry-pi-pico", "raspberry-pi-pico-2", "nucleo-f401re", "nucleo-f411re", "nucleo-l476rg",
    "nrf52840-dk", "microbit-v2", "arduino-nano-33-ble", "netduinoplus2", "stm32vldiscovery",
    "nucleo-g0b1re", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547",
    "raspberry-pi-zero-2-w", "raspberry-pi-3b-plus", "raspberry-pi-4b", "raspberry-pi-5",
]
# fmt: on

ISA_OF_CORE = {
    "cortex-m0": Isa.SCALAR,
    "cortex-m0plus": Isa.SCALAR,
    "cortex-m3": Isa.SCALAR,
    "cortex-m4": Isa.DSP,
    "cortex-m7": Isa.DSP,
    "cortex-m33": Isa.DSP,
    "cortex-m55": Isa.MVE,
}


def test_every_wanted_target_is_there() -> None:
    assert set(WANTED) <= set(target_names())
    assert sum(name.startswith("android-") for name in target_names()) >= 3


@pytest.mark.parametrize("name", target_names())
def test_a_target_is_named_as_its_file_and_lies_in_its_family(name: str) -> None:
    target, path = load_target(name), target_files()[name]
    assert target.name == name == path.stem
    assert target.family == path.parent.name


@pytest.mark.parametrize("name", target_names())
def test_every_table_of_facts_has_a_source(name: str) -> None:
    tables = tomllib.loads(target_files()[name].read_text())
    message = set(tables["sources"])
    facts = {"cpu", "memory"} | ({"loaders"} & set(tables))
    if any(key != "stack_bytes" for key in tables.get("reserve", {})):
        facts.add("reserve")
    if "emulator" in tables and "target" not in tables["emulator"]:
        facts.add("emulator")
    if tables.get("link", {}).keys() & {"usb_ids"}:
        facts.add("link")
    assert facts <= message
    assert message <= set(tables)


@pytest.mark.parametrize("name", target_names())
def test_a_core_has_its_instruction_set(name: str) -> None:
    target = load_target(name)
    expected = ISA_OF_CORE[target.cpu.core] if target.family is Family.CORTEX_M else Isa.VECTOR
    assert target.cpu.isa is expected


@pytest.mark.parametrize("name", [name for name in target_names() if load_target(name).family is Family.CORTEX_M])
def test_the_emulator_runs_the_same_kernels_in_enough_memory(name: str) -> None:
    target = load_target(name)
    assert target.emulator is not None
    stand_in = load_target(target.emulator.target or name)
    assert stand_in.emulator is not None
    assert stand_in.emulator.target is None
    assert stand_in.emulator.machine == target.emulator.machine
    assert stand_in.cpu.core == target.cpu.core
    assert stand_in.region("flash").size_bytes >= min(target.region("flash").size_bytes, 512 * 1024)
    assert stand_in.region("ram").size_bytes >= min(target.region("ram").size_bytes, 512 * 1024)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
def test_the_emulator_has_every_machine() -> None:
    message = subprocess.run(["qemu-system-arm", "-M", "help"], capture_output=True, text=True, check=True).stdout
    known = {line.split()[0] for line in message.splitlines()[1:]}
    used = {target.emulator.machine for target in map(load_target, target_names()) if target.emulator}
    assert used <= known


@pytest.mark.parametrize("name", target_names())
def test_the_stack_leaves_room(name: str) -> None:
    target = load_target(name)
    assert target.reserve.stack_bytes + target.reserve.ram_bytes <= target.region("ram").size_bytes // 2


def test_the_generic_cortex_m4_is_as_in_the_readme() -> None:
    target = load_target("cortex-m4")
    assert target.region("flash").size_bytes == 256 * 1024
    assert target.region("ram").size_bytes == 64 * 1024
