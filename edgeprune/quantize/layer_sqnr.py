"""How far each layer of an int8 network is from its float form, and whose rounding it is that shows at the outputs.

A layer's own noise is what it adds to inputs that are exact: it is run alone in int8 on what int8 holds of the float
network's activations, and once in float on the same values; the difference is what its weights and its output's range
cost. Put into the float network, that noise alone gives the outputs `alone_db`. Noise of different layers is
uncorrelated, so powers add up and each layer has its share.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.ir import Graph, OpKind
from edgeprune.quantize.form import quantized_form
from edgeprune.quantize.part_behind import part_behind
from edgeprune.quantize.quantized import Range
from edgeprune.quantize.runners import FloatRunner, IntegerRunner, activations, real_values, sample_of, steps_of

_KEPT_BYTES = 256 << 20
_MOST_SAMPLES, _LEAST_SAMPLES = 16, 4
_SMALLEST_POWER = 1e-30
_INPUT = "input"


@dataclass(frozen=True)
class LayerSqnr:
    """One operator that rounds, or an input of the network; SQNR over a few samples.

    Attributes:
        name: of the layer; `input` for what the network reads.
        kind: of the operator, as LiteRT writes it; empty for an input.
        alone_db: of the network's outputs with this layer alone quantized, the lower one of several; None where they do
            not change.
        so_far_db: of this layer's output in the int8 network, all rounding up to here; None where it is always zero.
        share: 0..1, of the noise power at the outputs: what it is to blame for.
    """

    name: str
    kind: str
    alone_db: float | None
    so_far_db: float | None
    share: float


def layer_sqnr(floats: Graph, made: Graph, samples: np.ndarray, int16: Container[str] = ()) -> tuple[LayerSqnr, ...]:
    """Every layer that rounds, in execution order, the inputs first; layers that only move values are left out.

    Args:
        floats: the float graph, every constant with data.
        made: its int8 form, tensors numbered as `quantized` numbers them.
        samples: (N, ...) float32 as the file lays inputs out, several end to end; up to 16 of them serve.
        int16: operators of `made` with int16 activations among int8 ones.
    """
    measured = _Measured(_runnable(quantized_form(floats, int16=int16).graph), made, samples)
    noise = {index: measured.noise_at_outputs(index) for index in measured.rounded}
    total = max(sum(sum(one.values()) for one in noise.values()), _SMALLEST_POWER)
    return tuple(
        LayerSqnr(
            *measured.named(index),
            alone_db=_db(1.0, max(noise[index].values(), default=0.0)),
            so_far_db=measured.so_far_db(index),
            share=sum(noise[index].values()) / total,
        )
        for index in measured.rounded
    )


class _Measured:
    """The activations of both graphs for some samples, and each layer's own noise.

    Args:
        exact: the float graph, numbered as `made`.
    """

    def __init__(self, exact: Graph, made: Graph, samples: np.ndarray):
        self._exact, self._made = exact, made
        held = activations(exact)
        sample_bytes = 2 * sum(exact.tensors[index].size_bytes for index in held)
        count = int(np.clip(_KEPT_BYTES // sample_bytes, _LEAST_SAMPLES, _MOST_SAMPLES))
        alike = _of_real_values(exact)
        self._apart, self._apart_int8 = _numbers_apart(exact, alike), _numbers_apart(made, alike)
        self._floats, self._own = list[dict[int, np.ndarray]](), list[dict[int, np.ndarray]]()
        power, noise = dict.fromkeys(held, 0.0), dict.fromkeys(held, 0.0)
        whole, whole_int8 = FloatRunner(exact), IntegerRunner(made, held)
        alone = FloatRunner(_side_by_side(exact, self._apart))
        alone_int8 = IntegerRunner(_side_by_side(made, self._apart_int8), [*self._apart_int8.values()])
        for sample in samples[:: max(1, len(samples) // count)][:count]:
            given = sample_of(exact, sample)
            read, read_int8 = whole.run(given), whole_int8.run(given)
            values = {index: read(index).copy() for index in held}
            for index in held:
                power[index] += _power(values[index])
                noise[index] += _power(read_int8(index) - values[index])
            self._floats.append(values)
            self._own.append(self._own_noise(values, alone, alone_int8))
        self._power, self._noise = power, noise
        self.rounded = [index for index in held if any(np.any(one[index]) for one in self._own if index in one)]

    def _own_noise(
        self, values: Mapping[int, np.ndarray], alone: FloatRunner, alone_int8: IntegerRunner
    ) -> dict[int, np.ndarray]:
        """Activation -> what making it in int8 adds."""
        ends, tensors = self._made.inputs, self._made.tensors
        held = {
            index: real_values(tensors[index], steps_of(tensors[index], values[index]))
            for index in {*alone.graph.inputs, *ends}
        }
        inputs = [held[index] for index in alone.graph.inputs]
        read, read_int8 = alone.run(inputs), alone_int8.run(inputs)
        own = {index: read_int8(self._apart_int8[index]) - read(apart) for index, apart in self._apart.items()}
        return own | {index: held[index] - values[index] for index in ends}

    def noise_at_outputs(self, index: int) -> dict[int, float]:
        """Output -> noise power there of this layer alone, of the output's own power."""
        part = part_behind(self._exact, [index], Range(0.0, 1.0))
        noise = dict.fromkeys(self._exact.outputs, 0.0)
        for values, own in zip(self._floats, self._own, strict=True):
            changed = part.run({**values, index: self._within(index, values[index] + own[index])})
            for output, now in changed.items():
                noise[output] += _power(now - values[output])
        return {output: power / self._power[output] for output, power in noise.items() if self._power[output] > 0}

    def _within(self, index: int, values: np.ndarray) -> np.ndarray:
        """Nothing beyond what the float network reaches: a variance a little below zero has no root."""
        reached = [one[index] for one in self._floats]
        within: np.ndarray = np.clip(values, min(map(np.min, reached)), max(map(np.max, reached)))
        return within

    def so_far_db(self, index: int) -> float | None:
        return _db(self._power[index], self._noise[index])

    def named(self, index: int) -> tuple[str, str]:
        maker = self._made.producer.get(index)
        return (_INPUT, "") if maker is None else (self._made.ops[maker].name, str(self._made.ops[maker].kind))


