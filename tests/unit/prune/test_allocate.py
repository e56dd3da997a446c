"""The allocator against brute force, on chains and residual nets small enough to enumerate."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.budget import Budget, Footprint
from edgeprune.errors import DoesNotFit
from edgeprune.ir import Conv2dAttrs, DType, Graph, Op, OpKind, Tensor
from edgeprune.prune.coupling.channels import Extent
from edgeprune.prune.widths import allocate as allocation
from edgeprune.prune.widths.allocate import GroupChoice, allocate
from edgeprune.prune.widths.size_model import SizeModel

FIXED_FLASH_BYTES = 3_000
FIXED_RAM_BYTES = 1_000
FIXED_US = 10.0


def chain(sides: list[int], channels: list[int]) -> tuple[Graph, dict[int, tuple[Extent, ...]]]:
    """3x3 convolutions, one group each; image side and full width per layer. Groups are conv0, conv1, ..."""
    tensors = [Tensor("input", (1, sides[0], sides[0], 3), DType.FLOAT32)]
    extents: dict[int, tuple[Extent, ...]] = {}
    ops = []
    previous, previous_channels = 0, Extent((), 3)
    for index, (side, width) in enumerate(zip(sides, channels, strict=True)):
        own = Extent(((f"conv{index}", 1),), 0)
        weight, bias, output = len(tensors), len(tensors) + 1, len(tensors) + 2
        tensors.append(Tensor(f"w{index}", (width, 3, 3, tensors[previous].shape[3]), DType.FLOAT32, is_constant=True))
        tensors.append(Tensor(f"b{index}", (width,), DType.FLOAT32, is_constant=True))
        tensors.append(Tensor(f"conv{index}", (1, side, side, width), DType.FLOAT32))
        three, one, length = Extent((), 3), Extent((), 1), Extent((), side)
        extents[weight] = (own, three, three, previous_channels)
        extents[bias] = (own,)
        extents[output] = (one, length, length, own)
        ops.append(Op(OpKind.CONV_2D, f"conv{index}", (previous, weight, bias), (output,), Conv2dAttrs()))
        previous, previous_channels = output, own
    return Graph(tuple(tensors), tuple(ops), (0,), (previous,)), extents


def exact_footprint(sides: list[int], widths: dict[str, int]) -> Footprint:
    """Written down independently of the size model: weights, biases with tables, and the two tensors of each layer;
    a microsecond for a thousand multiplications, and ten to begin with."""
    flash, peak, peak_layer, macs = 0, 0, "", 0
    before, before_bytes = 3, sides[0] * sides[0] * 3
    for index, side in enumerate(sides):
        width = widths[f"conv{index}"]
        flash += 9 * before * width + 12 * width
        macs += 9 * before * width * side * side
        live = before_bytes + side * side * width
        if live > peak:
            peak, peak_layer = live, f"conv{index}"
        before, before_bytes = width, side * side * width
    return Footprint(
        {"weights": flash, "runtime": FIXED_FLASH_BYTES},
        {"arena": peak, "stack": FIXED_RAM_BYTES},
        peak_layer,
        macs,
        FIXED_US + macs / 1000,
    )


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[int], list[GroupChoice]]:
    layers = draw(st.integers(2, 4))
    sides = sorted(draw(st.lists(st.sampled_from([2, 4, 6, 8]), min_size=layers, max_size=layers)), reverse=True)
    choices = []
    for group in range(layers):
        widths = tuple(range(2, draw(st.integers(3, 8)) * 2 + 1, 2))
        drops = draw(st.lists(st.floats(0.01, 1.0), min_size=len(widths) - 1, max_size=len(widths) - 1))
        damage = tuple(float(sum(sorted(drops)[: len(widths) - 1 - i])) for i in range(len(widths)))
        choices.append(GroupChoice(f"conv{group}", widths, damage))
    return sides, choices


def _us(footprint: Footprint) -> float:
    assert footprint.latency_us is not None
    return footprint.latency_us


@settings(max_examples=25, deadline=None)
@given(problems(), st.floats(0.3, 0.9), st.floats(0.3, 0.9), st.floats(0.3, 0.9) | st.none())
def test_within_one_percent_of_brute_force(
    problem: tuple[list[int], list[GroupChoice]], flash_part: float, ram_part: float, time_part: float | None
) -> None:
    sides, choices = problem
    graph, extents = chain(sides, [choice.widths[-1] for choice in choices])
    model = SizeModel(graph, extents, [choice.group for choice in choices])
    full = exact_footprint(sides, {c.group: c.widths[-1] for c in choices})
    least = exact_footprint(sides, {c.group: c.widths[0] for c in choices})
    budget = Budget(
        int(least.flash_bytes + flash_part * (full.flash_bytes - least.flash_bytes)),
        int(least.ram_bytes + ram_part * (full.ram_bytes - least.ram_bytes)),
        None if time_part is None else _us(least) + time_part * (_us(full) - _us(least)),
    )

    best = min(
        sum(choice.damage[level] for choice, level in zip(choices, levels, strict=True))
        for levels in product(*(range(len(choice.widths)) for choice in choices))
        if exact_footprint(sides, {c.group: c.widths[level] for c, level in zip(choices, levels, strict=True)}).fits(
            budget
        )
    )
    found = allocate(choices, model, lambda widths: exact_footprint(sides, dict(widths)), budget)

    assert found.footprint.fits(budget)
    assert found.damage <= best * 1.01 + 1e-9


def test_a_net_that_fits_is_left_whole() -> None:
    graph, extents = chain([8, 4], [8, 16])
    choices = [GroupChoice("conv0", (2, 4, 8), (3.0, 1.0, 0.0)), GroupChoice("conv1", (4, 16), (1.0, 0.0))]
    found = allocate(
        choices,
        SizeModel(graph, extents, ["conv0", "conv1"]),
        lambda widths: exact_footprint([8, 4], dict(widths)),
        Budget(10**6, 10**6),
    )
    assert found.widths == {"conv0": 8, "conv1": 16}
    assert found.damage == 0


def test_the_unreachable_limit_reports_what_is_reachable_and_the_largest_part() -> None:
    graph, extents = chain([8, 4], [8, 16])
    choices = [GroupChoice("conv0", (2, 8), (3.0, 0.0)), GroupChoice("conv1", (4, 16), (1.0, 0.0))]
    with pytest.raises(DoesNotFit, match=r"smallest reachable RAM is 1,320 B .* peak is at conv0") as caught:
        allocate(
            choices,
            SizeModel(graph, extents, ["conv0", "conv1"]),
            lambda widths: exact_footprint([8, 4], dict(widths)),
            Budget(10**6, 1_300),
        )
    assert caught.value.exit_code == 3
    assert "--ram 1320" in (caught.value.hint or "")


def test_where_no_channel_can_go_the_network_as_it_is_fits_or_the_error_states_it() -> None:
    graph, _ = chain([8, 4], [8, 16])
    model, whole = SizeModel(graph, {}, []), exact_footprint([8, 4], {"conv0": 8, "conv1": 16})

    found = allocate([], model, lambda widths: whole, Budget(10**6, 10**6))
    assert (found.widths, found.footprint) == ({}, whole)

    with pytest.raises(DoesNotFit, match=r"no channel of this network can be removed, and the smallest .* flash") as no:
        allocate([], model, lambda widths: whole, Budget(1_000, 10**6))
    assert f"--flash {whole.flash_bytes}" in (no.value.hint or "")


def test_the_size_model_agrees_with_the_formula_at_any_width() -> None:
    sides, full = [8, 4, 4], [8, 16, 12]
    graph, extents = chain(sides, full)
    model = SizeModel(graph, extents, ["conv0", "conv1", "conv2"])
    for widths in ([8, 16, 12], [3, 5, 7]):
        sizes = model.sizes(np.array([widths], dtype=float))
        expected = exact_footprint(sides, {f"conv{i}": w for i, w in enumerate(widths)})
        assert sizes.flash_bytes[0] == expected.flash_parts["weights"]
        assert sizes.live_bytes.max() == expected.ram_parts["arena"]
        assert sizes.op_work.sum() == expected.macs


def _drawn_problem(seed: int) -> tuple[list[int], list[GroupChoice], Budget]:
    """Four layers of six widths, every limit in reach and none met by the whole."""
    rng = np.random.default_rng(seed)
    sides = sorted(rng.choice([2, 4, 6, 8], 4).tolist(), reverse=True)
    choices = []
    for group in range(4):
        widths = tuple(range(2, 13, 2))
        drops = np.sort(rng.uniform(0.01, 1, len(widths) - 1))[::-1]
        choices.append(GroupChoice(f"conv{group}", widths, (*np.cumsum(drops[::-1])[::-1].tolist(), 0.0)))
    full, least = (uneven_footprint(sides, {c.group: c.widths[end] for c in choices}) for end in (-1, 0))
    parts = rng.uniform(0.3, 0.8, 3)
    budget = Budget(
        int(least.flash_bytes + parts[0] * (full.flash_bytes - least.flash_bytes)),
        int(least.ram_bytes + parts[1] * (full.ram_bytes - least.ram_bytes)),
        _us(least) + float(parts[2]) * (_us(full) - _us(least)),
    )
    return sides, choices, budget


def uneven_footprint(sides: list[int], widths: dict[str, int]) -> Footprint:
    """Where the size model is off: scratch in one layer, flash and time that no width explains."""
    plain, first = exact_footprint(sides, widths), widths["conv0"]
    flash = {**plain.flash_parts, "kernels": 700 - 20 * first}
    arena = plain.activation_bytes + 40 * (widths["conv1"] % 3)
    return Footprint(flash, {**plain.ram_parts, "arena": arena}, plain.peak_layer, plain.macs, _us(plain) + 4 * first)


@pytest.mark.parametrize("seed", range(6))
def test_the_search_alone_comes_near_to_brute_force(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without enumerating what is small enough for that, and with a size model that has to be corrected."""
    monkeypatch.setattr(allocation, "_SMALL", 0)
    sides, choices, budget = _drawn_problem(seed)
    graph, extents = chain(sides, [choice.widths[-1] for choice in choices])

    def exact(widths: Mapping[str, int]) -> Footprint:
        return uneven_footprint(sides, dict(widths))

    best = min(
        sum(choice.damage[level] for choice, level in zip(choices, levels, strict=True))
        for levels in product(range(6), repeat=4)
        if exact({c.group: c.widths[level] for c, level in zip(choices, levels, strict=True)}).fits(budget)
    )
    found = allocate(choices, SizeModel(graph, extents, [choice.group for choice in choices]), exact, budget)
    assert found.footprint == exact(found.widths) and found.footprint.fits(budget)
    assert found.damage == pytest.approx(
        sum(c.damage[c.widths.index(found.widths[c.group])] for c in choices)
    )  # fmt: skip
    assert best - 1e-9 <= found.damage <= best * 1.04


