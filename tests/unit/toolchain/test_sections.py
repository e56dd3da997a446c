"""What the linker keeps, predicted from compiled objects."""

from __future__ import annotations

import pytest

from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.sections import address_bytes, kept_bytes, sections_of
from edgeprune.toolchain.toolchain import find_toolchain
from edgeprune.toolchain.units import compile_all, text_unit

_FIRST = """
#include <stdint.h>
extern int other(int), absent(int);
static const int32_t table[20] = {1, 2, 3};
static __attribute__((noinline)) int helper(int i) { return table[i] + other(i); }
int used(int i) { return helper(i + 1) * 3; }
int unused(int i) { return absent(i) + 1; }
"""
_SECOND = """
const int numbers[8] = {4, 5};
int other(int i) { return numbers[i & 7]; }
int alone(int i) { return i * 7; }
"""


@pytest.fixture(scope="module")
def objects() -> dict[str, bytes]:
    toolchain = find_toolchain()
    flags = ("-O2", *toolchain.cpu_flags(load_target("cortex-m4").cpu))
    return compile_all(toolchain, [text_unit("kernel", f"{n}.c", t, flags) for n, t in (("a", _FIRST), ("b", _SECOND))])


def test_a_function_keeps_what_it_reads_and_calls_and_nothing_else(objects: dict[str, bytes]) -> None:
    sections = {name: sections_of(content) for name, content in objects.items()}
    kept = kept_bytes(sections, ["used", "absent"])
    assert set(kept) == {
        "kernel_a .text.used", "kernel_a .text.helper", "kernel_a .rodata.table",
        "kernel_b .text.other", "kernel_b .rodata.numbers",
    }  # fmt: skip
    assert (kept["kernel_a .rodata.table"], kept["kernel_b .rodata.numbers"]) == (80, 32)
    assert all(size_bytes % 2 == 0 and size_bytes > 0 for size_bytes in kept.values())
    assert kept_bytes(sections, ["alone"]).keys() == {"kernel_b .text.alone"}
    assert kept_bytes(sections, ["absent"]) == {}


def test_pointers_of_a_small_processor_take_four_bytes(objects: dict[str, bytes]) -> None:
    assert {address_bytes(content) for content in objects.values()} == {4}
