"""Image, target and device agree, or nothing is written: images as linked, for one board and then another."""

from __future__ import annotations

import json
import shutil
import struct
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgeprune.device.image.application import make_application
from edgeprune.device.image.elf import elf_processor, parse_elf
from edgeprune.device.image.intel_hex import intel_hex
from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.image.uf2 import parse_uf2, uf2
from edgeprune.device.loaders.boot_loader import BootLoader
from edgeprune.device.loaders.image_file import load_image
from edgeprune.device.loaders.swd import SwdProbe
from edgeprune.device.loaders.uf2_drive import Uf2Drive
from edgeprune.device.loaders.write_image import WriteOptions, write_image
from edgeprune.errors import DeviceError, DoesNotFit, UsageError
from edgeprune.hardware.cores import CORES
from edgeprune.hardware.registry import load_target, target_names
from edgeprune.progress import Silent
from edgeprune.toolchain.firmware import Firmware, FirmwareSources, build_firmware
from edgeprune.toolchain.toolchain import Toolchain, find_toolchain
from tests.image_facts import uf2_families
from tests.unit.cli.conftest import Cli
from tests.unit.device.fake_boot import FakeBoot
from tests.unit.device.test_wire_bytes import NOW

pytestmark = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")

FIXTURES = Path(__file__).resolve().parents[2] / "firmware" / "fixtures"
PICO, PICO_2, BOOT = "raspberry-pi-pico", "raspberry-pi-pico-2", "mps2-an386-boot"
RP2040, RP2350, ABSOLUTE = 0xE48BFF56, 0xE48BFF59, 0xE48BFF57
INFO = {
    PICO: "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n",
    PICO_2: "UF2 Bootloader v1.0\r\nModel: Raspberry Pi RP2350\r\nBoard-ID: RP2350\r\n",
}


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory):
    """Target name -> the hand-written model's firmware."""

    @cache
    def build(name: str) -> Firmware:
        model = {
            "tiny_model.c": (FIXTURES / "tiny_model.c").read_text(),
            "tiny_model.h": f'#define TINY_TARGET "{name}"\n',
        }
        return build_firmware(FirmwareSources(model, (), 16), load_target(name), tmp_path_factory.mktemp(name))

    return build


def a_drive(folder: Path, board: str) -> Path:
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text(INFO[board])
    return folder


@pytest.mark.parametrize(("image", "target"), [(PICO_2, PICO), (PICO, PICO_2)])
@pytest.mark.parametrize("kind", ["elf", "bin", "hex", "uf2"])
def test_nothing_of_another_chips_reaches_a_drive(cli: Cli, firmware, tmp_path, image, target, kind) -> None:
    drive = a_drive(tmp_path / "drive", target)
    made = getattr(firmware(image), kind)
    done = cli("flash", str(made), "--target", target, "--port", str(drive), "--no-verify")
    assert done.exit_code == 2
    assert [path.name for path in drive.iterdir()] == ["INFO_UF2.TXT"]


@pytest.mark.parametrize("name", [PICO, PICO_2])
@pytest.mark.parametrize("kind", ["elf", "bin", "hex", "uf2"])
def test_a_chips_own_image_reaches_its_drive_as_its_own_family(cli: Cli, firmware, tmp_path, name, kind) -> None:
    drive = a_drive(tmp_path / "drive", name)
    made = getattr(firmware(name), kind)
    done = cli("flash", str(made), "--target", name, "--port", str(drive), "--no-verify", "--no-go", "--json")
    assert done.exit_code == 0, done.stderr
    family = load_target(name).uf2_family_id
    copied = (drive / "edgeprune.uf2").read_bytes()
    assert uf2_families(copied) == {family}
    binary = firmware(name).bin.read_bytes()
    assert parse_uf2(copied, "x", family).read(0x1000_0000, len(binary)) == binary
    assert json.loads(done.stdout)["target"] == name


@pytest.mark.parametrize(("board", "target"), [(PICO_2, PICO), (PICO, PICO_2)])
def test_a_drive_of_another_board_is_left_alone(firmware, tmp_path, board, target) -> None:
    drive = a_drive(tmp_path / "drive", board)
    loaded = load_image(firmware(target).elf, None, None)
    with pytest.raises(DeviceError, match=r"is 'RPI-RP2' by its INFO_UF2|is 'RP2350' by its INFO_UF2"):
        write_image(Uf2Drive(drive, loaded.target, loaded.target.loaders[0]), loaded.image, WriteOptions(), Silent())
    assert [path.name for path in drive.iterdir()] == ["INFO_UF2.TXT"]


def test_a_drive_that_does_not_say_what_it_is_is_left_alone(tmp_path) -> None:
    (tmp_path / "INFO_UF2.TXT").write_text("Model: something\n")
    target = load_target(PICO)
    with pytest.raises(DeviceError, match="'unnamed'"):
        Uf2Drive(tmp_path, target, target.loaders[0]).connect()


