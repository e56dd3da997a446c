"""The validator accepts sound plans and names the clash of corrupted ones."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.engine.kernels.base import Overlap, Placed
from edgeprune.engine.plan import MemoryPlan, make_plan
from edgeprune.engine.plan.validator import validate_plan
from edgeprune.errors import PlanError
from edgeprune.ir import ConcatenationAttrs, Conv2dAttrs, DType, Graph, Op, OpKind, Tensor
from tests.unit.engine.plan.nets import Net, NetMaker, call, in_place, nets


def plan(offsets: dict[int, int], arena: int, scratch: dict[int, int] | None = None) -> MemoryPlan:
    return MemoryPlan(offsets, scratch or {}, arena, (), 0)


def residual() -> Net:
    """t0 -> t1 -> t2; t3 = t0 + t2."""
    maker = NetMaker()
    t0 = maker.input(16)
    (t1,) = maker.op([t0], [16], call(scratch=8))
    (t2,) = maker.op([t1], [16], call())
    (t3,) = maker.op([t0, t2], [16], call(*in_place(0), *in_place(1)))
    return maker.net(t3)


def test_accepts_a_sound_plan() -> None:
    validate_plan(*residual(), plan({0: 0, 1: 16, 2: 32, 3: 0}, 48, {0: 32}))


@pytest.mark.parametrize(
    ("change", "arena", "scratch", "message"),
    [
        ({1: 8}, 48, 32, r"output t1 at \[8, 24\) covers input t0 at \[0, 16\)"),
        ({2: 0}, 48, 32, r"'t0' at \[0, 16\) is spoilt when op2 reads it: byte 0 holds tensor 't2' at \[0, 16\)"),
        ({1: 32, 2: 16, 3: 8}, 48, 16, r"output t3 at \[8, 24\) covers input t2 .* closer than its kernel promises"),
        ({}, 40, 32, "outside the arena of 40 B"),
        ({1: 18}, 48, 36, "not a multiple of 4"),
        ({}, 48, 24, r"output t1 ends at 32, inside scratch at \[24, 32\)"),
        ({}, 48, 8, r"scratch at \[8, 16\) covers input t0"),
    ],
)
def test_names_the_clash(change: dict[int, int], arena: int, scratch: int, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        validate_plan(*residual(), plan({0: 0, 1: 16, 2: 32, 3: 0} | change, arena, {0: scratch}))


def test_a_missing_place_is_named() -> None:
    graph, calls = residual()
    with pytest.raises(PlanError, match=r"'t3' has no place"):
        validate_plan(graph, calls, plan({0: 0, 1: 16, 2: 32}, 48, {0: 32}))
    with pytest.raises(PlanError, match="scratch of op0 has no place"):
        validate_plan(graph, calls, plan({0: 0, 1: 16, 2: 32, 3: 0}, 48))


def test_a_promise_is_worth_nothing_when_the_input_is_read_again() -> None:
    maker = NetMaker()
    t0 = maker.input(8)
    (t1,) = maker.op([t0], [8], call(*in_place()))
    (t2,) = maker.op([t0, t1], [8], call())
    with pytest.raises(PlanError, match=r"'t0'.*spoilt when op1 reads it: byte 0 holds tensor 't1'"):
        validate_plan(*maker.net(t2), plan({0: 0, 1: 0, 2: 8}, 16))


@pytest.mark.parametrize(("output", "sound"), [(0, True), (4, False), (8, True), (12, False), (24, True)])
def test_the_same_start_and_no_other(output: int, sound: bool) -> None:
    maker = NetMaker()
    t0 = maker.input(16)
    (t1,) = maker.op([t0], [8], call(Overlap(0, "same", 0)))
    with nullcontext() if sound else pytest.raises(PlanError):
        validate_plan(*maker.net(t1), plan({0: 8, 1: output}, 32))


@pytest.mark.parametrize(("output", "sound"), [(0, True), (4, True), (8, False), (12, False), (16, False), (24, True)])
def test_the_lead_of_a_forward_promise_counts(output: int, sound: bool) -> None:
    maker = NetMaker()
    t0 = maker.input(16)
    (t1,) = maker.op([t0], [8], call(Overlap(0, "forward", 4)))
    with nullcontext() if sound else pytest.raises(PlanError):
        validate_plan(*maker.net(t1), plan({0: 8, 1: output}, 32))


def test_state_must_outlive_the_inference() -> None:
    maker = NetMaker()
    t0 = maker.input(8)
    state = maker._tensor(8)
    (t2,) = maker.op([t0, state], [8], call())
    (t3,) = maker.op([t2], [8], call())
    with pytest.raises(PlanError, match=r"'t1' .* spoilt after the last op"):
        validate_plan(*maker.net(t3), plan({0: 0, 1: 8, 2: 16, 3: 8}, 24))


def test_a_view_must_lie_on_its_input() -> None:
    maker = NetMaker()
    t0 = maker.input(8)
    (t1,) = maker.op([t0], [8], call(is_view=True))
    with pytest.raises(PlanError, match="op0 is a view"):
        validate_plan(*maker.net(t1), plan({0: 0, 1: 8}, 16))


def joined() -> Net:
    """t0 -> t1 and t0 -> t2, which lie side by side, 4 and 8 channels of three pixels, in t3 behind t4's 4."""
    shapes = [(3, 4), (3, 4), (3, 8), (3, 16), (3, 4)]
    tensors = tuple(Tensor(f"t{index}", shape, DType.INT8) for index, shape in enumerate(shapes))
    ops = (
        Op(OpKind.CONV_2D, "one", (0,), (1,), Conv2dAttrs()),
        Op(OpKind.CONV_2D, "two", (0,), (2,), Conv2dAttrs()),
        Op(OpKind.CONCATENATION, "join", (4, 1, 2), (3,), ConcatenationAttrs(axis=1)),
    )
    join = replace(call(), placed=(Placed(1, 4, 4, 16), Placed(2, 8, 8, 16)))
    return Graph(tensors, ops, (0, 4), (3,)), (call(), call(), join)


