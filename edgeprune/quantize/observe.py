"""What the activations of a float graph hold over the calibration samples, in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgeprune.errors import ModelError
from edgeprune.ir import Graph, Op, OpKind
from edgeprune.quantize.input_moments import ROWS, InputMoments, MomentsOf, group_count, rows_of_channels
from edgeprune.quantize.runners import FloatRunner, Read, activations, sample_of

_KEPT_VALUES = 1 << 16  # of an activation, over all samples
_SEED = 0
_LEAST_EXPONENT = 10.0  # below the largest of a softmax's inputs: e**-10 is a hundredth of what int8 tells from zero
_MARGIN = 6**0.5 / np.pi * np.log(10)  # standard deviations


@dataclass(frozen=True, eq=False)
class Observed:
    """One activation over the calibration samples; channels are its last axis.

    Attributes:
        low, high: float32 (channels,), least and greatest value of each.
        rows: float32 (n, channels), pixels drawn at random from all samples alike.
        reaches: float32 (samples, channels), largest absolute value of each sample.
    """

    low: np.ndarray
    high: np.ndarray
    rows: np.ndarray
    reaches: np.ndarray

    @property
    def likely_reach(self) -> np.ndarray:
        """(channels,) how far other samples will reach: the largest absolute value and a margin.

        For maxima that are distributed like a Gumbel variable, what one in ten times as many samples goes beyond.
        """
        reaches = self.reaches.astype(np.float64)  # whose squares are beyond float32 where values are beyond 1e19
        reach: np.ndarray = reaches.max(axis=0) + _MARGIN * reaches.std(axis=0)
        return reach

    def scaled(self, factors: np.ndarray) -> Observed:
        """With each channel multiplied with a positive factor."""
        return Observed(self.low * factors, self.high * factors, self.rows * factors, self.reaches * factors)

    def joined(self, other: Observed) -> Observed:
        """Over the samples of both."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        rows, reaches = ([*pair] for pair in ((self.rows, other.rows), (self.reaches, other.reaches)))
        return Observed(low, high, np.concatenate(rows), np.concatenate(reaches))


@dataclass(frozen=True, eq=False)
class Observation:
    """A float graph over the calibration samples.

    Attributes:
        activations: tensor -> what it holds.
        inputs: position of a layer with weights -> what its weights are multiplied with, there and in every other layer
            that has the same.
    """

    activations: Mapping[int, Observed]
    inputs: Mapping[int, InputMoments]

    def scaled(self, graph: Graph, factors: Mapping[int, np.ndarray]) -> Observation:
        """As it would be with the channels of activations multiplied: tensor -> (channels,) positive factors."""
        held = {index: one.scaled(factors[index]) for index, one in self.activations.items()}
        inputs = {
            position: moments.scaled(
                rows_of_channels(factors[graph.ops[position].inputs[0]], graph, graph.ops[position])
            )
            for position, moments in self.inputs.items()
        }
        return Observation(held, inputs)

    def joined(self, other: Observation) -> Observation:
        """Over the samples of both."""
        held = {index: one.joined(other.activations[index]) for index, one in self.activations.items()}
        return Observation(held, {layer: one.joined(other.inputs[layer]) for layer, one in self.inputs.items()})


@dataclass(frozen=True, eq=False)
class Seen:
    """A float graph over some samples.

    Attributes:
        samples: (N, ...) float32 as the file lays inputs out, several end to end.
        observation: what it held.
        outputs: of the network, (N, ...) float32 each.
    """

    samples: np.ndarray
    observation: Observation
    outputs: tuple[np.ndarray, ...]


