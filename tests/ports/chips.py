"""Which strict bus stands for which target, and where its registers come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from tests.ports.families.family import Family
from tests.ports.families.nrf import Nrf51, Nrf52, Nrf52833
from tests.ports.families.rp2 import Rp2040, Rp2350
from tests.ports.families.stm32f1 import Stm32F1
from tests.ports.families.stm32f4 import Stm32F401, Stm32F405, Stm32F411, Stm32F446
from tests.ports.families.stm32h7 import Stm32H7, Stm32H7RevisionY
from tests.ports.families.stm32l4 import Stm32L4, Stm32L476
from tests.ports.families.stm32u5 import Stm32U5
from tests.ports.registers.chip import Chip, Field, Register
from tests.ports.registers.facts import chip_of_facts
from tests.ports.registers.svd import chip_of, pyocd_svd

_STM32 = ("RCC", "PWR", "FLASH", "GPIO", "USART", "UART", "LPUART", "SYSCFG", "TIM2", "IWDG", "DBG")


@dataclass(frozen=True)
class Board:
    """How to make the chip and its family for a target."""

    chip: Callable[[], Chip]
    family: type[Family]


def _svd(file_name: str, wanted: tuple[str, ...]) -> Callable[[], Chip]:
    return cache(lambda: chip_of(pyocd_svd(file_name), f"pyOCD's archive, {file_name}", wanted))


def _facts(name: str) -> Callable[[], Chip]:
    return cache(lambda: chip_of_facts(name))


_NRF = ("CLOCK", "UART0", "GPIO", "P0", "P1", "NVMC", "TIMER0", "WDT")


def _power(vos_reset: int, has_over_drive: bool) -> dict[tuple[str, str], Register]:
    """PWR_CR and PWR_CSR where VOS has two bits; the archive holds the F41x, where it has one."""
    fields = {"LPDS": 0, "PDDS": 1, "CWUF": 2, "CSBF": 3, "PVDE": 4, "DBP": 8, "FPDS": 9, "LPLVDS": 10, "MRLVDS": 11}
    control = {name: Field(bit, 1) for name, bit in fields.items()} | {"PLS": Field(5, 3), "VOS": Field(14, 2)}
    control |= {"ADCDC1": Field(13, 1)}
    status = {
        name: Field(bit, 1) for name, bit in {"WUF": 0, "SBF": 1, "PVDO": 2, "BRR": 3, "BRE": 9, "VOSRDY": 14}.items()
    }
    if has_over_drive:
        control |= {"ODEN": Field(16, 1), "ODSWEN": Field(17, 1), "UDEN": Field(18, 2), "FMSSR": Field(20, 1)}
        status |= {"ODRDY": Field(16, 1), "ODSWRDY": Field(17, 1), "UDRDY": Field(18, 2)}
    return {
        ("PWR", "CR"): Register("CR", 0x0, vos_reset << 14, control),
        ("PWR", "CSR"): Register("CSR", 0x4, 0, status),
    }


@cache
def _f446() -> Chip:
    plain = _F4()
    pll = plain.peripherals["RCC"].registers["PLLCFGR"]
    changes = _power(3, True) | {("RCC", "PLLCFGR"): replace(pll, fields=pll.fields | {"PLLR": Field(28, 3)})}
    return plain.amended("PWR and PLLR by RM0390", changes)


@cache
def _f411() -> Chip:
    return _F4().amended("PWR by RM0383 and RM0368", _power(2, False))


def _nrf(file_name: str) -> Callable[[], Chip]:
    """Nordic's own code writes PSEL as the plain number, its reset value of ones gone."""

    def chip() -> Chip:
        plain = _svd(file_name, _NRF)()
        uart = plain.peripherals["UART0"].registers
        changes = {("UART0", name): replace(uart[name], fields={}) for name in ("PSEL_TXD", "PSEL_RXD") if name in uart}
        return plain.amended("PSEL is written whole", changes)

    return cache(chip)


_F4 = _svd("STM32F41x.svd", _STM32)

BOARDS = {
    "nucleo-f446re": Board(_f446, Stm32F446),
    "nucleo-f401re": Board(_f411, Stm32F401),
    "nucleo-f411re": Board(_f411, Stm32F411),
    "nucleo-l476rg": Board(_svd("STM32L4x5.svd", _STM32), Stm32L476),
    "stm32f4-discovery": Board(_F4, Stm32F405),
    "netduinoplus2": Board(_F4, Stm32F405),
    "stm32vldiscovery": Board(_svd("STM32F103xx.svd", _STM32), Stm32F1),
    "nucleo-l4r5zi": Board(_facts("stm32l4r5"), Stm32L4),
    "nucleo-h743zi": Board(_facts("stm32h743"), Stm32H7RevisionY),
    "nucleo-h743zi2": Board(_facts("stm32h743"), Stm32H7),
    "nucleo-u575zi-q": Board(_facts("stm32u575"), Stm32U5),
    "microbit": Board(_nrf("nrf51.svd"), Nrf51),
    "microbit-v2": Board(_nrf("nrf52833.svd"), Nrf52833),
    "nrf52840-dk": Board(_nrf("nrf52840.svd"), Nrf52),
    "arduino-nano-33-ble": Board(_nrf("nrf52840.svd"), Nrf52),
    "raspberry-pi-pico": Board(_facts("rp2040"), Rp2040),
    "raspberry-pi-pico-2": Board(_facts("rp2350"), Rp2350),
}

# boards that exist for us as QEMU's machines alone, and chips that they stand in for
EMULATED_ONLY = {
    "mps2-an385", "mps2-an386", "mps2-an386-boot", "mps2-an500", "mps2-an505", "mps2-an385-armv6m", "mps3-an547",
    "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m33", "cortex-m4", "cortex-m55", "cortex-m7",
}  # fmt: skip
