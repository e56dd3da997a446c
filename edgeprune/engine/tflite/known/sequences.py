"""REVERSE_SEQUENCE with lengths that the file states: rows picked in another order, a GATHER.

Each sequence of a batch is turned round up to its own length; what lies behind stays where it is.
"""

from __future__ import annotations

import numpy as np

from edgeprune.engine.tflite.flatfile import BROKEN_HINT
from edgeprune.engine.tflite.source import Source
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import DType, GatherAttrs, Op, OpKind, Tensor

_LACKING = (DType.INT8, DType.BOOL)

KIND, OPTIONS = "REVERSE_SEQUENCE", "ReverseSequenceOptions"


def reversing_ops(source: Source, inputs: tuple[int, ...], outputs: tuple[int, ...], tensors: list[Tensor]) -> list[Op]:
    """The GATHER; its indices are put into `tensors`.

    Raises:
        ModelError: axes, lengths or shapes that do not fit together.
        UnsupportedOp: types that LiteRT lacks, computed lengths, several sequences that are not along the first axis.
    """
    data, lengths = source.input(0), source.ints(1)
    if data.dtype in _LACKING:
        raise UnsupportedOp(
            f"{source.where}: LiteRT has no kernel for {data.dtype}", "turn the rows round by REVERSE_V2"
        )
    time, batch = (source.axis(axis, source.rank()) for axis in (source.options.SeqDim(), source.options.BatchDim()))
    steps, count = data.shape[time], data.shape[batch]
    if time == batch or len(lengths) != count or len(outputs) != 1 or source.outputs[0].shape != data.shape:
        raise ModelError(
            f"{source.where}: {len(lengths)} lengths for axis {batch} of {data.shape}, steps on axis {time}",
            BROKEN_HINT,
        )
    if not all(0 <= length <= steps for length in lengths):
        raise ModelError(f"{source.where}: lengths {lengths} of {steps} steps", BROKEN_HINT)
    if count > 1 and (batch != 0 or time < batch):
        raise UnsupportedOp(
            f"{source.where}: {count} sequences along axis {batch} of {data.shape}",
            "put the batch first, or make it one",
        )
    order = np.array([[*range(length - 1, -1, -1), *range(length, steps)] for length in lengths], np.int32)
    indices = order if count > 1 else order[0]
    tensors.append(Tensor(f"{source.name}/order", indices.shape, DType.INT32, data=indices, is_constant=True))
    attrs = GatherAttrs(axis=time, batch_dims=indices.ndim - 1)
    return [Op(OpKind.GATHER, source.name, (inputs[0], len(tensors) - 1), outputs, attrs)]
