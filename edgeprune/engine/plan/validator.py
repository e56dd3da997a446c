"""Proof of a memory plan by simulation, byte by byte. Shares no code with the planner.

Every arena byte records which tensor's value it holds. Ops run in order: each input must still hold what was written to
it, scratch must overlap nothing the op reads or writes, an output may overlap an input only as the kernel promised, and
then the output's bytes change owner. A value overwritten too early is caught when an op reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Protocol

import numpy as np

from edgeprune.engine.kernels.base import KernelCall
from edgeprune.errors import PlanError
from edgeprune.ir import AxisAttrs, Graph, Op, attrs_of


class Plan(Protocol):
    """The plan to validate: arena offsets by tensor index, scratch offsets by op index, and the arena's size."""

    @property
    def offset_bytes(self) -> Mapping[int, int]: ...
    @property
    def scratch_offset_bytes(self) -> Mapping[int, int]: ...
    @property
    def arena_bytes(self) -> int: ...


def validate_plan(graph: Graph, calls: Sequence[KernelCall], plan: Plan) -> None:
    """Simulates one inference.

    Raises:
        PlanError: naming the tensors, the op and the offsets of the first clash.
    """
    arena = _Arena(graph, plan, _scattered(graph, calls))
    read = {tensor for op in graph.ops for tensor in op.inputs if tensor >= 0} | set(graph.outputs)
    written = {tensor for op in graph.ops for tensor in op.outputs}
    states = [
        index
        for index in sorted(read | written)
        if graph.tensors[index].is_variable
        or not (graph.tensors[index].is_constant or index in graph.producer or index in graph.inputs)
    ]
    for tensor in (*graph.inputs, *states):
        if not graph.tensors[tensor].is_constant:
            arena.write(tensor)
    for tensor in (*graph.inputs, *states):
        if not graph.tensors[tensor].is_constant:
            arena.read(tensor, "when an inference begins")
    for index, (op, call) in enumerate(zip(graph.ops, calls, strict=True)):
        reads = [t for t in op.inputs if t >= 0 and not graph.tensors[t].is_constant]
        for tensor in reads:
            arena.read(tensor, f"when {op.name} reads it")
        if call.placed:
            arena.join(op, {part.input_index for part in call.placed})
            continue
        if call.is_view:
            arena.view(op.name, reads, op.outputs)
            continue
        spans = {f"output {graph.tensors[t].name}": arena.span(t) for t in op.outputs}
        if call.scratch_bytes:
            spans["scratch"] = arena.scratch_span(index, call.scratch_bytes, op.name)
        _check_outputs_disjoint(op, spans)
        _check_inputs(graph, op, call, arena, spans)
        if call.scratch_bytes:
            arena.spoil(spans["scratch"])
        for tensor in op.outputs:
            arena.write(tensor)
    for tensor in (*graph.outputs, *states):
        if not graph.tensors[tensor].is_constant:
            arena.read(tensor, "after the last op")


_Span = tuple[int, int]  # start, end


