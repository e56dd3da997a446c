"""Where the tensors of a compiled model lie in its arena, for debuggers (`firmware/debug/tensors.py` reads it)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from edgeprune.engine.codegen.names import layer_names
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.ir import Graph, Tensor


def tensor_table(graph: Graph, calls: Sequence[KernelCall], offset_bytes: Mapping[int, int]) -> str:
    """JSON: `layers`, the functions of `model.c` in execution order, and `tensors`, a mapping each.

    A tensor's `written` and `read` are indices of `layers`: by whom it is written, and by whom last read; -1 and the
    number of layers stand for who calls the model. `pixel_step_bytes` is from one pixel to the next, where others lie
    between.
    """
    names = [name for name, call in zip(layer_names(graph), calls, strict=True) if not call.is_view]
    last = len(names)
    position, written, read = 0, dict.fromkeys(graph.inputs, -1), dict.fromkeys(graph.outputs, last)
    steps: dict[int, int] = {}
    for op, call in zip(graph.ops, calls, strict=True):
        steps |= {op.inputs[part.input_index]: part.step_bytes for part in call.placed}
        read |= {index: max(read.get(index, -1), position) for index in op.inputs if index in offset_bytes}
        written |= {index: written[op.inputs[0]] if call.is_view else position for index in op.outputs}
        position += not call.is_view
    rows = [
        _row(graph.tensors[index], offset_bytes[index], steps.get(index))
        | {"written": written.get(index, -1), "read": read.get(index, last)}
        for index in sorted(offset_bytes, key=lambda index: (written.get(index, -1), index))
    ]
    lines = ",\n    ".join(json.dumps(row) for row in rows)
    return f'{{\n  "layers": {json.dumps(names)},\n  "tensors": [\n    {lines}\n  ]\n}}\n'


def _row(tensor: Tensor, offset_bytes: int, step_bytes: int | None) -> dict[str, Any]:
    quantized = tensor.qparams is not None and len(tensor.qparams.scale) == 1
    return {
        "name": tensor.name,
        "dtype": str(tensor.dtype),
        "shape": list(tensor.shape),
        "offset_bytes": offset_bytes,
        "pixel_step_bytes": step_bytes,
        "scale": tensor.qparams.scale[0] if tensor.qparams and quantized else None,
        "zero_point": tensor.qparams.zero_point[0] if tensor.qparams and quantized else None,
    }