def observe(runner: FloatRunner, samples: np.ndarray, share: float = 1.0) -> Seen:
    """Runs every sample once.

    Args:
        samples: (N, ...) float32 as the file lays inputs out, several end to end.
        share: of all samples that these are.

    Raises:
        ModelError: a value that is not finite.
    """
    graph, rng = runner.graph, np.random.default_rng(_SEED)
    count = round(len(samples) / share)
    watched = {index: _Watched(graph, index, count) for index in activations(graph)}
    layers = {
        position: MomentsOf(graph, op, max(1, ROWS // count))
        for position, op in enumerate(graph.ops)
        if _has_constant_weights(graph, op)
    }
    outputs: list[list[np.ndarray]] = [[] for _ in graph.outputs]
    for sample in samples:
        read = _once_each(runner.run(sample_of(runner.graph, sample)))
        for index, one in watched.items():
            one.add(read(index), rng)
        for position, moments in layers.items():
            moments.add(read(graph.ops[position].inputs[0]), rng)
        for number, index in enumerate(graph.outputs):
            outputs[number].append(read(index)[0])
    held = {index: one.observed() for index, one in watched.items()}
    inputs = _joined_by_weights(graph, {position: one.moments() for position, one in layers.items()})
    return Seen(samples, Observation(held, inputs), tuple(np.stack(one) for one in outputs))


def has_own_weights(graph: Graph, op: Op) -> bool:
    """Whether it multiplies with constants that no other operator reads."""
    constants = [index for index in op.inputs[1:] if index >= 0]
    return op.traits.has_weights and all(
        graph.tensors[index].is_constant and len(graph.consumers[index]) == 1 for index in constants
    )


def _has_constant_weights(graph: Graph, op: Op) -> bool:
    """Whether it multiplies with constants, its own or those that layers of its kind have as well."""
    if not op.traits.has_weights or not graph.tensors[op.inputs[1]].is_constant:
        return False
    readers = [graph.ops[reader] for reader in graph.consumers[op.inputs[1]]]
    form = op.kind, group_count(graph, op)
    return all(
        reader.traits.has_weights
        and reader.inputs[1] == op.inputs[1]
        and (reader.kind, group_count(graph, reader)) == form
        for reader in readers
    )


def _joined_by_weights(graph: Graph, moments: Mapping[int, InputMoments]) -> dict[int, InputMoments]:
    """Each with those of all layers that have its weights: a step that is right for one of them may not be for all."""
    joined: dict[int, InputMoments] = {}
    for position, own in moments.items():
        weights = graph.ops[position].inputs[1]
        joined[weights] = joined[weights].joined(own) if weights in joined else own
    return {position: joined[graph.ops[position].inputs[1]] for position in moments}


class _Watched:
    def __init__(self, graph: Graph, index: int, samples: int):
        self._name, self._is_exponent = graph.tensors[index].name, _only_softmax_reads(graph, index)
        self._channels = graph.tensors[index].shape[-1] if graph.tensors[index].shape else 1
        self._rows_per_sample = max(1, _KEPT_VALUES // (samples * self._channels))
        self._low = np.zeros(self._channels, np.float32)  # int8 holds zero in any case
        self._high = np.zeros(self._channels, np.float32)
        self._rows: list[np.ndarray] = []
        self._reaches: list[np.ndarray] = []

    def add(self, values: np.ndarray, rng: np.random.Generator) -> None:
        rows = values.reshape(-1, self._channels)
        if self._is_exponent:
            rows = np.maximum(rows, rows.max(axis=1, keepdims=True) - _LEAST_EXPONENT)
        low, high = rows.min(axis=0), rows.max(axis=0)
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise ModelError(
                f"{self._name!r} is not finite for a calibration sample",
                hint="check the data and [data] mean and std; a training that diverged leaves such weights, too",
            )
        np.minimum(self._low, low, out=self._low)
        np.maximum(self._high, high, out=self._high)
        self._reaches.append(np.maximum(high, -low))
        few = len(rows) <= self._rows_per_sample
        self._rows.append((rows if few else rows[rng.integers(0, len(rows), self._rows_per_sample)]).astype(np.float32))

    def observed(self) -> Observed:
        return Observed(self._low, self._high, np.concatenate(self._rows), np.stack(self._reaches))


def _only_softmax_reads(graph: Graph, index: int) -> bool:
    readers = [graph.ops[reader] for reader in graph.consumers.get(index, ())]
    return bool(readers) and index not in graph.outputs and all(op.kind is OpKind.SOFTMAX for op in readers)


def _once_each(read: Read) -> Read:
    """Reading a tensor copies it."""
    known: dict[int, np.ndarray] = {}

    def reading(index: int) -> np.ndarray:
        if index not in known:
            known[index] = read(index)
        return known[index]

    return reading