def _scattered(graph: Graph, calls: Sequence[KernelCall]) -> dict[int, tuple[int, int]]:
    """Tensors whose bytes lie in runs inside a concatenation's output: bytes of a run, bytes from run to run."""
    runs = {}
    for op, call in zip(graph.ops, calls, strict=True):
        if not call.placed:
            continue
        axis, output = attrs_of(op, AxisAttrs).axis, graph.output_of(op)
        step = output.size_bytes // prod(output.shape[:axis])
        for part in call.placed:
            tensor = graph.tensors[op.inputs[part.input_index]]
            runs[op.inputs[part.input_index]] = (tensor.size_bytes // prod(tensor.shape[:axis]), step)
    return runs


class _Arena:
    """The owner of each byte, and what each tensor's bytes should be."""

    def __init__(self, graph: Graph, plan: Plan, scattered: Mapping[int, tuple[int, int]]):
        self.graph = graph
        self.plan = plan
        self.scattered = scattered
        self.owner = np.full(plan.arena_bytes, -1, np.int32)
        self.value: dict[int, np.ndarray] = {}

    def span(self, tensor: int) -> _Span:
        name, size_bytes = self.graph.tensors[tensor].name, self.graph.tensors[tensor].size_bytes
        if tensor not in self.plan.offset_bytes:
            raise PlanError(f"tensor {name!r} has no place in the arena")
        if tensor in self.scattered:
            run, step = self.scattered[tensor]
            size_bytes = (size_bytes // run - 1) * step + run
        return self._inside(f"tensor {name!r}", self.plan.offset_bytes[tensor], size_bytes)

    def places(self, tensor: int) -> slice | np.ndarray:
        """Where its bytes lie, in order: a slice where they lie together, each one's arena offset where not."""
        start, end = self.span(tensor)
        if tensor not in self.scattered:
            return slice(start, end)
        run, step = self.scattered[tensor]
        return (np.arange(start, end, step)[:, None] + np.arange(run)).reshape(-1)

    def offsets(self, tensor: int) -> np.ndarray:
        """Arena offset of each of its bytes, in order."""
        places = self.places(tensor)
        return np.arange(places.start, places.stop) if isinstance(places, slice) else places

    def scratch_span(self, op_index: int, size_bytes: int, op_name: str) -> _Span:
        if op_index not in self.plan.scratch_offset_bytes:
            raise PlanError(f"the scratch of {op_name} has no place in the arena")
        return self._inside(f"the scratch of {op_name}", self.plan.scratch_offset_bytes[op_index], size_bytes)

    def _inside(self, what: str, start: int, size_bytes: int) -> _Span:
        end = start + size_bytes
        if start < 0 or end > self.plan.arena_bytes:
            raise PlanError(f"{what} lies at [{start}, {end}) outside the arena of {self.plan.arena_bytes} B")
        if start % 4:
            raise PlanError(f"{what} lies at {start}, not a multiple of 4")
        return start, end

    def write(self, tensor: int) -> None:
        self.owner[self.places(tensor)] = tensor
        self.value[tensor] = np.full(self.graph.tensors[tensor].size_bytes, tensor, np.int32)

    def spoil(self, span: _Span) -> None:
        self.owner[slice(*span)] = -1

    def read(self, tensor: int, occasion: str) -> None:
        start, end = self.span(tensor)
        name = self.graph.tensors[tensor].name
        if tensor not in self.value:
            raise PlanError(f"tensor {name!r} has no value {occasion}")
        wrong = np.nonzero(self.owner[self.places(tensor)] != self.value[tensor])[0]
        if wrong.size:
            byte = int(self.offsets(tensor)[wrong[0]])
            owner = int(self.owner[byte])
            other = "scratch or nothing" if owner < 0 else f"tensor {self.graph.tensors[owner].name!r}"
            raise PlanError(
                f"tensor {name!r} at [{start}, {end}) is spoilt {occasion}: byte {byte} holds {other}"
                + (f" at [{', '.join(map(str, self.span(owner)))})" if owner >= 0 else "")
            )

    def join(self, op: Op, placed: set[int]) -> None:
        """A concatenation: inputs that are `placed` lie in the output already, the others are copied into it."""
        (output,), axis = op.outputs, attrs_of(op, AxisAttrs).axis
        places = self.offsets(output).reshape(prod(self.graph.tensors[output].shape[:axis]), -1)
        start, end = self.span(output)
        at = 0
        for position, tensor in enumerate(op.inputs):
            shape, size_bytes = self.graph.tensors[tensor].shape, self.graph.tensors[tensor].size_bytes
            run = size_bytes // prod(shape[:axis])
            own = places[:, at : at + run].reshape(-1)
            at += run
            if position in placed:
                if not np.array_equal(own, self.offsets(tensor)):
                    raise PlanError(f"{op.name}: input {self.graph.tensors[tensor].name} is not in its place")
                continue
            if not self.graph.tensors[tensor].is_constant:
                low, high = self.span(tensor)
                if max(low, start) < min(high, end):
                    raise PlanError(f"{op.name}: input {self.graph.tensors[tensor].name} lies under the output")
            self.owner[own] = output
        self.value[output] = self.owner[start:end].copy()

    def view(self, op_name: str, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        """The outputs' bytes are the inputs' bytes in order, where they lie; nothing is written."""
        spans = [self.span(t) for t in inputs]
        out_spans = [self.span(t) for t in outputs]
        for side in (spans, out_spans):
            for (_, end), (start, _) in pairwise(side):
                if end != start:
                    raise PlanError(f"{op_name} is a view, but its parts end at {end} and begin at {start}")
        if not spans or (spans[0][0], spans[-1][1]) != (out_spans[0][0], out_spans[-1][1]):
            raise PlanError(f"{op_name} is a view, but its inputs lie at {spans} and its outputs at {out_spans}")
        for tensor, (start, end) in zip(outputs, out_spans, strict=True):
            self.value[tensor] = self.owner[start:end].copy()


def _check_outputs_disjoint(op: Op, spans: Mapping[str, _Span]) -> None:
    ordered = sorted(spans.items(), key=lambda item: item[1])
    for (one, (_, end)), (other, (start, other_end)) in pairwise(ordered):
        if start < end:
            raise PlanError(f"{op.name}: {one} ends at {end}, inside {other} at [{start}, {other_end})")


def _check_inputs(graph: Graph, op: Op, call: KernelCall, arena: _Arena, spans: Mapping[str, _Span]) -> None:
    """Nothing the op writes covers an input, but for output 0 as promised, in one direction for all inputs."""
    ways = {"forward", "backward", "same"}
    for position, tensor in enumerate(op.inputs):
        if tensor < 0 or graph.tensors[tensor].is_constant:
            continue
        start, end = arena.span(tensor)
        for what, (low, high) in spans.items():
            if max(start, low) >= min(end, high):
                continue
            clash = (
                f"{op.name}: {what} at [{low}, {high}) covers input {graph.tensors[tensor].name} at [{start}, {end})"
            )
            if (low, high) != arena.span(op.outputs[0]):
                raise PlanError(clash)
            kept = {
                promise.direction
                for promise in call.overlaps
                if promise.input_index == position
                and (
                    (promise.direction == "forward" and low + promise.lead_bytes <= start)
                    or (promise.direction == "backward" and high >= end + promise.lead_bytes)
                    or (promise.direction == "same" and low == start)
                )
            }
            ways &= kept
            if not ways:
                raise PlanError(f"{clash}, closer than its kernel promises")
