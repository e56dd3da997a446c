"""Predicted cycles of a hand-written model whose instructions are known."""

from __future__ import annotations

import pytest

from edgeprune.deploy.firmware.execution import executed_blocks
from edgeprune.deploy.firmware.predicted_time import predicted_time
from edgeprune.engine.cost.timing.predict import predict
from edgeprune.hardware.flash_timing import NO_WAITS, FlashTiming
from edgeprune.hardware.registry import load_target

ROUNDS = 1000  # of layer 2: two instructions a round, one before them


@pytest.mark.parametrize(
    ("name", "cycles_a_round"), [("mps2-an386", 3), ("mps2-an385", 3), ("mps2-an385-armv6m", 3), ("microbit", 4)]
)
def test_a_loop_takes_its_cycles(tiny, name, cycles_a_round):
    target = load_target(name)
    time = predicted_time(tiny(name).elf, target)
    assert ROUNDS * cycles_a_round <= time.layers[2].total <= ROUNDS * cycles_a_round + 12
    assert time.us == pytest.approx(time.whole.total * 1e6 / target.cpu.clock_hz)
    # but for calls, an inference is its layers
    assert 0 <= time.whole.total - sum(layer.total for layer in time.layers) <= 60


def test_instructions_are_those_the_console_counts(tiny):
    blocks = executed_blocks(tiny("mps2-an386").elf, load_target("mps2-an386"), NO_WAITS)
    counted = sum(block.count for block in blocks if block.step == 2 and len(block.code) == 4)
    assert counted in (ROUNDS - 1, ROUNDS)  # the first round may stand in the block before
    assert all(block.code_wait_cycles == block.data_wait_cycles == 0 for block in blocks)


def test_flash_makes_code_wait_where_nothing_caches_it(tiny):
    target, elf = load_target("mps2-an386"), tiny("mps2-an386").elf
    slow = FlashTiming(wait_states=5, read_bytes=4, cache_line_bytes=4)
    cached = FlashTiming(wait_states=5, read_bytes=4, code_cache_lines=64, cache_line_bytes=4)
    waits = {}
    for timing in (slow, cached):
        blocks = executed_blocks(elf, target, timing)
        waits[timing] = predict(blocks, "cortex-m4", target.cpu.clock_hz).layers[2].flash_code
    loop = max((block for block in blocks if block.step == 2), key=lambda block: block.count)
    if loop.address % 4 == 0:  # its four bytes are one read, which the buffer keeps
        assert waits[slow] <= 60
    else:  # two reads, each anew in each round
        assert 2 * 5 * (ROUNDS - 1) <= waits[slow] <= 2 * 5 * (ROUNDS + 10)
    assert waits[cached] <= 60


def test_constants_in_flash_wait(tiny):
    target, elf = load_target("mps2-an386"), tiny("mps2-an386").elf
    timing = FlashTiming(wait_states=7, read_bytes=4, cache_line_bytes=4)
    time = predict(executed_blocks(elf, target, timing), "cortex-m4", target.cpu.clock_hz)
    assert time.layers[0].flash_data >= 3 * 7  # twelve bytes of a constant
    assert time.layers[2].flash_data == 0


def test_a_read_that_goes_on_behind_the_last_one_may_wait_less(tiny):
    target, elf = load_target("mps2-an386"), tiny("mps2-an386").elf
    waits = []
    for sequential in (None, 7, 2):
        timing = FlashTiming(wait_states=7, sequential_wait_states=sequential, read_bytes=4, cache_line_bytes=4)
        blocks = executed_blocks(elf, target, timing)
        waits.append(predict(blocks, "cortex-m4", target.cpu.clock_hz).whole.flash_code)
    assert waits[0] == waits[1] > waits[2] >= 2 / 7 * waits[0]


def test_a_unified_cache_keeps_constants_that_one_for_code_does_not(tiny):
    target, elf = load_target("mps2-an386"), tiny("mps2-an386").elf
    waits = {}
    for is_unified in (False, True):
        timing = FlashTiming(
            wait_states=7, read_bytes=4, code_cache_lines=4096, cache_line_bytes=4, cache_ways=2, is_unified=is_unified
        )
        waits[is_unified] = predict(executed_blocks(elf, target, timing), "cortex-m4", target.cpu.clock_hz).layers
    assert waits[False][0].flash_data >= 3 * 7 and waits[True][0].flash_data == 0  # read once before
    assert waits[False][0].flash_code == 0


def test_lines_of_one_set_push_each_other_out(tiny):
    """A direct-mapped cache of one line, and of many."""
    target, elf = load_target("mps2-an386"), tiny("mps2-an386").elf
    waits = []
    for lines in (1, 64):
        timing = FlashTiming(wait_states=5, read_bytes=4, code_cache_lines=lines, cache_line_bytes=4, cache_ways=1)
        blocks = executed_blocks(elf, target, timing)
        waits.append(predict(blocks, "cortex-m4", target.cpu.clock_hz).layers[0].flash_code)
    assert waits[0] > waits[1] >= 0


def test_a_core_without_rules_has_no_time(tiny):
    assert predicted_time(tiny("mps3-an547").elf, load_target("mps3-an547")) is None
