"""The words `firmware/include/dsp/tile.h` reads for a layer: biases, weights two channels to a word, requantization.

Every precondition of the tile is decided here, from the exact range each accumulator can reach. A layer that breaks
one gets no stream, and its operator falls back to the plain C kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.engine.kernels.dsp.constants import PAIRED, Requantized, exact_constants
from edgeprune.engine.kernels.scaling import Int64s, Scaling, accumulator_range
from edgeprune.engine.kernels.words import Words, as_words

_HIGH_LANE = 256  # a word's lane holds 256 * b + a


def stream_words(channels: int, steps: int, two: bool) -> tuple[int, int]:
    """(all words, those of the requantization among them) for 4 * steps inputs."""
    pairs, constants = -(-channels // 2), 4 if two else 6
    return pairs * (2 + 2 * steps + constants), pairs * constants


@dataclass(frozen=True, eq=False)
class PairedChannels:
    """A layer's channels as its pairs hold them; a channel may stand in two.

    Attributes:
        weights: (channels, 4 * steps) in the order of the columns' inputs, zeros where nothing is read.
        bias: (channels,) with the input's zero point folded in.
        requantized: each in the word it comes in.
        is_exact_room: whether the exact way's accumulators fit beside each other.
    """

    weights: Int64s
    bias: Int64s
    requantized: Requantized
    is_exact_room: bool

    def stream(self, shifts: Sequence[int]) -> Stream | None:
        """In two instructions where it can be, else the exact way's."""
        return self.in_two(shifts) or self.exact()

    def in_two(self, shifts: Sequence[int]) -> Stream | None:
        """With the two-instruction way's constants for the first shift that has some."""
        two = self.requantized.constants(shifts)
        return None if two is None else Stream(self, two.constants, two.nudge, two.shift)

    def exact(self) -> Stream | None:
        """With the exact way's."""
        constants = exact_constants(self.requantized.scaling) if self.is_exact_room else None
        return None if constants is None else Stream(self, constants, np.zeros_like(self.bias), None)


@dataclass(frozen=True, eq=False)
class Stream:
    """The layer with constants.

    Attributes:
        constants: (channels, 2), in the exact way (channels, 3).
        nudge: (channels,) to be added to the bias.
        shift: of channel a in the two-instruction way, 8 more for b; None for the exact way.
    """

    channels: PairedChannels
    constants: Int64s
    nudge: Int64s
    shift: int | None

    @property
    def words(self) -> Words:
        """uint32, what tile.h calls stream."""
        biases = bias_words(self.channels.bias, self.nudge)
        return as_words(_pair_words(self.channels.weights, biases, self.constants))


def pair_channels(weights: Int64s, bias: Int64s, scaling: Scaling, groups: int = 1) -> PairedChannels | None:
    """The layer two channels at a time, or None where a bound does not hold.

    Args:
        weights, bias: as in `PairedChannels`, each channel once.
        scaling: LiteRT's requantization of the layer.
        groups: that do not share a pair, of as many channels each.
    """
    if len(weights) % 2 or groups > 1:
        paired = pairs_of(len(weights), groups)
        weights, bias = weights[paired], bias[paired]
        scaling = replace(scaling, multiplier=scaling.multiplier[paired], shift=scaling.shift[paired])
    low, high = accumulator_range(weights, bias)
    if max(-low.min(), high.max()) >= 1 << 30 or np.abs(weights[1::2]).max(initial=0) > 127:
        return None
    is_exact_room = bool(max(-low[1::2].min(), high[1::2].max()) < 1 << 23)
    return PairedChannels(weights, bias, Requantized.of(scaling, low, high, PAIRED), is_exact_room)


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
