"""Scales with which a sum costs a device two multiplications, as most scales do anyway.

The engine proves its fast ADD and SUB over all pairs of int8 inputs (`engine/kernels/linear_sum.py`). Of a hundred sums
a few have scales for which no constants pass; outputs a hair wider make them pass, and what is predicted for every sum
holds for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgeprune.engine.kernels.linear_sum import is_linear
from edgeprune.ir import DType, Graph, Op, OpKind, QParams
from edgeprune.quantize.form import Form

_WIDER = 1 + 1 / 127
_ROUNDS = 12  # all together a tenth
_FINEST = 8  # steps of the output in one of both terms': finer ones tell nothing, and the kernels have no room for them


def with_linear_sums(form: Form, scales: Mapping[int, QParams]) -> dict[int, QParams]:
    """The scales, those of sums' outputs widened where that helps.

    Args:
        scales: int8, of every activation and of every constant that is read like one.
    """
    found, sharing = dict(scales), form.sharing()
    kept = {*form.fixed}
    if len(form.graph.outputs) > 1:  # which may have to have one scale
        kept |= {form.scale_of[index] for index in form.graph.outputs}
    sums = [op for op in form.graph.ops if _is_sum(form.graph, op) and form.dtype_of.get(op.outputs[0]) is DType.INT8]
    for op in sums:
        if any(form.graph.tensors[index].is_constant for index in op.inputs):
            continue  # a mask is coarse and still 0 to the step where it lets through
        owner = form.scale_of[op.outputs[0]]
        least = sum(found[index].scale[0] for index in op.inputs) / _FINEST
        if found[owner].scale[0] < least and owner not in kept:
            wider = QParams((float(np.float32(least)),), found[owner].zero_point)
            found.update(dict.fromkeys(sharing[owner], wider))
    for _ in range(_ROUNDS):
        failing = [op for op in sums if not is_linear(_with_scales(form.graph, op, found), op)]
        owners = {form.scale_of[op.outputs[0]] for op in failing} - kept
        for owner in owners:
            wider = QParams((found[owner].scale[0] * _WIDER,), found[owner].zero_point)
            found.update(dict.fromkeys(sharing[owner], wider))
        if not owners:
            return found
    return dict(scales) if failing else found


def _is_sum(graph: Graph, op: Op) -> bool:
    shape = graph.output_of(op).shape
    return op.kind in (OpKind.ADD, OpKind.SUB) and all(graph.tensors[index].shape == shape for index in op.inputs)


def _with_scales(graph: Graph, op: Op, scales: Mapping[int, QParams]) -> Graph:
    tensors = list(graph.tensors)
    for index in (*op.inputs, *op.outputs):
        tensors[index] = replace(tensors[index], dtype=DType.INT8, qparams=scales[index])
    return graph.with_tensors(tuple(tensors))
