"""An inference on the emulated machine, block by block (`firmware/emulator/execution.c`)."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

from edgeprune.device.board import open_board
from edgeprune.device.emulator.emulator import find_emulator
from edgeprune.device.image.elf import elf_symbols, parse_elf
from edgeprune.engine.cost.timing.executed import ExecutedBlock
from edgeprune.errors import DeviceError, ToolchainError
from edgeprune.files.quoting import qemu_value
from edgeprune.hardware.flash_timing import FlashTiming
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.plugin import build_plugin
from edgeprune.toolchain.size import build_id_of

_CALLER = "raw_units"  # of firmware/console/timing.c
_WHOLE = "ep_model_invoke"
_LAYERS = "ep_model_layers"


def executed_blocks(elf: Path, machine: Target, timing: FlashTiming) -> list[ExecutedBlock]:
    """Every layer by itself, steps 0 to n - 1, then a whole inference, step n; on an input of zeros.

    Args:
        elf: an image linked for `machine`, which the emulator runs.
        timing: of the flash that the machine's stands for.

    Raises:
        ToolchainError: no emulator, none that takes plugins, or no compiler for them.
        DeviceError: the board does not answer.
    """
    data = elf.read_bytes()
    symbols, content = elf_symbols(data), parse_elf(data, elf.name)
    if not {_CALLER, _WHOLE, _LAYERS} <= symbols.keys():
        raise ToolchainError(f"{elf} has no names of functions", hint="build it again")
    table, size_bytes = symbols[_LAYERS]
    layers = [address for (address,) in struct.iter_unpack("<I", content.read(table, size_bytes))]
    steps = [address & ~1 for address in (*layers, symbols[_WHOLE][0])]
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as name:
        folder = Path(name)
        written, settings = folder / "blocks.txt", folder / "settings.txt"
        settings.write_text(_settings(written, symbols[_CALLER], machine, timing, steps))
        plugin = build_plugin(find_emulator(), folder)
        beside = ("-plugin", f"{qemu_value(str(plugin))},settings={qemu_value(str(settings))}")
        try:
            with open_board(machine, elf, build_id_of(elf), beside=beside) as board:
                board.load(bytes(board.identity().input_bytes))
                board.layers(2)  # the second finds caches as the first left them
        except DeviceError as error:
            if "plugin" in error.message:
                raise ToolchainError("the emulator takes no plugins", hint="install one built with them") from error
            raise
        lines = written.read_text().splitlines()
    blocks = []
    for line in lines:
        step, address, code_bytes, *counts = (int(field) for field in line.split())
        blocks.append(ExecutedBlock(step, address, content.read(address, code_bytes), *counts))
    return blocks


def _settings(written: Path, caller: tuple[int, int], machine: Target, timing: FlashTiming, steps: list[int]) -> str:
    flash, first = machine.region("flash"), caller[0] & ~1
    numbers = (
        timing.wait_states, timing.next_wait_states, timing.read_bytes, int(timing.prefetches),
        timing.code_cache_lines, timing.data_cache_lines, timing.cache_line_bytes,
        timing.cache_ways, int(timing.is_unified),
    )  # fmt: skip
    lines = [
        str(written),
        f"caller {first} {first + caller[1]}",
        f"flash {flash.origin} {flash.origin + flash.size_bytes}",
        f"timing {' '.join(map(str, numbers))}",
        *(f"step {address}" for address in steps),
    ]
    return "\n".join(lines) + "\n"