def test_a_corrected_model_states_what_is_over_the_limits() -> None:
    sides, choices, budget = _drawn_problem(1)
    graph, extents = chain(sides, [choice.widths[-1] for choice in choices])
    model = SizeModel(graph, extents, [choice.group for choice in choices])
    search = allocation._Search(choices, model, lambda widths: uneven_footprint(sides, dict(widths)), budget)
    for levels in ([5, 5, 5, 5], [4, 3, 4, 3], [0, 2, 5, 1]):
        candidate = np.array(levels)
        exact = search.footprint(candidate)
        search.correct(candidate)
        assert search.correct(candidate) is False
        over = exact.excess(budget)
        violation = float(search._violation(candidate[None])[0])
        least = sum(max(over[limit] - 1, 0) for limit in ("flash", "ram", "latency"))
        assert violation == pytest.approx(least) or violation > least > 0  # each operator over the RAM limit counts
    assert search.correct(np.array([5, 1, 2, 5])) is True
    gone = search.descend(np.array([5, 5, 5, 5]))
    assert search._violation(gone[None])[0] <= 0
    improved = search.improve(gone)
    assert search._violation(improved[None])[0] <= 0 and search.damage_of(improved) <= search.damage_of(gone)
    explored = search.explore(np.zeros(4, dtype=int))
    assert search._violation(explored[None])[0] <= 0 and search.damage_of(explored) <= search.damage_of(improved) * 1.02


def test_exact_footprints_are_asked_for_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a plan of the whole arena; the last trades are given up rather than tried without an end."""
    monkeypatch.setattr(allocation, "_EXACT_CALLS", 2)
    monkeypatch.setattr(allocation, "_SMALL", 0)
    sides, choices, _ = _drawn_problem(2)
    graph, extents = chain(sides, [choice.widths[-1] for choice in choices])
    model = SizeModel(graph, extents, [choice.group for choice in choices])
    asked: list[Mapping[str, int]] = []

    def exact(widths: Mapping[str, int]) -> Footprint:
        asked.append(widths)
        return exact_footprint(sides, dict(widths))

    search = allocation._Search(choices, model, exact, Budget(10**6, 10**6))
    asked.clear()
    search.polish(np.zeros(4, dtype=int))
    assert len(asked) == 2
