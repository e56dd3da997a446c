"""Whole networks in number formats that no kernel multiplies in, named as what they are with the way out."""

from __future__ import annotations

from edgeprune.engine.kernels.operands import place
from edgeprune.errors import UnsupportedOp
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor

_STATEFUL = (OpKind.UNIDIRECTIONAL_SEQUENCE_LSTM, OpKind.SVDF)
_FULL_INT8 = (
    "converter.optimizations = [tf.lite.Optimize.DEFAULT], converter.representative_dataset = a function that yields "
    "samples, converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]"
)
_HINTS = {
    DType.FLOAT32: f"quantize it to int8: a PyTorch module by `edgeprune export`; in TensorFlow, {_FULL_INT8}",
    DType.UINT8: (
        "its numbers cannot be made int8 without loss: convert the trained network again with TensorFlow 2.3 or later, "
        f"{_FULL_INT8}; converter.inference_input_type = tf.uint8 keeps uint8 ends"
    ),
}


def refuse_other_formats(graph: Graph) -> None:
    """Raises UnsupportedOp where every layer with weights reads float32, or every one uint8."""
    layers = [op for op in graph.ops if op.traits.has_weights or op.kind in _STATEFUL]
    reads = {tensor.dtype for op in layers if (tensor := graph.input_of(op, 0)) is not None}
    if len(reads) != 1 or not reads <= _HINTS.keys():
        return
    (dtype,) = reads
    count = f"{len(layers)} of its {len(graph.ops)} operators multiply {dtype} values with"
    stored = _weights(graph, layers[0])
    if dtype is DType.UINT8:
        what = "a network quantized to uint8, as converters did before int8"
    elif stored is not None and stored.dtype in (DType.INT8, DType.INT4):
        what = f"a float model with {stored.dtype} weights, of dynamic-range quantization"
    else:
        what = "a float model"
    raise UnsupportedOp(f"{what}: {count} weights, first {place(graph, layers[0])}", _HINTS[dtype])


def _weights(graph: Graph, op: Op) -> Tensor | None:
    return next((t for index in op.inputs[1:] if index >= 0 and (t := graph.tensors[index]).is_constant), None)
