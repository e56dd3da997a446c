"""Operators that only move bytes: boxes of elements copied from strided places to strided places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from edgeprune.engine.kernels.axes import MAX_AXES, Axis, axes_constant, axes_field, check_axes, merged
from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import operand
from edgeprune.engine.kernels.requant import scale_zero
from edgeprune.engine.tflite.tensors import NUMPY_TYPES
from edgeprune.ir import Graph, Op, Tensor

_MOST_MOVES = 64


@dataclass(frozen=True)
class Move:
    """One box of bytes.

    Attributes:
        source: input index of the op.
        target: output index.
        in_start_bytes, out_start_bytes: where the walk begins on each side.
        axes: fastest first, steps in bytes (a: input, b: output).
        run_bytes: contiguous bytes at each place.
        out_start: C expression of bytes more at which the walk begins in the output; "" for none.
    """

    source: int
    target: int
    in_start_bytes: int
    out_start_bytes: int
    axes: tuple[Axis, ...]
    run_bytes: int
    out_start: str = ""


@dataclass(frozen=True)
class Side:
    """Where a box lies, in elements.

    Attributes:
        strides: of its axes, outermost first.
        start: its first element.
        index: of the op's input or output.
    """

    strides: Sequence[int]
    start: int = 0
    index: int = 0


def box(shape: Sequence[int], source: Side, target: Side, element_bytes: int) -> Move:
    """A move of `shape` elements, outermost first."""
    axes = [Axis(element_bytes, 1, 1)] if element_bytes > 1 else []
    axes += [
        Axis(count, a * element_bytes, b * element_bytes)
        for count, a, b in list(zip(shape, source.strides, target.strides, strict=True))[::-1]
    ]
    walk = merged(axes)
    has_run = bool(walk) and (walk[0].step_a, walk[0].step_b) == (1, 1)
    return Move(
        source.index, target.index, source.start * element_bytes, target.start * element_bytes,
        walk[1:] if has_run else walk, walk[0].count if has_run else 1,
    )  # fmt: skip


def _within_axes(move: Move) -> list[Move]:
    """The same bytes in moves of at most MAX_AXES axes: one for each step of the shortest axes, as far as few do."""
    parts = [move]
    while len(parts[0].axes) > MAX_AXES:
        shortest = min(parts[0].axes, key=lambda axis: axis.count)
        if len(parts) * shortest.count > _MOST_MOVES:
            return [move]
        axes = tuple(axis for axis in parts[0].axes if axis is not shortest)
        parts = [
            replace(
                part,
                in_start_bytes=part.in_start_bytes + step * shortest.step_a,
                out_start_bytes=part.out_start_bytes + step * shortest.step_b,
                axes=axes,
            )
            for part in parts
            for step in range(shortest.count)
        ]
    return parts


def filled(s: Symbols, tensor: Tensor, value: np.generic) -> str:
    """C that fills output 0 with one value of its type."""
    data = value.tobytes()
    if len(set(data)) == 1:
        return f"(void)memset({s.output(0)}, {data[0]}, {tensor.size_bytes}U);"
    statement = f"({s.output(0)})[i] = {value:.9e}F;" if value.dtype.kind == "f" else f"({s.output(0)})[i] = {value};"
    if value.itemsize == 8:  # tensors lie at multiples of four
        statement = f"(void)memcpy((uint8_t *)({s.output(0)}) + 8U * i, &(const int64_t){{{value}LL}}, 8U);"
    return f"for (uint32_t i = 0; i < {tensor.element_count}U; i++) {{\n    {statement}\n}}"


def zero_of(tensor: Tensor) -> np.generic:
    """What stands for nothing: the zero point, 0 where numbers are as they are."""
    zero = scale_zero(tensor)[1] if tensor.qparams else 0
    value: np.generic = np.full(1, zero, NUMPY_TYPES[tensor.dtype])[0]
    return value


def move_call(
    graph: Graph, op: Op, moves: Sequence[Move], before: Callable[[Symbols], str] | None = None
) -> KernelCall:
    """The call that does `moves` in order, after the C statements of `before`."""
    moves = [part for move in moves for part in _within_axes(move)]
    sources = {move.source: operand(graph, op, move.source) for move in moves}
    walks = [(index, move) for index, move in enumerate(moves) if move.axes]
    for move in moves:
        check_axes(graph, op, move.axes)

    def address(expression: str, start_bytes: int, qualifier: str) -> str:
        return f"({qualifier} *){expression} + {start_bytes}U" if start_bytes else expression

    def statement(s: Symbols, index: int, move: Move) -> str:
        source = address(sources[move.source].expression(s), move.in_start_bytes, "const uint8_t")
        target = address(s.output(move.target), move.out_start_bytes, "uint8_t")
        if move.out_start:
            target = f"(uint8_t *){target} + {move.out_start}"
        if move.axes:
            return f"ep_copy_ref(&{s.layer}_move{index}, {source}, {target});"
        return f"(void)memcpy({target}, {source}, {move.run_bytes}U);"

    def definitions(s: Symbols) -> str:
        return "".join(
            f"static const ep_copy_t {s.layer}_move{index} = {{ .axes = {axes_field(s, f'axes{index}', move.axes)}, "
            f".rank = {len(move.axes)}, .run_bytes = {move.run_bytes} }};\n"
            for index, move in walks
        )

    def emit(s: Symbols) -> str:
        lines = [before(s)] if before else []
        return "\n".join(lines + [statement(s, index, move) for index, move in enumerate(moves)])

    constants: list[Constant] = [axes_constant(f"axes{index}", move.axes) for index, move in walks]
    constants += [constant for source in sources.values() for constant in source.constants]
    return KernelCall(
        function="ep_copy_ref",
        emit=emit,
        sources=("ref/copy.c",) if walks else (),
        headers=("ep_copy.h",) if walks else (),
        constants=tuple(constants),
        moves=len(moves),
        work=_work(graph, op, moves),
        definitions=definitions,
    )


def _work(graph: Graph, op: Op, moves: Sequence[Move]) -> Work:
    """Runs of bytes; runs of a single byte have a loop of their own."""
    counts = [(prod(axis.count for axis in move.axes), move) for move in moves]
    runs = sum(count for count, move in counts if move.run_bytes > 1 or not move.axes)
    walks = sum(count // move.axes[0].count for count, move in counts if move.axes)
    features = {
        "moves": len(moves), "walks": walks, "runs": runs,
        "run_bytes": sum(count * move.run_bytes for count, move in counts if move.run_bytes > 1 or not move.axes),
        "single_bytes": sum(count for count, move in counts if move.run_bytes == 1 and move.axes),
    }  # fmt: skip
    outputs = sum(graph.output_of(op, index).element_count for index in range(len(op.outputs)))
    return Work(outputs=outputs, features=features)
