"""ADD_N: the sum of any number of tensors is that many ADDs, one after the other, as LiteRT's loop adds them."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.engine.tflite.flatfile import BROKEN_HINT
from edgeprune.engine.tflite.source import Source
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import ArithmeticAttrs, DType, Op, OpKind, Tensor

KIND = "ADD_N"


def sum_ops(source: Source, inputs: tuple[int, ...], outputs: tuple[int, ...], tensors: list[Tensor]) -> list[Op]:
    """The ADDs; the tensors between them are put into `tensors`.

    Raises:
        ModelError: fewer than two inputs, or other than one output.
        UnsupportedOp: stored numbers, for which LiteRT has no kernel.
    """
    if len(inputs) < 2 or min(inputs) < 0 or len(outputs) != 1:
        raise ModelError(f"{source.where}: {len(inputs)} inputs, {len(outputs)} outputs", BROKEN_HINT)
    if source.outputs[0].dtype not in (DType.FLOAT32, DType.INT32):
        raise UnsupportedOp(f"{source.where}: sums {source.outputs[0].dtype}", "write it as ADDs of two tensors")
    ops, total = list[Op](), inputs[0]
    for position, term in enumerate(inputs[1:], 1):
        is_last = position == len(inputs) - 1
        target = outputs[0] if is_last else len(tensors)
        name = source.name if is_last else f"{source.name}/first_{position + 1}"
        if not is_last:
            tensors.append(replace(source.outputs[0], name=name))
        ops.append(Op(OpKind.ADD, name, (total, term), (target,), ArithmeticAttrs()))
        total = target
    return ops
