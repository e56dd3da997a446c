"""Calls that do the same at other places of the arena use one set of constants: an unrolled cell is linked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgeprune.engine.kernels.base import KernelCall
from edgeprune.ir import Graph, Op


def with_shared_constants(graph: Graph, calls: Sequence[KernelCall]) -> tuple[KernelCall, ...]:
    """The calls; those whose operator, constants, shapes and scales are an earlier one's are `like` that one.

    Args:
        calls: one per op, with or without values.
    """
    placed = {op.inputs[part.input_index] for op, call in zip(graph.ops, calls, strict=True) for part in call.placed}
    first: dict[object, str] = {}
    found: list[KernelCall] = []
    for op, call in zip(graph.ops, calls, strict=True):
        keeps = call.is_view or call.placed or op.outputs[0] in placed or not (call.constants or call.definitions)
        like = op.name if keeps else first.setdefault(_key(graph, op, call), op.name)
        same = like != op.name and call.function != "ep_stage_run"
        found.append(replace(call, like=like, constants=()) if same else call)
    return tuple(found)


def _key(graph: Graph, op: Op, call: KernelCall) -> object:
    """All that a call's constants depend on."""
    held = tuple(
        index
        if index >= 0 and graph.tensors[index].is_constant
        else index >= 0 and (graph.tensors[index].shape, graph.tensors[index].dtype, graph.tensors[index].qparams)
        for index in op.inputs
    )
    made = tuple((graph.tensors[i].shape, graph.tensors[i].dtype, graph.tensors[i].qparams) for i in op.outputs)
    arrays = tuple((constant.role, constant.count) for constant in call.constants)
    return op.kind, op.attrs, call.function, arrays, bool(call.scratch_bytes), held, made
