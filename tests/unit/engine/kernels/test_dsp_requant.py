"""Requantization in two instructions: LiteRT's output for every accumulator, by constants that are found if there are.

Each is compared with the plain way: thresholds by bisection over LiteRT's own arithmetic, constants one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgeprune.engine.kernels.dsp.constants import PAIRED, PLAIN, SHIFTS, Requantized, lifted_constants
from edgeprune.engine.kernels.dsp.requant import steps
from edgeprune.engine.kernels.requant import quantize_multiplier
from edgeprune.engine.kernels.scaling import Int64s, Scaling

INT32_END = 1 << 31


@st.composite
def layers(draw: st.DrawFn, largest: float = 1.0) -> tuple[Scaling, Int64s, Int64s]:
    """Channels of all scales, and the ends of what their accumulators can be."""
    channels = draw(st.integers(1, 4))
    reals = draw(st.lists(st.floats(2.0**-14, largest), min_size=channels, max_size=channels))
    reals[0] = draw(st.sampled_from([reals[0], 2.0**-9, 0.0]))
    pairs = np.array([quantize_multiplier(real) for real in reals], np.int64)
    zero_point = draw(st.sampled_from([-128, draw(st.integers(-128, 127))]))
    scaling = Scaling(pairs[:, 0], pairs[:, 1], zero_point, -128, 127, draw(st.booleans()))
    ends = st.integers(-(1 << draw(st.integers(3, 22))), 1 << draw(st.integers(3, 22)))
    drawn = np.sort(np.array([[draw(ends), draw(ends)] for _ in range(channels)], np.int64), axis=1)
    assume(not scaling.wraps(drawn[:, 0], drawn[:, 1]))
    return scaling, drawn[:, 0], drawn[:, 1]


def by_bisection(scaling: Scaling, channel: int, low: int, high: int, value: int) -> int:
    """The first accumulator from `low` to `high` whose output is `value` or more; high + 1 where none is."""
    own = scaling.of(slice(channel, channel + 1))
    begin, end = low, high + 1
    while begin < end:
        middle = (begin + end) // 2
        if int(own(np.array([[middle]]))[0, 0]) >= value:
            end = middle
        else:
            begin = middle + 1
    return begin


@given(layers(largest=6.0), st.sampled_from([(-128, 127), (-20, 127), (-128, 40), (-3, 90)]))
@settings(max_examples=60, deadline=None)
def test_thresholds_are_where_the_output_changes(layer: tuple[Scaling, Int64s, Int64s], clamp: tuple[int, int]) -> None:
    scaling, low, high = layer
    scaling = Scaling(scaling.multiplier, scaling.shift, scaling.zero_point, *clamp, scaling.rounds_twice)
    first = steps(scaling, low, high).first
    for channel, row in enumerate(first):
        for value in (-127, -126, -64, -1, 0, 1, 41, 90, 91, 126, 127):
            assert row[value + 127] == by_bisection(scaling, channel, int(low[channel]), int(high[channel]), value)


@pytest.mark.parametrize("rounds_twice", [True, False])
def test_thresholds_at_the_ends_of_int32(rounds_twice: bool) -> None:
    pairs = np.array([quantize_multiplier(real) for real in (2.0**-31, 2.0**-24, 0.999999, 0.5, 1.0, 127.0)], np.int64)
    scaling = Scaling(pairs[:, 0], pairs[:, 1], 5, -128, 127, rounds_twice)
    most = (INT32_END - 512) >> np.maximum(scaling.shift, 0)
    assert not scaling.wraps(-most, most)
    first = steps(scaling, -most, most).first
    for channel, row in enumerate(first):
        for value in range(-127, 128):
            found = by_bisection(scaling, channel, -int(most[channel]), int(most[channel]), value)
            assert row[value + 127] == found


def test_what_wraps_has_no_constants() -> None:
    scaling = Scaling(np.array([(1 << 31) - 1]), np.array([0]), 127, -128, 127, True)
    far = np.array([INT32_END - 100])
    assert scaling.wraps(-far, far)
    assert Requantized.of(scaling, -far, far).constants(SHIFTS) is None


def device(
    layer: tuple[Scaling, Int64s, Int64s], channel: int, factor: int, offset: int, nudge: int, shift: int, multiple: int
) -> None:
    """What the device computes for a channel, in int32, is LiteRT's output at every threshold and at the ends."""
    scaling, low, high = layer
    known = steps(scaling, low, high)
    near = np.concatenate([known.first[channel], known.first[channel] - 1, [low[channel], high[channel]]])
    acc = np.unique(np.clip(near, low[channel], high[channel]))
    word = multiple * acc + nudge
    total = offset + ((word * factor) >> 32)
    assert max(abs(factor), abs(offset), np.abs(word).max(), np.abs(total).max()) < INT32_END
    expected = scaling.of(slice(channel, channel + 1))(acc[None, :])[0]
    np.testing.assert_array_equal(np.clip(total >> shift, -128, 127), expected)