SIDE_BY_SIDE = {0: 56, 1: 12, 2: 16, 3: 8, 4: 68}


def test_parts_lie_side_by_side() -> None:
    graph, calls = joined()
    validate_plan(graph, calls, plan(SIDE_BY_SIDE, 80))
    assert make_plan(graph, calls).arena_bytes == 68  # t0 ends where t1 begins, under what t4 fills later


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({1: 8}, "input t1 is not in its place"),
        ({2: 12}, r"'t1' .* is spoilt when join reads it: byte 12 holds tensor 't2'"),
        ({0: 28}, r"output t1 at \[12, 48\) covers input t0 at \[28, 40\)"),
        ({4: 44}, "'t4' .* is spoilt"),
        ({4: 0}, "input t4 lies under the output"),
    ],
)
def test_parts_that_do_not_are_named(change: dict[int, int], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        validate_plan(*joined(), plan(SIDE_BY_SIDE | change, 80))


@settings(max_examples=60, deadline=None)
@given(nets(), st.data())
def test_a_spoilt_plan_is_caught_or_sound(net: Net, data: st.DataObject) -> None:
    """Moving one tensor onto a live one must be caught: acted out here with real bytes instead of owners."""
    graph, calls = net
    good = make_plan(graph, calls)
    moved = data.draw(st.sampled_from(sorted(good.offset_bytes)))
    room = good.arena_bytes - graph.tensors[moved].size_bytes
    offset = data.draw(st.integers(0, room // 4)) * 4
    bad = replace(good, offset_bytes={**good.offset_bytes, moved: offset})
    try:
        validate_plan(graph, calls, bad)
    except PlanError:
        return
    assert acts_soundly(net, bad)


def acts_soundly(net: Net, attempt: MemoryPlan) -> bool:
    """Kernels as slow loops: they read their inputs element by element while they write, as they promised to."""
    graph, calls = net
    arena = bytearray(attempt.arena_bytes)
    expected: dict[int, bytes] = {}

    def write(tensor: int, stamp: int) -> None:
        size = graph.tensors[tensor].size_bytes
        expected[tensor] = bytes((stamp * 37 + i * 11 + 1) % 251 for i in range(size))
        at = attempt.offset_bytes[tensor]
        arena[at : at + size] = expected[tensor]

    def holds(tensor: int) -> bool:
        at = attempt.offset_bytes[tensor]
        return bytes(arena[at : at + graph.tensors[tensor].size_bytes]) == expected[tensor]

    used = {t for op in graph.ops for t in (*op.inputs, *op.outputs)} | set(graph.outputs)
    state = sorted(t for t in used if t not in graph.producer and t not in graph.inputs)
    for tensor in (*graph.inputs, *state):
        write(tensor, tensor)
    if not all(holds(t) for t in (*graph.inputs, *state)):
        return False
    for index, (op, kernel) in enumerate(zip(graph.ops, calls, strict=True)):
        if not all(holds(t) for t in op.inputs):
            return False
        if kernel.is_view:
            expected[op.outputs[0]] = expected[op.inputs[0]]
            continue
        if kernel.scratch_bytes:
            at = attempt.scratch_offset_bytes[index]
            arena[at : at + kernel.scratch_bytes] = b"\xff" * kernel.scratch_bytes
            if not all(holds(t) for t in op.inputs):
                return False
        for tensor in op.outputs:
            write(tensor, tensor)
        if kernel.scratch_bytes:
            arena[at : at + kernel.scratch_bytes] = b"\xff" * kernel.scratch_bytes
        if not all(holds(t) for t in op.outputs):
            return False
    return all(holds(t) for t in (*graph.outputs, *state))
