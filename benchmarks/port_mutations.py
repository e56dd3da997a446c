"""Wrong constants put into the board ports on purpose: does the strict bus notice?

    PYTHONPATH=. python benchmarks/port_mutations.py [--mutants 100] [--seed 0]

Each mutant changes one number of one `#define` of a port, or a pin of its target, in a copy of `firmware/`; its image
is built and run on the strict bus (tests/ports): start, an inference, commands at line rate, a fault. Left out are
bounds of waiting loops, which any number near does for, what only an emulator uses, and changes after which the image
is the same bytes.
Exit 1 when fewer than 95 of 100 are noticed.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from edgeprune.errors import EdgePruneError
from edgeprune.files.shipped import shipped
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain import firmware as firmware_build
from edgeprune.toolchain import kernels, units
from tests.emulator.conftest import tiny_sources
from tests.emulator.test_boards import INPUTS, tiny_outputs
from tests.ports.bursts import READY, ask, fault, load_input, send_during_inference
from tests.ports.chips import BOARDS
from tests.ports.families.family import Family
from tests.ports.families.stm32h7 import Stm32H7, Stm32H7RevisionY
from tests.ports.machine import Hung, Machine

# file under firmware/boards -> targets whose images hold it
_FILES = {
    "stm32f4/board.c": ("nucleo-f446re", "netduinoplus2"),
    "stm32f4/clock.h": ("nucleo-f446re", "stm32f4-discovery"),
    "stm32f1/board.c": ("stm32vldiscovery",),
    "stm32l4/board.c": ("nucleo-l4r5zi",),
    "stm32h7/board.c": ("nucleo-h743zi", "nucleo-h743zi2"),
    "stm32u5/board.c": ("nucleo-u575zi-q",),
    "stm32/usart.h": ("nucleo-f446re", "stm32vldiscovery"),
    "stm32/usart_isr.h": ("nucleo-l4r5zi", "nucleo-u575zi-q"),
    "stm32/pin.h": ("nucleo-f446re", "nucleo-l4r5zi"),
    "nrf51/board.c": ("microbit",),
    "nrf52/board.c": ("nrf52840-dk", "microbit-v2"),
    "nrf/uart.h": ("microbit", "nrf52840-dk"),
    "rp2040/board.c": ("raspberry-pi-pico",),
    "rp2350/board.c": ("raspberry-pi-pico-2",),
    "rp2xxx/clocks.h": ("raspberry-pi-pico", "raspberry-pi-pico-2"),
    "rp2xxx/pl011.h": ("raspberry-pi-pico", "raspberry-pi-pico-2"),
    "cortex-m/caches.h": ("nucleo-h743zi",),
}
_NUMBER = re.compile(r"(?<![\w.])(0x[0-9A-Fa-f]+|\d+)u?(?!\w)")
_TOLERANT = re.compile(r"PATIENCE|PROBE_ROUNDS|TIM2|TIMER_|RCC_APB1ENR_TIM2|_CCSIDR|_CSSELR|_ICIALLU|_DCISW")
_PIN = re.compile(r"(BOARD_USART|BOARD_TX_PIN|BOARD_RX_PIN) = (\d+)")


@dataclass(frozen=True)
class Mutant:
    """One number at `start` to `end` of a file, replaced; `target` is what is built with it."""

    path: str
    line: int
    start: int
    end: int
    text: str
    target: str

    def describe(self, content: str) -> str:
        line = content.splitlines()[self.line]
        return f"{self.path}:{self.line + 1} {line.strip()[:70]}  ->  {self.text} ({self.target})"


def candidates(random_source: random.Random) -> list[Mutant]:
    found = []
    for path, targets in _FILES.items():
        for index, line in enumerate((shipped("firmware") / "boards" / path).read_text().splitlines()):
            code = line.split("/*")[0]
            if not code.startswith("#define ") or _TOLERANT.search(code):
                continue
            for number in _NUMBER.finditer(code, len(re.match(r"#define \w+(\(\w+\))?", code)[0])):
                wrong = _other(int(number[1], 0), number[1].startswith("0x"), random_source)
                found.append(Mutant(path, index, number.start(), number.end(), wrong, random_source.choice(targets)))
    for name in BOARDS:
        for path in (shipped("targets") / "cortex-m").glob(f"{name}.toml"):
            for index, line in enumerate(path.read_text().splitlines()):
                for pin in _PIN.finditer(line):
                    wrong = str(int(pin[2]) + random_source.choice((1, 2, 16)))
                    found.append(Mutant(path.name, index, pin.start(2), pin.end(2), wrong, name))
    return found


def _other(value: int, is_hex: bool, random_source: random.Random) -> str:
    if is_hex:
        changed = value ^ random_source.choice((0x4, 0x8, 0x10, 0x400))
        return f"0x{changed:X}u"
    if value >= 10_000:  # a rate: one more of it is the same
        return f"{2 * value}u"
    choices = [other for other in (value + 1, value - 1, value * 2, value + 3) if other >= 0 and other != value]
    return f"{random_source.choice(choices)}u"


def mutated(content: str, mutant: Mutant) -> str:
    lines = content.splitlines()
    line = lines[mutant.line]
    lines[mutant.line] = line[: mutant.start] + mutant.text + line[mutant.end :]
    return "\n".join(lines) + "\n"


def build(target: Target, name: str, root: Path, folder: Path) -> Path:
    """The image with `root` in place of the shipped firmware."""
    units._headers_digest.cache_clear()

    def from_copy(wanted: str) -> Path:
        return root if wanted == "firmware" else shipped(wanted)

    with (
        patch.object(units, "shipped", from_copy),
        patch.object(firmware_build, "shipped", from_copy),
        patch.object(kernels, "shipped", from_copy, create=True),
    ):
        return firmware_build.build_firmware(tiny_sources(name), target, folder).elf


def trouble(stated: Target, elf: Path) -> str | None:
    """What the strict bus of the target notices of an image, on each revision of its chip; None for nothing."""
    families = (Stm32H7, Stm32H7RevisionY) if "h743" in stated.name else (BOARDS[stated.name].family,)
    return next(filter(None, (_trouble(stated, elf, family) for family in families)), None)


def _trouble(stated: Target, elf: Path, family: type[Family]) -> str | None:
    machine = Machine(stated, elf, BOARDS[stated.name].chip(), family)
    try:
        machine.run_to(READY, 3_000_000)
        machine.family.finished()
        if not machine.bus.complaints:
            load_input(machine)
            line = ask(machine, b"infer 1 0")[-2]
            if f"{(tiny_outputs(INPUTS)[0] + 128) % 256 / 256:.3f}" not in line:
                return f"wrong answer: {line}"
            answers = send_during_inference(machine, 0, 18)
            if answers.lost or answers.misread:
                return f"at line rate: {answers}"
            fault(machine)
            if not machine.sent.endswith(b"]\r\n"):
                return f"a fault's line is {bytes(machine.sent[-30:])!r}"
    except (Hung, AssertionError) as error:
        return f"{type(error).__name__}: {str(error)[:90]}"
    return machine.bus.complaints[0] if machine.bus.complaints else None


def verdicts(mutants: list[Mutant], wanted: int) -> Iterator[tuple[Mutant, str, str | None]]:
    """(mutant, its line, what was noticed) of the first that change their image."""
    tried = 0
    plain: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = folder / "firmware"
        shutil.copytree(shipped("firmware"), root)
        for mutant in mutants:
            if tried == wanted:
                return
            target = load_target(mutant.target)
            is_target = mutant.path.endswith(".toml")
            path = (shipped("targets") / "cortex-m" if is_target else root / "boards") / mutant.path
            content = path.read_text()
            place = folder / "changed.toml" if is_target else path
            if mutant.target not in plain:
                plain[mutant.target] = _code(build(target, mutant.target, root, folder / mutant.target).read_bytes())
            place.write_text(mutated(content, mutant))
            try:
                built = load_target(str(place)) if is_target else target
                elf = build(built, mutant.target, root, folder / "mutant")
                if _code(elf.read_bytes()) == plain[mutant.target]:
                    continue
                tried += 1
                yield mutant, mutant.describe(content), trouble(target, elf)
            except EdgePruneError as error:
                tried += 1
                yield mutant, mutant.describe(content), f"does not build: {str(error).splitlines()[0][:60]}"
            finally:
                if not is_target:
                    path.write_text(content)


def _code(elf: bytes) -> bytes:
    """An image without its build id, which names every source."""
    return re.sub(rb"[0-9a-f]{16}\0", b"", elf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    source = random.Random(options.seed)
    mutants = candidates(source)
    source.shuffle(mutants)
    noticed = total = 0
    print(f"seed {options.seed}, {len(mutants)} constants")
    for _, line, found in verdicts(mutants, options.mutants):
        total += 1
        noticed += found is not None
        print(f"{'noticed' if found else 'MISSED '}  {line}\n         {found or ''}".rstrip(), flush=True)
    print(f"{noticed} of {total} noticed")
    sys.exit(noticed < 0.95 * total)


if __name__ == "__main__":
    main()
