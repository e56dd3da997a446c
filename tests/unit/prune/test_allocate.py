"""The allocator against brute force, on chains and residual nets small enough to enumerate."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.budget import Budget, Footprint
from edgeprune.errors import DoesNotFit
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor
from edgeprune.prune.allocate import GroupChoice, allocate
from edgeprune.prune.channels import Extent
from edgeprune.prune.size_model import SizeModel

FIXED_FLASH_BYTES = 3_000
FIXED_RAM_BYTES = 1_000


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
        ops.append(Op(OpKind.CONV_2D, f"conv{index}", (previous, weight, bias), (output,)))
        previous, previous_channels = output, own
    return Graph(tuple(tensors), tuple(ops), (0,), (previous,)), extents


def exact_footprint(sides: list[int], widths: dict[str, int]) -> Footprint:
    """Written down independently of the size model: weights, biases with tables, and the two tensors of each layer."""
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
        {"weights": flash, "runtime": FIXED_FLASH_BYTES}, {"arena": peak, "stack": FIXED_RAM_BYTES}, peak_layer, macs
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


@settings(max_examples=25, deadline=None)
@given(problems(), st.floats(0.3, 0.9), st.floats(0.3, 0.9))
def test_within_one_percent_of_brute_force(
    problem: tuple[list[int], list[GroupChoice]], flash_part: float, ram_part: float
) -> None:
    sides, choices = problem
    graph, extents = chain(sides, [choice.widths[-1] for choice in choices])
    model = SizeModel(graph, extents, [choice.group for choice in choices])
    full = exact_footprint(sides, {c.group: c.widths[-1] for c in choices})
    least = exact_footprint(sides, {c.group: c.widths[0] for c in choices})
    budget = Budget(
        int(least.flash_bytes + flash_part * (full.flash_bytes - least.flash_bytes)),
        int(least.ram_bytes + ram_part * (full.ram_bytes - least.ram_bytes)),
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


def test_the_unreachable_limit_says_what_is_reachable_and_what_holds_it_up() -> None:
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
