"""The fast form of predicted time gives back the slow form of its own image, and follows other widths."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from edgeprune.budget import LatencyBasis
from edgeprune.engine.cost.core_cycles import core_cycles
from edgeprune.engine.cost.cycle_rates import CycleRates, cycle_rates, predicted_latency
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.engine.cost.timing.cycles import Cycles
from edgeprune.engine.cost.timing.predict import PredictedTime
from edgeprune.engine.kernels.base import Constant, KernelCall, Work
from edgeprune.hardware.registry import load_target

CPU = load_target("nucleo-l4r5zi").cpu
RATES = {"ep_one": 2.0, "ep_other": 3.0}
TAKEN = (2_000, 1_800, 90)  # instructions at these rates
LAYERS = (Cycles(2_000, 500, 100, 50, 350), Cycles(2_100, 400, 0, 0, 500), Cycles(90, 10))


def call(function: str, macs: int) -> KernelCall:
    weights = Constant("weights", "int8_t", 100, 1)
    return KernelCall(function, emit=lambda names: "", work=Work(macs, 10), constants=(weights,))


def image() -> tuple[list[KernelCall], PredictedTime]:
    whole = sum(LAYERS, Cycles()) + Cycles(branch=60)
    return [call("ep_one", 1_000), call("ep_one", 900), call("ep_other", 30)], PredictedTime(
        LAYERS, whole, CPU.clock_hz
    )


def rates_of_image() -> CycleRates:
    calls, time = image()
    rates = cycle_rates(calls, TAKEN, time)
    assert rates is not None
    return rates


def test_its_own_image_takes_what_the_slow_form_says() -> None:
    calls, time = image()
    latency = predicted_latency(calls, CPU, RATES, rates_of_image())
    assert latency is not None and latency.basis is LatencyBasis.KERNELS
    assert latency.us == pytest.approx(time.longest_us)
    assert latency.range_us == pytest.approx(time.range_us)


def test_layers_that_take_longer_alone_count_as_they_are_alone() -> None:
    calls, time = image()
    shorter = replace(time, whole=Cycles(3_000))  # as where an early exit is taken
    rates = cycle_rates(calls, TAKEN, shorter)
    latency = predicted_latency(calls, CPU, RATES, rates)
    assert latency is not None and latency.us == pytest.approx(sum(shorter.layers_us))


def test_half_the_work_of_every_layer_takes_half() -> None:
    _, time = image()
    halves = [call("ep_one", 500), call("ep_one", 450), call("ep_other", 15)]
    latency = predicted_latency(halves, CPU, RATES, rates_of_image())
    assert latency is not None and latency.us == pytest.approx(time.longest_us / 2)


def test_constants_in_ram_wait_for_no_flash() -> None:
    calls, time = image()
    held = [replace(one, constants=(replace(one.constants[0], in_ram=True),)) for one in calls]
    latency = predicted_latency(held, CPU, RATES, rates_of_image())
    waits_us = sum(layer.flash_data for layer in LAYERS) * 1e6 / CPU.clock_hz
    assert latency is not None and latency.us == pytest.approx(time.longest_us - waits_us, rel=0.002)


def test_a_function_that_did_not_run_takes_the_cycles_of_all_others() -> None:
    rates = rates_of_image()
    known = predicted_latency([call("ep_new", 10)], CPU, {"ep_new": 5.0}, rates)
    assert known is not None
    assert known.us == pytest.approx(50 * (rates.whole.fixed + rates.whole.waits) * 1e6 / CPU.clock_hz)


def test_a_kernel_that_the_image_has_not_takes_what_the_core_takes_of_it_beside_the_others() -> None:
    function, alone = next(iter(core_cycles(CPU.core).items()))
    rates = rates_of_image()
    known = rates.total(call(function, 10), CPU, {function: 5.0})
    fixed = rates.whole.fixed * alone.an_instruction / rates.core
    assert known == pytest.approx(50 * (fixed + rates.whole.waits))
    assert rates.total(call("ep_one", 10), CPU, RATES) != known


def test_what_the_images_time_leaves_out_the_fast_form_leaves_out() -> None:
    calls, time = image()
    floor = predicted_latency(calls, CPU, RATES, cycle_rates(calls, TAKEN, replace(time, counts_flash=False)))
    assert floor is not None and floor.is_floor and floor.basis is LatencyBasis.KERNELS
    scaled = predicted_latency(calls, CPU, RATES, cycle_rates(calls, TAKEN, time.calibrated([2.0, 2.0, 1.0])))
    assert scaled is not None and not scaled.is_floor and scaled.basis is LatencyBasis.CALIBRATED_KERNELS
    before, after = sum(layer.total for layer in LAYERS), 2 * sum(layer.total for layer in LAYERS[:2]) + LAYERS[2].total
    assert scaled.us == pytest.approx(time.longest_us * after / before)


def test_where_ram_is_spent_kernels_take_what_they_took_beside_constants_in_ram() -> None:
    calls, _ = image()
    held = [replace(calls[0], constants=(replace(calls[0].constants[0], in_ram=True),)), *calls[1:]]
    rates = replace(rates_of_image(), spent={"ep_one": 1.0})
    assert predicted_latency(calls, CPU, RATES, rates) == predicted_latency(calls, CPU, RATES, rates_of_image())
    latency = predicted_latency(held, CPU, RATES, rates)
    other, waits = rates.functions["ep_other"], rates.functions["ep_one"].waits
    cycles = 2_000 * 1.0 + 1_800 * (1.0 + waits) + 90 * (other.fixed + other.waits)
    assert latency is not None and latency.us == pytest.approx(cycles * 1e6 / CPU.clock_hz)


def test_rules_that_nobody_compared_with_a_board_predict_without_a_range() -> None:
    calls, time = image()
    latency = predicted_latency(calls, CPU, RATES, cycle_rates(calls, TAKEN, replace(time, is_checked=False)))
    assert latency is not None and latency.us == pytest.approx(time.longest_us)
    assert latency.range_us is None and latency.is_floor


def test_a_noted_baseline_is_read_back() -> None:
    for cycles in (rates_of_image(), None):
        baseline = EngineBaseline({"runtime": 1}, 2, 3, {"ep_one": 4.0}, cycles=cycles)
        assert EngineBaseline.recorded(json.loads(json.dumps(asdict(baseline)))) == baseline
