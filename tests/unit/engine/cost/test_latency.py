"""Predicted instructions: the formula by hand, and what the shipped costs cover."""

import pytest

from benchmarks.plain_layers import plain_models
from edgeprune.budget import LatencyBasis, Optimize
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.cost.cycle_rates import predicted_latency
from edgeprune.engine.cost.latency import (
    KernelCost,
    kernel_costs,
    measured_rates,
    predicted_instructions,
)
from edgeprune.engine.kernels.base import KernelCall, Work
from edgeprune.hardware.registry import load_target

WITHOUT_A_FIT = {"ep_cast_ref", "ep_resize_nearest_ref", "ep_gather_nd_ref"}
"""Kernels whose instructions no fit of outputs gives within half."""


def call(function: str, macs: int, outputs: int) -> KernelCall:
    return KernelCall(function, emit=lambda names: "", work=Work(macs, outputs))


def test_the_formula() -> None:
    cost = KernelCost(per_mac=2.0, per_output=10.0, per_call=100.0, error=0.0, layers=3)
    assert cost.instructions(call("any", macs=1_000, outputs=50)) == 2_600


def test_features_cost_what_was_measured_for_them() -> None:
    cost = KernelCost(2.0, 0.0, 100.0, error=0.0, layers=3, per_feature={"taps": 3.0, "rows": 7.0})
    work = Work(macs=10, outputs=5, features={"taps": 4, "others": 1_000})
    assert cost.instructions(KernelCall("any", emit=lambda names: "", work=work)) == 132


def test_a_function_never_measured_on_a_core_has_no_prediction() -> None:
    cpu = load_target("cortex-m4").cpu
    assert predicted_instructions(call("ep_unheard_of", 10, 10), cpu) is None
    assert predicted_latency([call("ep_unheard_of", 10, 10)], cpu) is None


def test_its_own_layers_give_a_function_without_a_cost_one() -> None:
    cpu = load_target("cortex-m4").cpu
    known = next(iter(kernel_costs("cortex-m4")))
    own = "ep_unheard_of"
    layers = [call(own, 100, 10), call(known, 50, 5), call(own, 300, 10), call("ep_moves", 0, 40)]
    rates = measured_rates(layers, [2_000, 77, 6_000, 200], cpu)
    assert rates == {own: 20.0, "ep_moves": 5.0}
    assert predicted_instructions(call(own, 50, 10), cpu, rates) == 1_000
    assert predicted_latency(layers, cpu, rates) is not None


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_every_emulated_core_has_measured_costs(core: str) -> None:
    costs = kernel_costs(core)
    assert costs
    for cost in costs.values():
        assert min(cost.per_mac, cost.per_output, cost.per_call, *cost.per_feature.values()) >= 0


def test_one_cycle_an_instruction_on_the_targets_clock() -> None:
    cpu = load_target("cortex-m4").cpu
    function, cost = next(iter(kernel_costs("cortex-m4").items()))
    wanted = cost.instructions(call(function, 1_000, 10)) * 1e6 / cpu.clock_hz
    latency = predicted_latency([call(function, 1_000, 10)], cpu)
    assert latency is not None and latency.us == pytest.approx(wanted)
    assert latency.basis is LatencyBasis.INSTRUCTIONS and latency.range_us is None


@pytest.mark.parametrize("board", ["mps2-an385", "mps3-an547"])
def test_layers_in_plain_c_are_predicted(board: str) -> None:
    target, options = load_target(board), CompileOptions(Optimize.SPEED)
    used = {
        call.function
        for model in plain_models()
        for call in compile_model(model, target, options).calls
        if not call.is_view
    }
    assert len(used) > 80
    assert used - kernel_costs(target.cpu.core).keys() <= WITHOUT_A_FIT
