"""Every register address and bit that a port names, held against the data of its chip's vendor.

The names are read from the C as the compiler sees it: `RCC_CR` has to lie where the vendor has a register of that name,
and `RCC_CR_PLLON` inside a field of it.
"""

from __future__ import annotations

import re
import subprocess

import pytest

from edgeprune.files.shipped import shipped
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.toolchain import find_toolchain
from tests.ports.chips import BOARDS

_DEFINE = re.compile(r"^#define (\w+)(?:\((\w+)\))? (.+)$", re.MULTILINE)
_REGISTER = re.compile(r"\(\*\(volatile uint32_t \*\)\((.+)\)\)$")
# what our name begins with -> how the vendor's does, where it has another; USART and UART stand for the console's
_OTHER_NAMES = {
    "GPIO_OUTSET": "OUTSET", "GPIO_DIRSET": "DIRSET", "IO_BANK0_CTRL": "GPIO1_CTRL", "PADS_BANK0": "GPIO1",
    "RESETS_RESET_CLEAR": "RESET", "RESETS_DONE": "RESET_DONE", "CLK_SYS_CTRL_CLEAR": "CLK_SYS_CTRL",
    "PLL_PWR_CLEAR": "PWR", "UART_PSELTXD": "PSEL_TXD", "UART_PSELRXD": "PSEL_RXD", "NVMC_ICACHECNF": "ICACHECNF",
    "GPIO_PIN_CNF": "PIN_CNF1",
}  # fmt: skip
# in no vendor data that we have: the core's own, and single registers whose source stands beside them in the port
_ELSEWHERE = re.compile(r"^(SCB|MPU|SYST|DWT|NVIC|WDT|IWDG|ICACHE|DBGMCU|AXI|UICR|APPROTECT)_|^(GPIO|CORE_REGISTER)$")
# values that are shifted where they are used, or loops' ends
_UNSHIFTED = ("_SRC_XOSC", "_SRC_AUX")
_ALIAS = 0x3000


def definitions(name: str) -> dict[str, str]:
    """Macro -> text, all of them, of a target's board.c."""
    target = load_target(name)
    assert target.firmware is not None
    root = shipped("firmware")
    folder = root / "boards" / target.firmware.board
    macros = {"BOARD_BAUD": target.baud, "BOARD_CLOCK_HZ": target.cpu.clock_hz} | target.firmware.defines
    toolchain = find_toolchain("gcc")
    flags = [*toolchain.cpu_flags(target.cpu), *(f"-D{key}={value}" for key, value in macros.items())]
    folders = [f"-I{path}" for path in (folder, root / "boards", root / "console", root / "include")]
    command = ["arm-none-eabi-gcc", "-E", "-dM", "-ffreestanding", *flags, *folders, str(folder / "board.c")]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {macro: (body if not argument else f"{argument}|{body}") for macro, argument, body in _DEFINE.findall(text)}


def value_of(text: str, macros: dict[str, str], depth: int = 0) -> int | None:
    """A macro's text as a number; None where it is none."""
    if depth > 12:
        return None
    text = re.sub(r"\b(0x[0-9a-fA-F]+|\d+)[uU]?[lL]*\b", r"\1", text)
    text = re.sub(r"\(u?int\d+_t\)", "", text)

    def expand(match: re.Match[str]) -> str:
        word = match[0]
        if word not in macros or "|" in macros[word][:12].split("(")[0]:
            return word
        return f"({macros[word]})"

    for _ in range(12):
        wider = re.sub(r"\b[A-Za-z_]\w*\b", expand, text)
        if wider == text:
            break
        text = re.sub(r"\b(0x[0-9a-fA-F]+|\d+)[uU]?[lL]*\b", r"\1", wider)
        text = re.sub(r"\(u?int\d+_t\)", "", text)
    if not re.fullmatch(r"[0-9a-fA-Fx()+\-*/%<>|&~^ ]+", text):
        return None
    try:
        return int(eval(text.replace("/", "//"), {"__builtins__": {}}))
    except SyntaxError:
        return None


def registers_of(macros: dict[str, str]) -> dict[str, int]:
    """Our name of a register -> its address; of pin 1 where a macro takes a pin."""
    found = {}
    for name, body in macros.items():
        argument, bar, rest = body.partition("|")
        if bar and re.fullmatch(r"\w+", argument):
            body = re.sub(rf"\b{argument}\b", "1", rest)
        call = re.match(r"CORE_REGISTER\((.+)\)$|GPIO\(1, (.+)\)$|GPIO\(\(1\), (.+)\)$", body)
        if call is None or _ELSEWHERE.search(name):
            continue
        text = call[1] if call[1] else f"GPIO_PORT0 + {call[2] or call[3]}"
        address = value_of(text, macros | {"GPIO_PORT0": "0x50000000"})
        if address is not None:
            found[name] = address
    return found


@pytest.mark.parametrize("name", BOARDS)
def test_registers_lie_where_the_vendor_has_them_and_bits_in_their_fields(name) -> None:
    macros, chip = definitions(name), BOARDS[name].chip()
    registers = registers_of(macros)
    assert len(registers) >= 8
    wrong, checked = [], 0
    for ours, address in registers.items():
        known = chip.at(address) or (chip.at(address & ~_ALIAS) if "rp2" in chip.name else [])
        wanted = _OTHER_NAMES.get(ours, ours.split("_", 1)[1] if "_" in ours else ours)
        names = {register.name for _, register in known}
        endings = {f"{peripheral.name}_{register.name}" for peripheral, register in known} | names
        if not any(end.endswith(wanted) or end.replace("_", "").endswith(wanted.replace("_", "")) for end in endings):
            wrong.append(f"{ours} at {address:#010x} is {sorted(endings) or 'no register'}")
            continue
        described = known[0][1]
        for macro, body in macros.items():
            if not macro.startswith(f"{ours}_") or macro in registers or macro.endswith(_UNSHIFTED):
                continue
            value = value_of(body, macros)
            field = described.fields.get(macro.removeprefix(f"{ours}_"))
            bits = field.mask if field else described.known_bits
            if value is not None and value & ~bits:
                wrong.append(f"{macro} = {value:#x} leaves {bits:#x}")
            checked += value is not None
    assert not wrong
    assert checked >= 1
