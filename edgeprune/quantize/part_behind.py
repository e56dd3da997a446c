"""What of a float graph depends on some of its tensors, as a network of its own: to see what their noise does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgeprune.engine.tflite.expressible import expressible
from edgeprune.engine.tflite.write import write_tflite
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor
from edgeprune.quantize.quantized import Range, qparams_of
from edgeprune.quantize.runners import interpreter_of


class Part:
    """Operators of a graph, run from tensors that they read and do not make.

    Args:
        graph: the operators, with those tensors as inputs.
        numbers: tensor of `graph` -> its index in the graph it is a part of, for inputs and outputs.
        sources: of the tensors it is behind those that are inputs.
    """

    def __init__(self, graph: Graph, numbers: Mapping[int, int], sources: Sequence[int]):
        self.sources = tuple(sources)
        self._graph, self._numbers = graph, numbers
        self._interpreter = interpreter_of(write_tflite(expressible(graph)))

    def run(self, values: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
        """values: of the whole graph's tensors. Gives those outputs of the whole graph that depend on the part."""
        for index in self._graph.inputs:
            self._interpreter.set_tensor(index, values[self._numbers[index]])
        self._interpreter.invoke()
        return {self._numbers[index]: self._interpreter.get_tensor(index) for index in self._graph.outputs}


def part_behind(graph: Graph, at: Sequence[int], range_: Range) -> Part:
    """All that depends on any of the tensors `at`.

    Those that depend on others of them are quantized and dequantized where they are made; the rest are its sources.

    Args:
        range_: what they are quantized with.
    """
    tensors, ops = list(graph.tensors), list[Op]()
    now = {index: index for index in at if index in graph.inputs}  # tensor -> what stands for it
    sources = list(now)
    for op in graph.ops:
        depends = any(index in now for index in op.inputs)
        if depends:
            ops.append(replace(op, inputs=tuple(now.get(index, index) for index in op.inputs)))
        for output in op.outputs:
            if depends:
                now[output] = _rounded(tensors, ops, output, range_) if output in at else output
            elif output in at:
                now[output] = output
                sources.append(output)
    numbers = {now[index]: index for index in graph.outputs if index in now}
    return _compact(tensors, ops, numbers, sources)


def _rounded(tensors: list[Tensor], ops: list[Op], index: int, range_: Range) -> int:
    held = tensors[index]
    steps, real = len(tensors), len(tensors) + 1
    tensors.append(replace(held, name=f"{held.name}.steps", dtype=DType.INT8, qparams=qparams_of(range_)))
    tensors.append(replace(held, name=f"{held.name}.real"))
    ops.append(Op(OpKind.QUANTIZE, f"{held.name}.steps", (index,), (steps,)))
    ops.append(Op(OpKind.DEQUANTIZE, f"{held.name}.real", (steps,), (real,)))
    return real


def _compact(tensors: Sequence[Tensor], ops: Sequence[Op], outputs: Mapping[int, int], sources: Sequence[int]) -> Part:
    """Without the tensors that nothing reads, numbered anew."""
    made = {output for op in ops for output in op.outputs}
    used = dict.fromkeys([*(index for op in ops for index in (*op.inputs, *op.outputs) if index >= 0), *outputs])
    new = {index: number for number, index in enumerate(used)}
    inputs = [index for index in used if index not in made and not tensors[index].is_constant]
    renumbered = [
        replace(
            op,
            inputs=tuple(new.get(index, -1) for index in op.inputs),
            outputs=tuple(new[index] for index in op.outputs),
        )
        for op in ops
    ]
    part = Graph(
        tuple(tensors[index] for index in used),
        tuple(renumbered),
        tuple(new[index] for index in inputs),
        tuple(new[index] for index in outputs),
    )
    return Part(part, {new[index]: outputs.get(index, index) for index in (*inputs, *outputs)}, sources)
