"""The flash model on calls made up for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.cost.flash_size import CallSize, EngineBaseline, constant_bytes, form_of, specialised_bytes
from edgeprune.engine.cost.footprint import footprint
from edgeprune.engine.cost.synthetic_constants import with_synthetic_constants
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import Constant, KernelCall, Shared, Work
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, FullyConnectedAttrs, Graph, Op, OpKind, QParams, Tensor


def call(weights: int, tables: int = 0, shared: tuple[Shared, ...] = (), macs: int = 0) -> KernelCall:
    constants = (
        Constant("weights", "int8_t", weights, 1),
        Constant("shift", "int8_t", tables, 1, is_model_data=False),
    )
    return KernelCall("f", lambda s: "", constants=constants, shared=shared, work=Work(macs=macs))


def test_arrays_are_padded_to_their_alignment() -> None:
    assert constant_bytes([call(5, 3), call(8, 1)]) == {"weights": 16, "tables": 8}
    assert constant_bytes([call(0)]) == {"weights": 0, "tables": 0}


def test_a_stream_carries_tables_between_its_weights() -> None:
    stream = Constant("stream", "uint32_t", 10, 4, table_bytes=12)
    assert constant_bytes([KernelCall("f", lambda s: "", constants=(stream,))]) == {"weights": 28, "tables": 12}


def test_shared_functions_count_once() -> None:
    tile, other = Shared("tile", 100), Shared("other", 30)
    assert specialised_bytes([call(4, shared=(tile,)), call(4, shared=(tile, other))]) == 130


def test_a_baseline_gives_back_its_own_link_and_follows_other_widths() -> None:
    calls = [call(101, 7, (Shared("a", 500),)), call(60)]
    linked = {"runtime": 5000, "kernels": 2000, "model": 900, "constants": 104 + 8 + 60 + 44}
    baseline = EngineBaseline.of(linked, calls, 300, 700)
    assert sum(baseline.flash_with(calls).values()) == sum(linked.values())
    assert baseline.flash_with(calls) == {
        "runtime": 5000, "kernels": 2000, "model": 900, "structs": 44, "weights": 164, "tables": 8,
    }  # fmt: skip
    narrower = [call(50, 4, (Shared("b", 300),)), call(30)]
    assert baseline.flash_with(narrower)["model"] == 700
    assert baseline.flash_with(narrower)["weights"] == 52 + 32


def test_calls_the_link_lacks_count_by_their_measured_sizes() -> None:
    def copying(source: str) -> KernelCall:
        return KernelCall("copy", lambda s: "", sources=(source,))

    old, new, unknown = copying("old.c"), copying("new.c"), copying("unknown.c")
    sizes = {
        form_of(old): CallSize(26, 4, 8, {"k copy": 50, "k shared": 10}),
        form_of(new): CallSize(16.5, 4, 4, {"k walk": 70, "k shared": 10}),
    }
    linked = {"runtime": 5000, "kernels": 2000, "model": 900, "constants": 100}
    baseline = EngineBaseline.of(linked, [old, old], 0, 0, sizes)
    assert baseline.lacking([old, new, unknown]) == {form_of(new), form_of(unknown)}
    assert baseline.flash_with([old, old]) == {
        "runtime": 5000, "kernels": 2000, "model": 900, "structs": 100, "weights": 0, "tables": 0,
    }  # fmt: skip
    other = baseline.flash_with([old, new, new, unknown])
    assert (other["kernels"], other["model"], other["structs"]) == (2070, 900 - 30 + 41, 100 - 8 + 8)
    repeated = baseline.flash_with([old, replace(old, like="first")])
    assert repeated["model"] == 900 - 8 + 24  # a loop instead of two calls
    without = baseline.flash_with([new])
    assert (without["kernels"], without["model"], without["structs"]) == (2020, 900 - 60 + 20, 100 - 16 + 4)


def test_few_calls_in_another_place_count_as_those_of_the_link() -> None:
    there = KernelCall("look", lambda s: "", place="in place")
    elsewhere = replace(there, place="")
    linked = {"runtime": 5000, "kernels": 2000, "model": 900, "constants": 100}
    baseline = EngineBaseline.of(linked, [there] * 10, 0, 0, {form_of(there): CallSize(20, 4, 8)})
    assert baseline.lacking([there] * 2 + [elsewhere] * 8) == set()
    assert baseline.lacking([there] + [elsewhere] * 9) == {form_of(elsewhere)}
    assert baseline.flash_with([there] * 2 + [elsewhere] * 8)["model"] == 900


@dataclass(frozen=True)
class Plan:
    arena_bytes: int
    peak_op: int


def dense_graph() -> Graph:
    tensors = (
        Tensor("x", (1, 30), DType.INT8, QParams((0.5,), (1,))),
        Tensor("w", (7, 30), DType.INT8, QParams((1.0,) * 7, (0,) * 7, 0), is_constant=True),
        Tensor("b", (7,), DType.INT32, QParams((1.0,) * 7, (0,) * 7, 0), is_constant=True),
        Tensor("y", (1, 7), DType.INT8, QParams((0.25,), (-3,))),
    )
    op = Op(OpKind.FULLY_CONNECTED, "head", (0, 1, 2), (3,), FullyConnectedAttrs())
    return Graph(tensors, (op,), (0,), (3,))


def test_a_footprint_names_the_layer_at_the_peak() -> None:
    graph = dense_graph()
    calls = lower(graph, Isa.REF, Optimize.BALANCED)
    baseline = EngineBaseline({"runtime": 10, "kernels": 20, "model": 30, "structs": 40}, 50, 60)
    result = footprint(graph, calls, Plan(64, 0), baseline, 12.5)
    assert result.ram_parts == {"arena": 64, "data": 50, "stack": 60}
    assert (result.peak_layer, result.macs, result.latency_us) == ("head", 210, 12.5)
    assert result.flash_bytes == 100 + sum(constant_bytes(calls).values())


@pytest.mark.parametrize("isa", [Isa.REF, Isa.DSP])
def test_synthetic_constants_can_be_lowered_with_values(isa: Isa) -> None:
    graph = with_synthetic_constants(dense_graph())
    (lowered,) = lower(graph, isa, Optimize.BALANCED)
    (bare,) = lower(dense_graph(), isa, Optimize.BALANCED)
    assert lowered.function == bare.function
    assert [c.size_bytes for c in lowered.constants] == [c.size_bytes for c in bare.constants]
    for constant in lowered.constants:
        assert constant.values is not None
        assert constant.values().size == constant.count
    assert np.array_equal(graph.tensors[1].data, with_synthetic_constants(dense_graph()).tensors[1].data)
