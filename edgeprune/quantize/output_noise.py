"""Each activation's range by what it does to the network's outputs.

Noise of quantized activations adds up at the outputs: they are far apart and know nothing of each other. So each
activation is quantized alone in the float network, and of its candidate ranges the one counts with which the outputs
change least. A local error would not do: what is clipped are the largest values, which mostly matter most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ir import Graph
from edgeprune.quantize.form import Form, quantized_form
from edgeprune.quantize.observe import Observed
from edgeprune.quantize.part_behind import Part, part_behind
from edgeprune.quantize.quantized import Range, qparams_of
from edgeprune.quantize.ranges import Method, Values, min_max, range_by, worth_a_trial
from edgeprune.quantize.runners import FloatRunner, activations, sample_of

_MOST_SAMPLES, _LEAST_SAMPLES = 128, 8
_KEPT_BYTES = 256 << 20
_HEARD = 0.005  # of all noise at the outputs: less needs no better range
_WORTH_IT = 0.95  # of the noise at most, for another range than minimum and maximum


@dataclass(frozen=True)
class ChosenRange:
    """One range and the method it is from."""

    range: Range
    method: Method


def best_methods(
    runner: FloatRunner, observed: Mapping[int, Observed], samples: np.ndarray
) -> dict[tuple[int, ...], Method]:
    """How to choose the range of each activation: those that share a scale -> a method.

    Args:
        runner: of the float graph.
        observed: its activations over samples other than these, so that what is clipped of new ones counts.
        samples: (N, ...) float32; some of them serve.
    """
    graph, form, full = runner.graph, quantized_form(runner.graph), min_max(observed)
    memory = _Memory(runner, samples)
    trials = {}
    for owner, members in form.sharing().items():
        own = tuple(index for index in members if index in observed)
        if owner not in form.fixed and own:
            trials[own] = _Trial(memory, _at(form, graph, own), *seen_together(observed, full, own))
    plain = {own: trial.noise(Method.MIN_MAX) for own, trial in trials.items()}
    enough = _HEARD * sum(plain.values())
    return {own: trial.best() if plain[own] > enough else Method.MIN_MAX for own, trial in trials.items()}


def ranges_by(
    methods: Mapping[tuple[int, ...], Method], observed: Mapping[int, Observed], full: Mapping[int, Range]
) -> dict[int, ChosenRange]:
    """What the methods give for these observations; `full` where none is named."""
    chosen = {index: ChosenRange(one, Method.MIN_MAX) for index, one in full.items()}
    for members, method in methods.items():
        one = ChosenRange(range_by(method, *seen_together(observed, full, members)), method)
        chosen.update(dict.fromkeys(members, one))
    return chosen


def seen_together(
    observed: Mapping[int, Observed], full: Mapping[int, Range], members: Sequence[int]
) -> tuple[Values, Range]:
    """Of tensors that share a scale: their values and the range that holds all of them."""
    whole = full[members[0]]
    for index in members[1:]:
        whole = whole.joined(full[index])
    return Values.of(np.concatenate([observed[index].rows.reshape(-1) for index in members])), whole


def _at(form: Form, graph: Graph, members: Sequence[int]) -> list[int]:
    """Of the tensors of one scale those that are rounded to it: not what only moves or selects values of another."""
    moved = {
        op.outputs[0]
        for op in graph.ops
        if op.traits.keeps_scale and form.scale_of.get(op.inputs[0]) == form.scale_of.get(op.outputs[0])
    }
    return [index for index in members if index not in moved] or list(members)


class _Trial:
    """Ranges for tensors that share a scale."""

    def __init__(self, memory: _Memory, at: Sequence[int], values: Values, full: Range):
        self._memory, self._at, self._values, self._full = memory, at, values, full
        self._part = memory.part(at)
        self._known: dict[Method, float] = {}

    def noise(self, method: Method) -> float:
        if method not in self._known:
            range_ = range_by(method, self._values, self._full)
            self._known[method] = self._memory.noise(self._part, self._at, range_)
        return self._known[method]

    def best(self) -> Method:
        method = min(worth_a_trial(self._values, self._full), key=self.noise)
        return method if self.noise(method) < _WORTH_IT * self.noise(Method.MIN_MAX) else Method.MIN_MAX


class _Memory:
    """A float graph's activations for some samples, from which what follows one of them is computed again."""

    def __init__(self, runner: FloatRunner, samples: np.ndarray):
        self._graph = graph = runner.graph
        held = activations(graph)
        sample_bytes = sum(graph.tensors[index].size_bytes for index in held)
        count = int(np.clip(_KEPT_BYTES // sample_bytes, _LEAST_SAMPLES, _MOST_SAMPLES))
        self._activations: list[dict[int, np.ndarray]] = []
        for sample in samples[:: max(1, len(samples) // count)][:count]:
            read = runner.run(sample_of(runner.graph, sample))
            self._activations.append({index: read(index).copy() for index in held})
        self._power = {
            index: max(sum(float(np.square(one[index], dtype=np.float64).sum()) for one in self._activations), 1e-30)
            for index in graph.outputs
        }

    def part(self, at: Sequence[int]) -> Part:
        return part_behind(self._graph, at, Range(0.0, 1.0))

    def noise(self, part: Part, at: Sequence[int], range_: Range) -> float:
        """What the outputs change when these tensors have this range: power over their own, summed."""
        if len(part.sources) < len(at):
            part = part_behind(self._graph, at, range_)  # which has it inside
        noise = 0.0
        for held in self._activations:
            changed = {**held, **{index: in_steps(held[index], range_) for index in part.sources}}
            for index, values in part.run(changed).items():
                change = np.square(values - held[index], dtype=np.float64).sum()
                noise += float(change) / self._power[index]
        return noise


def in_steps(values: np.ndarray, range_: Range) -> np.ndarray:
    """float32 as int8 with this range holds them."""
    qparams = qparams_of(range_)
    scale, zero_point = np.float32(qparams.scale[0]), qparams.zero_point[0]
    steps = np.clip(np.round(values / scale), -128 - zero_point, 127 - zero_point)
    real: np.ndarray = (steps * scale).astype(np.float32)
    return real
