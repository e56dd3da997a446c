"""The words `firmware/include/dsp/tile.h` reads for a layer: biases, weights two channels to a word, requantization.

Every precondition of the tile is decided here, from the exact range each accumulator can reach. A layer that breaks
one gets no stream, and its operator falls back to the plain C kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.engine.kernels.dsp.constants import PAIRED, exact_constants, two_instruction_constants
from edgeprune.engine.kernels.scaling import Int64s, Scaling, accumulator_range
from edgeprune.engine.kernels.words import Words, as_words

_HIGH_LANE = 256  # a word's lane holds 256 * b + a


@dataclass(frozen=True, eq=False)
class Stream:
    """Words for the pairs of channels.

    Attributes:
        words: uint32, what tile.h calls stream.
        shift: of channel a in the two-instruction way, 8 more for b; None for the exact way.
    """

    words: Words
    shift: int | None


def stream_words(channels: int, steps: int, two: bool) -> tuple[int, int]:
    """(all words, those of the requantization among them) for 4 * steps inputs."""
    pairs, constants = -(-channels // 2), 4 if two else 6
    return pairs * (2 + 2 * steps + constants), pairs * constants


def make_stream(
    weights: Int64s, bias: Int64s, scaling: Scaling, shifts: Sequence[int], groups: int = 1
) -> Stream | None:
    """Lay out a layer's channels, or None where a bound does not hold.

    Args:
        weights: (channels, 4 * steps) in the order of the columns' inputs, zeros where nothing is read.
        bias: (channels,) with the input's zero point folded in.
        scaling: LiteRT's requantization of the layer.
        shifts: tried in order for the two-instruction way; none for the exact one.
        groups: that do not share a pair, of as many channels each.
    """
    paired = pairs_of(len(weights), groups)
    weights, bias = weights[paired], bias[paired]
    scaling = replace(scaling, multiplier=scaling.multiplier[paired], shift=scaling.shift[paired])
    low, high = accumulator_range(weights, bias)
    if max(-low.min(), high.max()) >= 1 << 30 or np.abs(weights[1::2]).max(initial=0) > 127:
        return None
    two = two_instruction_constants(scaling, low, high, PAIRED, shifts)
    if two is not None:
        return Stream(as_words(_pair_words(weights, bias_words(bias, two.nudge), two.constants)), two.shift)
    constants = exact_constants(scaling)
    if constants is None or max(-low[1::2].min(), high[1::2].max()) >= 1 << 23:
        return None
    return Stream(as_words(_pair_words(weights, bias_words(bias, np.zeros_like(bias)), constants)), None)


def pairs_of(channels: int, groups: int = 1) -> Int64s:
    """The channels of each group two by two; of an odd number the last two make a pair, too, a single one its own."""
    own = channels // groups
    order = np.arange(own)
    if own % 2:
        order = np.append(order[:-1], order[-2:])
    if own == 1:
        order = np.zeros(2, np.int64)
    return np.asarray((np.arange(groups)[:, None] * own + order[None, :]).reshape(-1), np.int64)


def bias_words(bias: Int64s, nudge: Int64s) -> Int64s:
    """(channels,) -> (channels / 2, 2): what the sums 256 * b + a and a begin with.

    A nudge is added to the word a channel is requantized from: a itself, and 256 * b.
    """
    low = bias[0::2] + nudge[0::2]
    return np.stack([bias[1::2] * _HIGH_LANE + nudge[1::2] + low, low], axis=1)


def _pair_words(weights: Int64s, biases: Int64s, constants: Int64s) -> Int64s:
    """All pairs' words as int64: two biases, lanes, constants of a and b."""
    lanes = lane_words(weights)
    return np.concatenate([biases, lanes, constants.reshape(len(lanes), -1)], axis=1).reshape(-1)


def lane_words(weights: Int64s) -> Int64s:
    """(channels, 4 * steps) -> (channels / 2, 2 * steps): lanes of 256 * b + a for inputs 0 and 2, then 1 and 3."""
    lanes = weights[1::2] * _HIGH_LANE + weights[0::2]
    quads = lanes.reshape(len(lanes), weights.shape[1] // 4, 4) & 0xFFFF
    pairs = np.stack([quads[..., 0] | quads[..., 2] << 16, quads[..., 1] | quads[..., 3] << 16], axis=-1)
    return pairs.reshape(len(lanes), weights.shape[1] // 2)
