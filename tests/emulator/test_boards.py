"""Every emulated board boots, computes, times and measures itself alike."""

from __future__ import annotations

import struct

import pytest

from edgeprune.device.board import open_board
from edgeprune.errors import DeviceError
from edgeprune.hardware.registry import load_target

# the last three: Armv6-M code on the AN385, and boards whose QEMU timers round
BOARDS = [
    "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547", "netduinoplus2",
    "mps2-an385-armv6m", "stm32vldiscovery", "microbit",
]  # fmt: skip
# How far one reading may be off: the microbit's timer (62.5 ns a tick, an instruction has 64) loses part of a tick
# at each end, and both ends are rounded to instructions; so is the empty call that is subtracted.
ROUNDING = {"stm32vldiscovery": 1, "microbit": 3}
INPUTS = bytes([100, 2, 3, 4, 5, 6, 7, 8, 250, 251, 252, 253, 10, 20, 30, 40])


def tiny_outputs(inputs: bytes) -> bytes:
    """What tests/firmware/fixtures/tiny_model.c states, in Python."""
    sums = bytes((inputs[i] + inputs[i + 4] + inputs[i + 8] + inputs[12 + i]) & 0xFF for i in range(4))
    first = struct.unpack("b", inputs[12:13])[0]
    return sums + struct.pack("<hh", 16 * first - 1, -32768)


@pytest.fixture(params=BOARDS, scope="module")
def board(request, tiny):
    firmware = tiny(request.param)
    target = load_target(request.param)
    with open_board(target, firmware.elf, firmware.build_id) as console:
        yield console, firmware, target


def test_identity_names_target_build_and_clock(board):
    console, firmware, target = board
    identity = console.identity()
    assert (identity.target, identity.build_id) == (target.name, firmware.build_id)
    assert identity.model_hash == "0123456789abcdef"
    assert (identity.clock_source, identity.clock_hz) == ("instructions", 15_625_000)


def test_inference_gives_the_models_bytes_every_time(board):
    console, _, _ = board
    for step in range(3):
        inputs = bytes((value + 37 * step) & 0x7F for value in INPUTS)
        assert console.infer(inputs) == tiny_outputs(inputs)


def test_results_are_dequantized(board):
    console, _, _ = board
    console.infer(INPUTS)
    sums = struct.unpack("4b", tiny_outputs(INPUTS)[:4])
    expected = [(value + 128) / 256 for value in sums] + [(16 * 10 - 1) / 1024, -32.0]
    assert console.results() == pytest.approx(expected, abs=0.00051)


def test_layer_timings_are_exact_and_repeat(board):
    console, _, target = board
    console.load(INPUTS)
    once, again, mean = console.layers(1), console.layers(1), console.layers(5)
    slack = ROUNDING.get(target.name, 0)
    for other in (again, mean):
        # two readings, off in opposite directions at worst
        assert other.layer_ticks == pytest.approx(once.layer_ticks, abs=2 * slack)
        assert other.total_ticks == pytest.approx(once.total_ticks, abs=2 * slack)
    assert len(once.layer_ticks) == 3
    # the counting layer: 1000 rounds of two instructions and the loading of 1000
    assert 2000 - slack <= once.layer_ticks[2] <= 2003 + slack
    # but for calls, an inference is its layers
    assert abs(once.total_ticks - sum(once.layer_ticks)) <= 30


def test_memory_figures_agree_with_the_image(board):
    console, firmware, target = board
    console.infer(INPUTS)
    memory = console.memory()
    assert memory.arena_bytes == firmware.size.ram_parts["arena"] == 64
    assert memory.data_bytes == firmware.size.ram_parts["data"] + firmware.size.ram_parts["console"]
    assert firmware.size.ram_parts["stack"] == target.reserve.stack_bytes
    # the layer's 400 bytes, its frame and its callers'
    assert 400 <= memory.stack_bytes <= 480
    assert memory.stack_bytes < memory.stack_all_bytes < target.reserve.stack_bytes


@pytest.mark.parametrize(
    ("kind", "message"), [(0, "bus error"), (1, "the stack overflowed"), (2, "undefined instruction")], ids=str
)
def test_a_fault_is_explained_and_survived(board, kind, message):
    console, _, target = board
    if target.name == "microbit" and kind == 0:
        pytest.skip("QEMU's nRF51 answers at the address that is nowhere on the other boards")
    if target.cpu.core.startswith("cortex-m0"):
        message = "faulted"  # Armv6-M has no fault status registers
    with pytest.raises(DeviceError, match=message):
        console.infer(bytes([111, kind, *INPUTS[2:]]))
    assert console.infer(INPUTS) == tiny_outputs(INPUTS)