def test_of_a_file_for_two_chips_each_takes_its_own_blocks() -> None:
    both = uf2(Segment(0x1000_0000, b"old" * 200), RP2040) + uf2(Segment(0x1000_0000, b"new" * 300), RP2350)
    assert parse_uf2(both, "x", RP2040).read(0x1000_0000, 600) == b"old" * 200
    assert parse_uf2(both, "x", RP2350).read(0x1000_0000, 900) == b"new" * 300
    with pytest.raises(
        UsageError, match="for UF2 family 0xe48bff56 and 0xe48bff59; the target takes family 0x00000001"
    ):
        parse_uf2(both, "x", 1)
    with pytest.raises(UsageError, match="; the target takes no UF2 family"):
        parse_uf2(both, "x", None)
    with pytest.raises(UsageError, match=r"[012] of 3"):
        parse_uf2(both[512:], "x", RP2040)


def test_a_block_that_works_around_an_erratum_is_not_part_of_the_image() -> None:
    """The Pico 2's SDK puts one of family 'absolute' before its own, numbered 0 of 2."""
    fix = bytearray(uf2(Segment(0x10FF_FF00, b"\xef" * 256), ABSOLUTE))
    struct.pack_into("<I", fix, 24, 2)
    own = uf2(Segment(0x1000_0000, b"new" * 300), RP2350)
    assert parse_uf2(bytes(fix) + own, "x", RP2350).end == 0x1000_0400


def test_a_file_that_names_no_chip_is_for_none() -> None:
    nameless = bytearray(uf2(Segment(0x1000_0000, b"a"), RP2040))
    struct.pack_into("<I", nameless, 8, 0)
    with pytest.raises(UsageError, match="for no UF2 family"):
        parse_uf2(bytes(nameless), "x", RP2040)


def test_a_uf2_file_is_not_for_a_target_without_that_drive(firmware) -> None:
    with pytest.raises(UsageError, match="takes no UF2 family"):
        load_image(firmware(PICO).uf2, load_target("nucleo-f446re"), None)


def test_an_elf_file_is_refused_whatever_it_is_called(firmware, tmp_path) -> None:
    shutil.copy(firmware("nucleo-f446re").elf, tmp_path / "app.bin")
    with pytest.raises(UsageError, match="was built for nucleo-f446re"):
        load_image(tmp_path / "app.bin", load_target("stm32f4-discovery"), None)


@pytest.mark.parametrize(
    ("image", "target", "words"),
    [
        ("nucleo-f446re", "stm32vldiscovery", "another core"),  # Armv7E-M on an M3
        ("mps2-an500", "cortex-m0", "another core"),
        ("mps3-an547", "mps2-an500", "another core"),  # Armv8.1-M on an M7
        ("mps2-an386", "cortex-m4-without-fpu", "no"),
    ],
)
@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_code_the_core_does_not_run_is_refused(tmp_path, image, target, words, kind) -> None:
    """A stranger's ELF: no symbol of ours names the target."""
    made = load_target(image)
    wanted = (
        load_target(target)
        if target in target_names()
        else made.model_copy(update={"name": target, "cpu": made.cpu.model_copy(update={"fpu": False})})
    )
    toolchain = find_toolchain(kind)
    elf = a_strangers_elf(tmp_path, toolchain, toolchain.cpu_flags(made.cpu), made.region("flash").origin)
    assert elf_processor(elf.read_bytes()) is not None
    load_image(elf, made, None)
    with pytest.raises(UsageError, match=words):
        load_image(elf, wanted, None)


def a_strangers_elf(folder: Path, toolchain: Toolchain, flags: tuple[str, ...], origin: int) -> Path:
    """Two vectors and a function, linked by hand."""
    (folder / "a.c").write_text(
        "float half(float x) { return x * 0.5f; }\n"
        "void reset(void) { for (;;) { } }\n"
        '__attribute__((section(".vectors"), used)) void *const vectors[2] = {(void *)0x20001000, (void *)reset};\n'
    )
    (folder / "a.ld").write_text(
        f"ENTRY(reset)\nSECTIONS {{ . = {origin:#x}; .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) }} "
        "/DISCARD/ : { *(.ARM.exidx*) } }\n"
    )
    arguments = (
        *toolchain.common_flags, *flags, "-nostartfiles", "-nostdlib", "-static", "-Wl,-T,a.ld", "a.c", "-o", "a.elf",
    )  # fmt: skip
    result = toolchain.run(arguments, folder)
    assert result.returncode == 0, result.stderr
    return folder / "a.elf"


