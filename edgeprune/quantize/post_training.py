"""Post-training quantization: what is done to a float network so that its integer form stays near it.

Steps, each kept only where it helps: cross-layer equalization (`equalize.py`), a range for each activation by what it
does to the outputs (`output_noise.py`), weights rounded by what they are multiplied with and biases corrected
(`round_weights.py`). All are judged by cross-validation: made from the calibration samples but one part, compared with
the float network on that part; and made from all, compared on all: the lower figure counts. Where they bring next to
nothing, plain minimum and maximum with everything rounded to nearest stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import DType, Graph
from edgeprune.quantize.equalize import equalized, with_gains
from edgeprune.quantize.observe import Observation, Seen, observe
from edgeprune.quantize.output_noise import ChosenRange, Fold, Way, best_ways, ranges_by
from edgeprune.quantize.quantized import Ranges, quantized
from edgeprune.quantize.ranges import min_max, with_shared_outputs
from edgeprune.quantize.round_weights import adaptive, nearest_with_bias
from edgeprune.quantize.runners import FloatRunner, IntegerRunner, sample_of
from edgeprune.quantize.specification import INT16_LACKING
from edgeprune.quantize.weights import INT8, Bits, Rounding, to_nearest

_EXPONENTS = (0.5, 0.75, 1.0)  # of equalization
_COMPARED = 256  # samples, between exponents
_FEW_WEIGHTS = 64
_PARTS, _PARTS_OF_FEW, _MANY = 2, 4, 128  # of the samples; how many are many
_MASKED_SHARE = 0.9  # fewer weights that are not zero: the others are masked
_SHARED = 4  # weights that have one value between them
_SHOWN = 8  # layers named in a refusal
_WORTH_DB = 0.2  # at least, over plain ranges and rounding


@dataclass(frozen=True, eq=False)
class Quantization:
    """A float network and what it became.

    Attributes:
        floats: the graph that was quantized, with its channels as equalized: the same function as the one given.
        graph: its integer form, tensors numbered as in `floats`; not yet cleaned.
        ranges: of every activation of `floats`.
        int16: names of operators with int16 activations beside those of all.
        sqnr_db: of the outputs over the calibration samples, the lower one of several.
    """

    floats: Graph
    graph: Graph
    ranges: Mapping[int, ChosenRange]
    sqnr_db: float
    int16: frozenset[str] = frozenset()


def post_training(
    runner: FloatRunner,
    samples: np.ndarray,
    shared_outputs: bool,
    bits: Bits = INT8,
    int16: frozenset[str] = frozenset(),
) -> Quantization:
    """Args:
        runner: of a float graph in normal form.
        samples: (N, ...) float32 of its one input, channels last.
        shared_outputs: all outputs have one range.
        bits: of activations and weights.
        int16: names of operators with int16 activations, whatever the others have.

    Raises:
        UnsupportedOp: layers that LiteRT has no kernel for with these activations.
    """
    _refuse_lacking(runner.graph, bits)
    return _Quantizer(runner, samples, shared_outputs, bits, int16).best()


def _refuse_lacking(graph: Graph, bits: Bits) -> None:
    lacking = [op for op in graph.ops if bits.dtype is DType.INT16 and op.kind in INT16_LACKING]
    if lacking:
        named = ", ".join(f"{op.kind} of {op.name!r}" for op in lacking[:_SHOWN])
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        raise UnsupportedOp(
            f"LiteRT has no int16 kernel that is right for {named}{more}",
            hint="export int8; where it is an activation, a ReLU, a leaky ReLU or a GELU has one",
        )


@dataclass(frozen=True, eq=False)
class _Recipe:
    """What is made of an observation: `graph` with a range for each activation and rounded weights.

    Attributes:
        without: what the samples showed of the graph without each of their parts.
        whole: what all of them did.
        ways: of ranges that are not the plain minimum and maximum.
        rounding: of what an observation shows.
    """

    graph: Graph
    without: Sequence[Observation]
    whole: Observation
    ways: Mapping[tuple[int, ...], Way]
    rounding: Callable[[Observation], Rounding]


class _Quantizer:
    """Recipes are made without one part of the samples and judged on it, each in turn; the best one is made from all.

    On the same samples narrow ranges look better than they are. Few samples are cut into more parts: minimum and
    maximum of half of them are much narrower than of all.
    """

    def __init__(
        self, runner: FloatRunner, samples: np.ndarray, shared_outputs: bool, bits: Bits, int16: frozenset[str]
    ):
        self._runner, self._shared_outputs, self._bits, self._int16 = runner, shared_outputs, bits, int16
        count = min(_PARTS if len(samples) >= _MANY else _PARTS_OF_FEW, len(samples))
        self._parts = [observe(runner, samples[start::count], 1 / count) for start in range(count)]
        seen = [part.observation for part in self._parts]
        self._whole = reduce(Observation.joined, seen)
        self._without = [
            reduce(Observation.joined, [one for other, one in enumerate(seen) if other != part] or seen)
            for part in range(count)
        ]

    def best(self) -> Quantization:
        graph, without = self._runner.graph, self._without
        plain = _Recipe(graph, without, self._whole, {}, lambda _: to_nearest)
        if _holds_masks(graph):
            return self._quantization(plain)
        exponent, whole = self._best_exponent(), self._whole
        if exponent is not None:
            changed = equalized(graph, whole.activations, exponent)
            graph, whole = changed.graph, whole.scaled(changed.graph, changed.factors)
            without = [one.scaled(graph, changed.factors) for one in without]
        rounded = _Recipe(graph, without, whole, {}, lambda seen: adaptive(graph, seen.inputs))
        recipes = [plain, rounded]
        if self._bits.dtype is DType.INT8:  # 16 bits need no values clipped
            recipes.append(replace(rounded, ways=self._ways(rounded)))
        made = [self._quantization(recipe) for recipe in recipes]
        near = [min(self._crossed_db(recipe), one.sqnr_db) for recipe, one in zip(recipes, made, strict=True)]
        best = int(np.argmax(near))
        return made[best] if near[best] > near[0] + _WORTH_DB else made[0]

    def _ways(self, recipe: _Recipe) -> dict[tuple[int, ...], Way]:
        folds = [Fold(seen.activations, part.samples) for seen, part in zip(recipe.without, self._parts, strict=True)]
        ways = best_ways(FloatRunner(recipe.graph), folds)
        if self._shared_outputs:
            ways = {members: one for members, one in ways.items() if not {*members} & {*recipe.graph.outputs}}
        return ways

    def _crossed_db(self, recipe: _Recipe) -> float:
        """Made without each part and judged on it, the mean of all: one far sample does not decide alone."""
        pairs = zip(recipe.without, self._parts, strict=True)
        return float(np.mean([_sqnr_db(self._made(recipe, seen)[0], [part]) for seen, part in pairs]))

    def _quantization(self, recipe: _Recipe) -> Quantization:
        made, ranges = self._made(recipe, recipe.whole)
        return Quantization(recipe.graph, made, ranges, _sqnr_db(made, self._parts), self._int16)

    def _made(self, recipe: _Recipe, seen: Observation) -> tuple[Graph, dict[int, ChosenRange]]:
        ranges = ranges_by(recipe.graph, recipe.ways, seen.activations, self._full(recipe.graph, seen))
        simple = {index: one.range for index, one in ranges.items()}
        graph = with_gains(recipe.graph, seen.activations)
        return quantized(graph, simple, self._bits, recipe.rounding(seen), self._int16), ranges

    def _best_exponent(self) -> float | None:
        """Of equalization, None without."""
        graph, observation = self._runner.graph, self._without[-1]
        near: dict[float | None, float] = {None: self._near_on_others(graph, observation)}
        for exponent in _EXPONENTS:
            changed = equalized(graph, observation.activations, exponent)
            near[exponent] = self._near_on_others(changed.graph, observation.scaled(graph, changed.factors))
        return max(near, key=lambda one: near[one])

    def _near_on_others(self, graph: Graph, observation: Observation) -> float:
        ranges, rounding = self._full(graph, observation), nearest_with_bias(graph, observation.inputs)
        others = self._parts[-1]
        step = max(1, len(others.samples) // _COMPARED)
        few = Seen(others.samples[::step], others.observation, tuple(output[::step] for output in others.outputs))
        made = quantized(with_gains(graph, observation.activations), ranges, self._bits, rounding, self._int16)
        return _sqnr_db(made, [few])

    def _full(self, graph: Graph, observation: Observation) -> Ranges:
        ranges = min_max(observation.activations)
        return with_shared_outputs(graph, ranges) if self._shared_outputs else ranges


def _sqnr_db(made: Graph, parts: Sequence[Seen]) -> float:
    """Of the output that is farthest off."""
    runner = IntegerRunner(made, made.outputs)
    noise, power = np.zeros(len(made.outputs)), np.zeros(len(made.outputs))
    for part in parts:
        for number, sample in enumerate(part.samples):
            read = runner.run(sample_of(runner.graph, sample))
            for which, index in enumerate(made.outputs):
                wanted = part.outputs[which][number].astype(np.float64)
                noise[which] += np.square(read(index)[0] - wanted).sum()
                power[which] += np.square(wanted).sum()
    return float((10 * np.log10(np.maximum(power, 1e-30) / np.maximum(noise, 1e-30))).min())


def _holds_masks(graph: Graph) -> bool:
    """Whether a layer's weights are masked or share values: both are worth flash only as long as nothing moves them."""
    for op in graph.ops:
        held = graph.tensors[op.inputs[1]].data if op.traits.has_weights else None
        if held is None or held.size < _FEW_WEIGHTS:
            continue
        if np.count_nonzero(held) < _MASKED_SHARE * held.size or len(np.unique(held)) < held.size // _SHARED:
            return True
    return False
