"""What the op files share: tensors checked for type and shape, constants from tensors, and C text of parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.engine.kernels.base import Constant, Symbols
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import DType, Graph, Op, Tensor

CTYPES = {
    DType.FLOAT32: "float", DType.INT4: "int8_t", DType.INT8: "int8_t", DType.UINT8: "uint8_t", DType.INT16: "int16_t",
    DType.INT32: "int32_t", DType.INT64: "int64_t", DType.BOOL: "uint8_t",
}  # fmt: skip

_SIZES = {
    "int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "uint32_t": 4, "float": 4, "double": 8,
}  # fmt: skip

_NO_INT16 = (
    "LiteRT's reference has no kernel of it for these types that states its bytes: replace the layer, or quantize the "
    "model to int8"
)

_NO_FLOAT = (
    "quantize the model to full int8; in TensorFlow, converter.target_spec.supported_ops = "
    "[tf.lite.OpsSet.TFLITE_BUILTINS_INT8] leaves no layer in float"
)


def place(graph: Graph, op: Op) -> str:
    """`CONV_2D 'block1/conv2' (op 3 of 20)`."""
    position = next(index for index, other in enumerate(graph.ops) if other is op)
    return f"{op.kind} {op.name!r} (op {position} of {len(graph.ops)})"


def input_tensor(graph: Graph, op: Op, index: int, *dtypes: DType) -> Tensor:
    """Input `index` of one of `dtypes`.

    Raises:
        ModelError: absent.
        UnsupportedOp: of another type.
    """
    tensor = graph.input_of(op, index)
    if tensor is None:
        raise ModelError(f"{place(graph, op)}: input {index} is missing")
    return _typed(graph, op, tensor, "reads", dtypes)


def activation_type(graph: Graph, op: Op) -> DType:
    """int16 where input 0 is; int8 otherwise, which kernels then ask for."""
    tensor = graph.input_of(op, 0)
    return DType.INT16 if tensor is not None and tensor.dtype is DType.INT16 else DType.INT8


def plain_name(name: str, dtype: DType) -> str:
    """The plain C kernel for activations of this type: `<name>_ref` or `<name>_int16_ref`."""
    return f"{name}_int16_ref" if dtype is DType.INT16 else f"{name}_ref"


def output_tensor(graph: Graph, op: Op, *dtypes: DType, index: int = 0) -> Tensor:
    """Output `index` of one of `dtypes`; UnsupportedOp when of another."""
    if index >= len(op.outputs):
        raise ModelError(f"{place(graph, op)}: output {index} is missing")
    return _typed(graph, op, graph.output_of(op, index), "writes", dtypes)


def _typed(graph: Graph, op: Op, tensor: Tensor, verb: str, dtypes: Sequence[DType]) -> Tensor:
    if tensor.dtype not in dtypes:
        raise UnsupportedOp(
            f"{place(graph, op)} {verb} {tensor.dtype}; the engine has it for {', '.join(dtypes)}",
            _NO_INT16 if tensor.dtype is DType.INT16 and DType.INT8 in dtypes else _NO_FLOAT,
        )
    return tensor


def require(graph: Graph, op: Op, holds: bool, message: str) -> None:
    """Raises ModelError with the op's place when tensors do not fit together."""
    if not holds:
        raise ModelError(f"{place(graph, op)}: {message}", "the file is damaged, or its shapes are not fixed")


def require_u16(graph: Graph, op: Op, *sizes: int) -> None:
    """Raises UnsupportedOp when a size does not fit the kernels' uint16_t fields."""
    if any(not 0 <= size <= 0xFFFF for size in sizes):
        raise UnsupportedOp(f"{place(graph, op)}: a size of {max(sizes):,} is beyond 65,535")


def as_constant(role: str, tensor: Tensor, values: Callable[[], np.ndarray] | None = None) -> Constant:
    """A constant tensor in flash, in its own order unless `values` gives another."""
    data = tensor.data
    return Constant(
        role=role,
        ctype=CTYPES[tensor.dtype],
        count=tensor.element_count,
        element_bytes=max(1, tensor.dtype.size_bytes(1)),
        values=None if data is None else values or (lambda: np.ascontiguousarray(data).reshape(-1)),
    )


def packed_weights(weights: Tensor) -> Constant:
    """A layer's `weights` as they lie in flash: int4 two a byte, the even index in the low half."""
    if weights.dtype is not DType.INT4:
        return as_constant("weights", weights)
    data = weights.data

    def values() -> np.ndarray:
        nibbles = np.zeros(2 * weights.size_bytes, np.uint8)
        nibbles[: weights.element_count] = np.asarray(data).reshape(-1).view(np.uint8) & 15
        return (nibbles[::2] | nibbles[1::2] << 4).view(np.int8)

    return Constant("weights", "int8_t", weights.size_bytes, 1, values=None if data is None else values)


def weight_reader(name: str, weights: Tensor) -> str:
    """The plain C kernel that reads these weights: `<name>_ref` or `<name>_int4_ref`."""
    return f"{name}_int4_ref" if weights.dtype is DType.INT4 else f"{name}_ref"


def table(role: str, ctype: str, count: int, values: Callable[[], np.ndarray] | None) -> Constant:
    """An array the engine adds, beyond the model's own weights."""
    return Constant(role, ctype, count, _SIZES[ctype], is_model_data=False, values=values)


@dataclass(frozen=True)
class Operand:
    """An input that may be an activation or a constant: its C expression, and the constant if it is one."""

    expression: Callable[[Symbols], str]
    constants: tuple[Constant, ...]


def operand(graph: Graph, op: Op, index: int) -> Operand:
    tensor = graph.input_of(op, index)
    if tensor is not None and tensor.is_constant:
        role = f"input{index}"
        return Operand(lambda s: s.constant(role), (as_constant(role, tensor),))
    return Operand(lambda s: s.input(index), ())


def params(s: Symbols, ctype: str, fields: Mapping[str, object], name: str = "params") -> str:
    """C text of `static const <ctype> <layer>_<name>` with designated initializers, wrapped at 110 columns."""
    lines, line = [], "   "
    for field, value in fields.items():
        entry = f" .{field} = {value},"
        if len(line) + len(entry) > 110:
            lines.append(line)
            line = "   "
        line += entry
    lines.append(line)
    return f"static const {ctype} {s.layer}_{name} = {{\n" + "\n".join(lines) + "\n};\n"


def image_calls(s: Symbols, function: str, image: Tensor, output: Tensor, *rest: str) -> str:
    """C that calls `function` for each image of a batch, in a loop over `n` where there are several.

    Args:
        image, output: (N, ...), inputs and outputs 0.
        rest: arguments behind parameters, input and output.
    """
    count = image.shape[0]

    def call(index: str) -> str:
        addresses = (
            f"{expression} + {index} * {tensor.element_count // count}U" if index else expression
            for expression, tensor in ((s.input(0), image), (s.output(0), output))
        )
        return f"{function}({', '.join((f'&{s.layer}_params', *addresses, *rest))});"

    return call("") if count == 1 else f"for (uint32_t n = 0; n < {count}U; n++) {{\n    {call('n')}\n}}"


def literal(value: float) -> str:
    """A float32 in C."""
    return f"{value:.9e}F" if np.isfinite(value) else "-EP_INFINITY" if value < 0 else "EP_INFINITY"
