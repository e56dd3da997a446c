"""Results of a build, and its error messages."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace

import pytest

from edgeprune.device.board import open_board
from edgeprune.device.image.elf import parse_elf
from edgeprune.device.image.uf2 import parse_uf2
from edgeprune.errors import DoesNotFit, ToolchainError, UsageError
from edgeprune.hardware.profile import Loader
from edgeprune.hardware.registry import load_target, target_names
from edgeprune.toolchain.firmware import FirmwareSources, build_firmware
from edgeprune.toolchain.space import target_space, unbounded_space
from edgeprune.toolchain.toolchain import find_toolchain
from tests.emulator.conftest import tiny_sources
from tests.emulator.test_boards import INPUTS, tiny_outputs
from tests.image_facts import uf2_families

TARGET = load_target("mps2-an386")
NOTHING = FirmwareSources({}, (), 1)
RUNS_NOWHERE = [
    name
    for name in target_names()
    if (target := load_target(name)).firmware and (target.emulator is None or target.emulator.target)
]


def test_parts_add_up_to_the_image(tiny):
    firmware = tiny("mps2-an386")
    binary = firmware.bin.read_bytes()
    assert firmware.size.flash_bytes == len(binary)
    assert firmware.size.flash_parts["constants"] >= 256
    assert firmware.size.flash_parts["kernels"] == 0
    runtime_bytes, console_bytes = (firmware.size.flash_parts[part] for part in ("runtime", "console"))
    assert runtime_bytes + console_bytes <= 6 * 1024 + 512 and console_bytes > runtime_bytes / 2
    assert parse_elf(firmware.elf.read_bytes(), "firmware.elf").flat().content == binary


def test_hex_holds_the_same_bytes_as_bin(tiny):
    firmware = tiny("netduinoplus2")
    image, base = {}, 0
    for line in firmware.hex.read_text().splitlines():
        record = bytes.fromhex(line.removeprefix(":"))
        count, address, kind, data = record[0], int.from_bytes(record[1:3], "big"), record[3], record[4:-1]
        assert len(data) == count and sum(record) % 256 == 0
        if kind == 4:
            base = int.from_bytes(data, "big") << 16
        elif kind == 0:
            image.update({base + address + offset: byte for offset, byte in enumerate(data)})
    assert bytes(image[address] for address in sorted(image)) == firmware.bin.read_bytes()
    assert min(image) == 0x0800_0000


def test_uf2_is_written_where_the_target_takes_it(tiny, tmp_path):
    assert tiny("mps2-an386").uf2 is None
    takes_it = TARGET.model_copy(update={"loaders": (Loader(kind="uf2", board_id="RPI-RP2", family_id=0xE48BFF56),)})
    firmware = build_firmware(tiny_sources("mps2-an386"), takes_it, tmp_path)
    data = firmware.uf2.read_bytes()
    image, binary = parse_uf2(data, "firmware.uf2", 0xE48BFF56), firmware.bin.read_bytes()
    assert image.address == target_space(TARGET).flash_origin
    assert image.read(image.address, len(binary)) == binary
    assert uf2_families(data) == {0xE48BFF56}


def test_map_places_symbols(tiny):
    firmware = tiny("mps2-an386")
    assert re.search(r"^[0-9a-f]{8} +256 .constants +tiny_constant$", firmware.map.read_text(), re.MULTILINE)


def test_the_same_sources_give_the_same_image(tiny, tmp_path):
    first = tiny("mps2-an386")
    again = build_firmware(tiny_sources("mps2-an386"), TARGET, tmp_path)
    assert (again.build_id, again.bin.read_bytes()) == (first.build_id, first.bin.read_bytes())
    other = build_firmware(tiny_sources("other"), TARGET, tmp_path)
    assert other.build_id != first.build_id


def test_an_image_that_leaves_its_windows_is_reported_in_bytes(tmp_path):
    space = replace(target_space(TARGET), flash_bytes=5000, ram_bytes=4096 + 100)
    with pytest.raises(DoesNotFit) as caught:
        build_firmware(tiny_sources("x"), TARGET, tmp_path, space=space)
    needs = dict(re.findall(r"(flash|RAM) needs ([0-9,]+) B", caught.value.message))
    whole = build_firmware(tiny_sources("x"), TARGET, tmp_path, space=unbounded_space(TARGET)).size
    assert int(needs["flash"].replace(",", "")) == whole.flash_bytes
    assert int(needs["RAM"].replace(",", "")) == whole.ram_bytes
    assert not list(tmp_path.glob(".*"))


def test_reserves_are_taken_off():
    reserve = TARGET.reserve.model_copy(update={"flash_bytes": 1000, "ram_bytes": 500})
    space = target_space(TARGET.model_copy(update={"reserve": reserve}))
    assert space.flash_bytes == TARGET.region("flash").size_bytes - 1000
    assert space.ram_bytes == TARGET.region("ram").size_bytes - 500
    everything = TARGET.reserve.model_copy(update={"ram_bytes": TARGET.region("ram").size_bytes})
    with pytest.raises(UsageError, match="0 B of RAM"):
        target_space(TARGET.model_copy(update={"reserve": everything}))


def test_code_that_does_not_compile_names_file_and_line(tmp_path):
    with pytest.raises(ToolchainError, match=r"model\.c:1:"):
        build_firmware(FirmwareSources({"model.c": "int broken"}, (), 1), TARGET, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_target_without_a_board_is_reported(tmp_path):
    with pytest.raises(UsageError, match="no firmware board"):
        build_firmware(NOTHING, TARGET.model_copy(update={"firmware": None}), tmp_path)
    with pytest.raises(UsageError, match="no flash"):
        build_firmware(NOTHING, load_target("android-4gb-8core"), tmp_path)


@pytest.mark.parametrize("name", RUNS_NOWHERE)
def test_boards_no_emulator_runs_compile_without_a_warning(name, tmp_path, monkeypatch):
    toolchain = find_toolchain("gcc")
    output = []
    run = type(toolchain).run

    def listening(self, arguments, folder) -> subprocess.CompletedProcess[str]:
        result = run(self, arguments, folder)
        output.append(result.stderr)
        return result

    monkeypatch.setattr(type(toolchain), "run", listening)
    firmware = build_firmware(tiny_sources(name), load_target(name), tmp_path, toolchain=toolchain)
    image = parse_elf(firmware.elf.read_bytes(), "firmware.elf").flat()
    assert image.address == target_space(load_target(name)).flash_origin
    assert "".join(output) == ""


# zig compiles its compiler-rt from source the first time a core without 64-bit shifts asks for it
@pytest.mark.parametrize(
    "name", ["mps2-an386", "mps3-an547", pytest.param("mps2-an385-armv6m", marks=pytest.mark.slow)]
)
def test_zig_builds_the_same_sources(name, tiny):
    firmware = tiny(name, "zig")
    with open_board(load_target(name), firmware.elf, firmware.build_id) as console:
        assert console.infer(INPUTS) == tiny_outputs(INPUTS)
        assert console.results()[-1] == -32.0
        assert 2000 <= console.layers(1).layer_ticks[2] <= 2005


def test_no_compiler_is_a_toolchain_error(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolchainError, match="neither") as caught:
        find_toolchain()
    assert "gcc-arm-none-eabi" in caught.value.hint and "edgeprune[zig]" in caught.value.hint
    monkeypatch.setenv("EDGEPRUNE_TOOLCHAIN", "zig")
    with pytest.raises(ToolchainError, match="ziglang package is not installed"):
        find_toolchain()
    monkeypatch.setenv("EDGEPRUNE_TOOLCHAIN", "icc")
    with pytest.raises(UsageError, match="icc"):
        find_toolchain()
