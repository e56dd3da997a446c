"""Placement: as good as CP-SAT's optimum on small nets, and sound by the checker on all."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.sat.python import cp_model

from edgeprune.engine.kernels.base import Overlap
from edgeprune.engine.plan import least_arena_bytes, make_plan
from edgeprune.engine.plan.conflicts import Conflict, Problem, state_problem
from edgeprune.engine.plan.exact import improve
from edgeprune.engine.plan.lifetime import Buffer, Piece, find_buffers
from edgeprune.engine.plan.place import arena_bytes, greedy, place
from tests.unit.engine.plan.nets import Net, NetMaker, call, in_place, nets


def problem_of(net: Net) -> Problem:
    graph, calls = net
    return state_problem(graph, calls, find_buffers(graph, calls))


def optimum(problem: Problem) -> int:
    """The smallest arena, by CP-SAT."""
    model = cp_model.CpModel()
    total = sum(buffer.size_bytes for buffer in problem.buffers)
    arena = model.new_int_var(0, total, "arena")
    offsets = [model.new_int_var(0, total, f"b{i}") for i in range(len(problem.buffers))]
    for offset, buffer in zip(offsets, problem.buffers, strict=True):
        model.add(offset + buffer.size_bytes <= arena)
    for conflict in problem.conflicts:
        above = model.new_bool_var("")
        gap = offsets[conflict.second] - offsets[conflict.first]
        model.add(gap >= conflict.high_bytes).only_enforce_if(above)
        model.add(gap <= conflict.low_bytes).only_enforce_if(~above)
    model.minimize(arena)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    return int(solver.objective_value)


@settings(max_examples=30, deadline=None)
@given(nets())
def test_small_nets_are_placed_optimally(net: Net) -> None:
    problem = problem_of(net)
    placed = arena_bytes(problem, place(problem))
    assert placed == optimum(problem)
    assert max(problem.needed_bytes) <= placed


def intervals(seed: int, count: int) -> Problem:
    """Buffers of random sizes and lives, without promises: where first fit leaves holes."""
    rng = random.Random(seed)
    op_count = rng.randint(4, 14)
    buffers, pieces = [], []
    for _ in range(count):
        first = rng.randrange(op_count)
        end = min(op_count, first + rng.choice([1, 1, 2, 2, 3, 5, 9]))
        pieces.append(Piece(0, 4 * rng.randint(1, 60), first, end))
        buffers.append(Buffer(pieces[-1].size_bytes, (pieces[-1],), {}))
    conflicts = [
        Conflict(i, j, -two.size_bytes, one.size_bytes, max(one.first_op, two.first_op))
        for i, one in enumerate(pieces)
        for j, two in enumerate(pieces[:i])
        if max(one.first_op, two.first_op) < min(one.end_op, two.end_op)
    ]
    needed = [sum(p.size_bytes for p in pieces if p.first_op <= op < p.end_op) for op in range(op_count)]
    return Problem(tuple(buffers), tuple(conflicts), tuple(needed))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(6, 12))
def test_tangled_lives_are_placed_optimally(seed: int, count: int) -> None:
    problem = intervals(seed, count)
    assert arena_bytes(problem, place(problem)) == optimum(problem)


def test_the_exact_search_closes_the_gap_greedy_orders_leave() -> None:
    gaps = 0
    for seed in range(300):
        problem = intervals(seed, 14)
        bound = max(problem.needed_bytes)
        first = greedy(problem, bound)
        mended = improve(problem, first, bound, 20_000)
        assert arena_bytes(problem, mended) <= arena_bytes(problem, first)
        gaps += arena_bytes(problem, mended) < arena_bytes(problem, first)
    assert gaps > 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 7))
def test_the_exact_search_needs_no_good_start(seed: int, count: int) -> None:
    problem = intervals(seed, count)
    sizes = [buffer.size_bytes for buffer in problem.buffers]
    stacked = [sum(sizes[:index]) for index in range(count)]
    assert arena_bytes(problem, improve(problem, stacked, 0, 100_000)) == optimum(problem)


@settings(max_examples=50, deadline=None)
@given(nets(max_ops=30))
def test_larger_nets_are_sound(net: Net) -> None:
    plan = make_plan(*net)  # raises where the checker objects
    assert least_arena_bytes(*net) <= plan.arena_bytes
    assert plan.needed_bytes[plan.peak_op] == max(plan.needed_bytes)


def chain(sizes: Sequence[int]) -> Net:
    maker = NetMaker()
    value = maker.input(sizes[0])
    for size in sizes[1:]:
        (value,) = maker.op([value], [size], call())
    return maker.net(value)


@pytest.mark.parametrize(
    ("sizes", "arena"),
    [
        ([490, 8000, 8000, 8000, 64, 12], 16_000),  # KWS's peak, nothing in place: ../shared/facts/kernels.md
        ([27_648, 18_432, 18_432, 36_864, 9_216, 18_432, 18_432], 55_296),  # VWW's head
        ([640, 128, 128, 8, 128, 640], 768),  # the autoencoder
    ],
)
def test_chains_take_their_two_largest_neighbours(sizes: list[int], arena: int) -> None:
    assert make_plan(*chain(sizes)).arena_bytes == arena


def test_a_residual_holds_three_tensors() -> None:
    maker = NetMaker()
    t0 = maker.input(100)
    (t1,) = maker.op([t0], [100], call())
    (t2,) = maker.op([t1], [100], call())
    (t3,) = maker.op([t0, t2], [100], call())
    net = maker.net(t3)
    assert make_plan(*net).arena_bytes == 300
    assert make_plan(*net).peak_op == 1


def test_in_place_addition_needs_no_third_tensor_of_its_own() -> None:
    maker = NetMaker()
    t0 = maker.input(100)
    (t1,) = maker.op([t0], [40], call())
    (t2,) = maker.op([t1], [100], call(scratch=10))
    (t3,) = maker.op([t0, t2], [100], call(*in_place(0), *in_place(1)))
    plan = make_plan(*maker.net(t3))
    assert plan.arena_bytes == 100 + 40 + 100 + 12
    assert plan.peak_op == 1


def test_a_pointwise_convolution_that_doubles_its_channels_overlaps_from_the_far_end() -> None:
    maker = NetMaker()
    t0 = maker.input(18_432)
    (t1,) = maker.op([t0], [36_864], call(Overlap(0, "backward", 0)))
    assert make_plan(*maker.net(t1)).arena_bytes == 36_864


def test_a_forward_lead_costs_its_bytes() -> None:
    maker = NetMaker()
    t0 = maker.input(1000)
    (t1,) = maker.op([t0], [1000], call(Overlap(0, "forward", 64)))
    plan = make_plan(*maker.net(t1))
    assert plan.arena_bytes == 1064
    assert plan.offset_bytes[0] - plan.offset_bytes[1] == 64


def test_views_share_their_input() -> None:
    maker = NetMaker()
    t0 = maker.input(64)
    (t1,) = maker.op([t0], [64], call(is_view=True))
    (t2,) = maker.op([t1], [12], call())
    plan = make_plan(*maker.net(t2))
    assert plan.offset_bytes[0] == plan.offset_bytes[1]
    assert plan.arena_bytes == 76


def test_concatenation_by_placement_costs_no_copy() -> None:
    maker = NetMaker()
    t0 = maker.input(32)
    (a,) = maker.op([t0], [40], call())
    (b,) = maker.op([t0], [20], call())
    (c,) = maker.op([a, b], [60], call(is_view=True))
    (left, right) = maker.op([c], [20, 40], call(is_view=True))
    plan = make_plan(*maker.net(left, right))
    assert plan.arena_bytes == 92
    assert plan.offset_bytes[b] == plan.offset_bytes[a] + 40 == plan.offset_bytes[c] + 40
    assert plan.offset_bytes[right] == plan.offset_bytes[left] + 20


def test_constants_have_no_place() -> None:
    graph, calls = chain([8, 8])
    assert set(make_plan(graph, calls).offset_bytes) == {0, 1}


def test_a_net_without_ops() -> None:
    maker = NetMaker()
    t0 = maker.input(10)
    assert make_plan(*maker.net(t0)).arena_bytes == 12


def test_a_promise_for_the_same_start_saves_the_smaller_buffer() -> None:
    maker = NetMaker()
    t0 = maker.input(1000)
    (t1,) = maker.op([t0], [400], call(Overlap(0, "same", 0), scratch=8))
    plan = make_plan(*maker.net(t1))
    assert plan.arena_bytes == 1008
    assert plan.offset_bytes[0] == plan.offset_bytes[1]