def _runnable(graph: Graph) -> Graph:
    """A form's graph in float: what is quantized anew is the same value."""
    ops = (replace(op, kind=OpKind.RESHAPE) if op.kind is OpKind.QUANTIZE else op for op in graph.ops)
    return graph.with_ops(tuple(ops))


def _of_real_values(graph: Graph) -> list[int]:
    """What operators make that read and give real values alone."""
    real = {*activations(graph)}
    return [
        output
        for op in graph.ops
        for output in op.outputs
        if {*op.outputs, *(index for index in op.inputs if index >= 0 and not graph.tensors[index].is_constant)} <= real
    ]


def _numbers_apart(graph: Graph, made: Sequence[int]) -> dict[int, int]:
    """Tensor -> the number of a copy; the int8 graph has tables behind the tensors that both graphs have."""
    return {index: len(graph.tensors) + number for number, index in enumerate(made)}


def _side_by_side(graph: Graph, apart: Mapping[int, int]) -> Graph:
    """Each of these operators reads inputs of the graph, not what another one made."""
    ops = [
        replace(op, outputs=tuple(apart[index] for index in op.outputs))
        for op in graph.ops
        if apart.keys() >= {*op.outputs}
    ]
    copies = [replace(graph.tensors[index], name=f"{graph.tensors[index].name}.apart") for index in apart]
    tensors = (*graph.tensors, *copies)
    read = {index for op in ops for index in op.inputs if index >= 0 and not tensors[index].is_constant}
    return Graph(tensors, tuple(ops), tuple(sorted(read)), tuple(apart.values()))


def _power(values: np.ndarray) -> float:
    return float(np.square(values, dtype=np.float64).sum())


def _db(power: float, noise: float) -> float | None:
    return float(10 * np.log10(power / noise)) if power > 0 and noise > 0 else None