@given(layers(), st.sampled_from([PLAIN, PAIRED]), st.permutations(SHIFTS))
@settings(max_examples=60, deadline=None)
def test_constants_give_the_outputs_in_whatever_order_shifts_are_asked_for(
    layer: tuple[Scaling, Int64s, Int64s], multiples: Sequence[int], shifts: Sequence[int]
) -> None:
    scaling, low, high = layer
    requantized = Requantized.of(scaling, low, high, multiples)
    for shift in shifts:
        two = requantized.constants((shift,))
        assert two is None or (two.shift == shift and requantized.solved(shift).all())
        if two is not None:
            for channel, (factor, offset) in enumerate(two.constants.tolist()):
                multiple = multiples[channel % len(multiples)]
                more = multiple.bit_length() - 1
                device(layer, channel, factor, offset, int(two.nudge[channel]), shift + more, multiple)


@given(layers(), st.sampled_from(SHIFTS))
@settings(max_examples=60, deadline=None)
def test_lifted_constants_give_the_outputs(layer: tuple[Scaling, Int64s, Int64s], shift: int) -> None:
    scaling, low, high = layer
    lifted = lifted_constants(scaling, low, high, shift)
    for channel in np.flatnonzero(lifted.solved):
        factor, offset, times = lifted.constants[channel].tolist()
        device(layer, channel, factor, offset, int(lifted.nudge[channel]), shift, times)


def one_by_one(layer: tuple[Scaling, Int64s, Int64s], channel: int, shift: int, multiple: int) -> bool:
    """Whether a channel has constants: six factors each side of the ideal one, 2,048 offsets each."""
    scaling, low, high = (layer[0], int(layer[1][channel]), int(layer[2][channel]))
    firsts = [by_bisection(scaling, channel, low, high, value) for value in range(-127, 128)]
    real = int(scaling.multiplier[channel]) * 2.0 ** (int(scaling.shift[channel]) - 31)
    bits = shift + multiple.bit_length() - 1 + 32
    for factor in (max(round(real * 2.0**bits / multiple) + more, 1) for more in range(-6, 7)):
        lines = [
            (value << bits) - first * multiple * factor for value, first in zip(range(-127, 128), firsts, strict=True)
        ]
        at_least = max((line for line, first in zip(lines, firsts, strict=True) if first <= high), default=None)
        ends = (line + multiple * factor for line, first in zip(lines, firsts, strict=True) if first > low)
        below = min(ends, default=None)
        if at_least is None or below is None or at_least >= below or factor >= INT32_END:
            continue
        for offset in range(((below - 1) >> 32) - 1535, ((below - 1) >> 32) + 513):
            nudge = (below - 1 - (offset << 32)) // factor
            words = [multiple * end + nudge for end in (low, high)]
            if (offset << 32) + nudge * factor >= at_least and all(
                max(abs(word), abs(offset), abs(offset + (word * factor >> 32))) < INT32_END for word in words
            ):
                return True
    return False


@given(layers(largest=0.2), st.sampled_from([PLAIN, PAIRED]), st.permutations(SHIFTS))
@settings(max_examples=12, deadline=None)
def test_constants_are_found_where_they_were_one_by_one(
    layer: tuple[Scaling, Int64s, Int64s], multiples: Sequence[int], shifts: Sequence[int]
) -> None:
    requantized = Requantized.of(*layer, multiples)
    for shift in shifts[:2]:
        solved = requantized.solved(shift)
        for channel in range(len(solved)):
            if one_by_one(layer, channel, shift, multiples[channel % len(multiples)]):
                assert solved[channel]