@pytest.mark.parametrize("kind", ["bin", "hex"])
@pytest.mark.parametrize(
    ("stack", "start"),
    [
        (0x2008_2000, 0x0800_0009),  # a stack of a chip with more RAM
        (0x2000_1000, 0x1000_0009),  # a start in another chip's flash
        (0x2000_1000, 0x0800_0008),  # no Thumb code
        (0x2000_1002, 0x0800_0009),
        (0xFFFF_FFFF, 0xFFFF_FFFF),
        (0x2000_1000, 0x0801_0001),  # a start behind the image
    ],
)
def test_a_vector_table_of_another_chip_is_refused(tmp_path, kind, stack, start) -> None:
    target = load_target("nucleo-f446re")
    path = tmp_path / f"app.{kind}"
    for table in ((stack, start), (0x2000_1000, 0x0800_0009)):
        content = struct.pack("<2I", *table) + bytes(500)
        image = Image((Segment(0x0800_0000, content),))
        path.write_bytes(content if kind == "bin" else intel_hex(image).encode())
        if table == (stack, start):
            with pytest.raises(UsageError, match="does not begin with a vector table for nucleo-f446re"):
                load_image(path, target, None)
        else:
            load_image(path, target, None)


def test_data_is_written_where_nothing_starts_and_never_started(cli: Cli, tmp_path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(64))
    drive = a_drive(tmp_path / "drive", PICO)
    asked = ("flash", str(tmp_path / "weights.bin"), "--target", PICO, "--port", str(drive), "--no-verify")
    started = cli(*asked, "--address", "0x10100000")
    assert started.exit_code == 2 and "--no-go" in started.stderr
    assert cli(*asked, "--no-go").exit_code == 2
    assert not (drive / "edgeprune.uf2").exists()
    assert cli(*asked, "--address", "0x10100000", "--no-go").exit_code == 0
    outside = cli(*asked, "--address", "0x0FF00000", "--no-go")
    assert outside.exit_code == DoesNotFit.exit_code


@pytest.mark.parametrize("kind", ["elf", "hex", "uf2"])
def test_an_address_asked_for_beside_one_that_is_stated_is_refused(cli: Cli, firmware, tmp_path, kind) -> None:
    drive = a_drive(tmp_path / "drive", PICO)
    path = getattr(firmware(PICO), kind)
    asked = ("flash", str(path), "--target", PICO, "--port", str(drive), "--address", "0x10100000", "--no-go")
    refused = cli(*asked)
    assert refused.exit_code == UsageError.exit_code
    assert "states its own addresses; 0x10100000 was asked for" in refused.stderr and "hint:" in refused.stderr
    assert not (drive / "edgeprune.uf2").exists()


def an_application(firmware, target: str = BOOT, header_bytes: int = 512) -> Segment:
    payload = parse_elf(firmware(BOOT).elf.read_bytes(), "x").flat()
    return make_application(payload, header_bytes, target)


@pytest.mark.parametrize("kind", ["bin", "hex"])
def test_a_packed_image_goes_where_its_header_says(firmware, tmp_path, kind) -> None:
    packed = an_application(firmware)
    path = tmp_path / f"app.{kind}"
    path.write_bytes(packed.content if kind == "bin" else intel_hex(Image((packed,))).encode())
    assert load_image(path, load_target(BOOT), None).image == Image((packed,))


def test_a_header_for_another_board_is_refused(firmware, tmp_path) -> None:
    path = tmp_path / "app.bin"
    target = load_target(BOOT)
    path.write_bytes(an_application(firmware, "nucleo-f446re").content)
    with pytest.raises(UsageError, match="was built for nucleo-f446re"):
        load_image(path, target, None)
    path.write_bytes(an_application(firmware, header_bytes=256).content)
    with pytest.raises(UsageError, match=r"header 256 B"):
        load_image(path, target, None)
    path.write_bytes(an_application(firmware).content)
    with pytest.raises(UsageError, match="starts images without one"):
        load_image(path, load_target("mps2-an386"), None)
    with pytest.raises(UsageError, match="placed at 0x21008200, its header states 0x21008000"):
        load_image(path, target, 0x2100_8200)


def test_no_board_is_given_a_name_it_has_not(firmware) -> None:
    """An image without a header was made one for whatever board was connected."""
    board = FakeBoot("another-board", load_target(BOOT).boot)
    loaded = load_image(firmware(BOOT).elf, None, None)
    with pytest.raises(DeviceError, match=f"is another-board by its bootloader, not {BOOT}"):
        write_image(BootLoader(board, BOOT, timing=NOW), loaded.image, WriteOptions(), Silent())
    assert board.erased == [] and set(board.flash) == {0x5A}


@pytest.mark.parametrize("core", CORES)
def test_a_probe_asks_the_core_what_it_is(core: str) -> None:
    target = load_target("nucleo-f446re")
    probe = SwdProbe(target, target.loaders[1])
    cpuid = 0x410F_0001 | CORES[core].part << 4
    probe._session = SimpleNamespace(target=SimpleNamespace(read32=lambda address: cpuid))
    probe._translated = lambda action: action()  # pyOCD's errors are not needed
    if core == target.cpu.core:
        probe._check_core()
    else:
        with pytest.raises(DeviceError, match=f"has {core}, nucleo-f446re has cortex-m4"):
            probe._check_core()


def test_every_core_a_target_may_have_is_known() -> None:
    cores = {load_target(name).cpu.core for name in target_names()}
    assert {core for core in cores if core.startswith("cortex-m")} <= CORES.keys()
