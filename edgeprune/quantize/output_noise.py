"""Each activation's range by what it does to the network's outputs.

Noise of quantized activations adds up at the outputs: they are far apart and know nothing of each other. So each
activation is quantized alone in the float network, and of its candidate ranges the one counts with which the outputs
change least. A local error would not do: what is clipped are the largest values, which mostly matter most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.ir import Activation, Graph
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
_WIDER, _NARROWER = 1.05, 0.9
_LEAST_SHARE = 0.3
_RELU6 = 6.0
_SMALLEST_NOISE = 1e-30


@dataclass(frozen=True)
class Way:
    """How a range is chosen from what was observed: a share of what the method gives."""

    method: Method
    share: float = 1.0

    def range(self, values: Values, full: Range) -> Range:
        one = range_by(self.method, values, full)
        return Range(one.low * self.share, one.high * self.share)


PLAIN = Way(Method.MIN_MAX)
_WITHOUT_FAR = Way(Method.WITHOUT_FAR)


@dataclass(frozen=True)
class ChosenRange:
    """One range and the way it was chosen."""

    range: Range
    way: Way


@dataclass(frozen=True, eq=False)
class Fold:
    """Ranges from some samples are judged on others, so that what is clipped of new ones counts.

    Attributes:
        observed: activations over the samples the ranges are from.
        samples: (N, ...) float32, the others; some of them serve.
    """

    observed: Mapping[int, Observed]
    samples: np.ndarray


def best_ways(runner: FloatRunner, folds: Sequence[Fold]) -> dict[tuple[int, ...], Way]:
    """How to choose the range of each activation: those that share a scale -> a way.

    Args:
        runner: of the float graph.
        folds: the noise of all of them counts.
    """
    graph, form = runner.graph, quantized_form(runner.graph)
    judges = [_Judge(_Memory(runner, fold.samples), fold.observed, min_max(fold.observed)) for fold in folds]
    trials = {}
    for owner, members in form.sharing().items():
        own = tuple(index for index in members if index in folds[0].observed)
        if owner not in form.fixed and own:
            trials[own] = _Trial(graph, judges, own, _at(form, graph, own))
    plain = {own: trial.noise(PLAIN) for own, trial in trials.items()}
    enough = _HEARD * sum(min(plain[own], trial.noise(_WITHOUT_FAR)) for own, trial in trials.items())
    return {own: trial.best() if plain[own] > enough else PLAIN for own, trial in trials.items()}


def ranges_by(
    graph: Graph, ways: Mapping[tuple[int, ...], Way], observed: Mapping[int, Observed], full: Mapping[int, Range]
) -> dict[int, ChosenRange]:
    """What the ways give for these observations; `full` where none is named."""
    chosen = {index: ChosenRange(one, PLAIN) for index, one in full.items()}
    for members, way in ways.items():
        one = ChosenRange(within(way.range(*seen_together(observed, full, members)), limits_of(graph, members)), way)
        chosen.update(dict.fromkeys(members, one))
    return chosen


def limits_of(graph: Graph, members: Sequence[int]) -> Range:
    """What tensors that share a scale cannot leave: a ReLU6 needs no room above 6, and with room there it is clamped
    by a constant of its own, which kernels of its kind do not share."""
    makers = [graph.ops[graph.producer[index]] for index in members if index in graph.producer]
    clamped = [op.activation for op in makers if not op.traits.keeps_scale]
    if clamped and len(makers) == len(members) and all(one is Activation.RELU6 for one in clamped):
        return Range(0.0, _RELU6)
    return Range(-np.inf, np.inf)


def within(range_: Range, limits: Range) -> Range:
    return Range(max(range_.low, limits.low), min(range_.high, limits.high))


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


@dataclass(frozen=True, eq=False)
class _Judge:
    """A fold: `memory` of its samples; `full` is the plain minimum and maximum of `observed`."""

    memory: _Memory
    observed: Mapping[int, Observed]
    full: Mapping[int, Range]


class _Trial:
    """Ranges for tensors that share a scale."""

    def __init__(self, graph: Graph, judges: Sequence[_Judge], members: Sequence[int], at: Sequence[int]):
        self._graph, self._at, self._part = graph, at, part_behind(graph, at, Range(0.0, 1.0))
        self._limits = limits_of(graph, members)
        self._seen = [(judge.memory, *seen_together(judge.observed, judge.full, members)) for judge in judges]
        self._known: dict[tuple[Range, ...], float] = {}

    def noise(self, way: Way) -> float:
        """Of the outputs with this way.

        The geometric mean over the folds: in the sum one sample that reaches far beyond all others decides alone."""
        ranges = tuple(within(way.range(values, full), self._limits) for _, values, full in self._seen)
        if ranges not in self._known:
            noise = [self._noise(memory, one) for (memory, *_), one in zip(self._seen, ranges, strict=True)]
            self._known[ranges] = float(np.exp(np.log(np.maximum(noise, _SMALLEST_NOISE)).mean()))
        return self._known[ranges]

    def _noise(self, memory: _Memory, range_: Range) -> float:
        apart = len(self._part.sources) < len(self._at)
        part = part_behind(self._graph, self._at, range_) if apart else self._part  # with the range inside
        return memory.noise(part, range_)

    def best(self) -> Way:
        methods = dict.fromkeys(one for _, values, full in self._seen for one in worth_a_trial(values, full))
        first = min(map(Way, methods), key=self.noise)
        best = min((self._descended(first, step) for step in (_NARROWER, _WIDER)), key=self.noise)
        return best if self.noise(best) < _WORTH_IT * self.noise(PLAIN) else PLAIN

    def _descended(self, way: Way, step: float) -> Way:
        """A share of it, reached in steps each of which has less noise than the one before."""
        while way.share > _LEAST_SHARE:
            further = replace(way, share=way.share * step)
            if self.noise(further) >= self.noise(way):
                break
            way = further
        return way


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

    def noise(self, part: Part, range_: Range) -> float:
        """What the outputs change when the sources of the part have this range: power over their own, summed."""
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
