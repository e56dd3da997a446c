"""What a program hands to XNNPACK: the operators inside the delegate's payload, whether they compute in int8, and the
steps between neighbouring values of what it gives back.

Format: ExecuTorch 1.5, backends/xnnpack/serialization/schema.fbs; a header of 30 bytes ("XH00") goes before the graph.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgeprune.export.pte.operators import Operator
from edgeprune.files.bounded import Unreadable
from edgeprune.files.flatbuffer import FlatBytes, Table

BACKEND = "XnnpackBackend"
_HEADER_BYTES, _MAGIC = 30, b"XH00"
_FLOATS = frozenset({1, 2, 13, 14})  # XNNDatatype: fp32, fp16, packed fp32, bf16
_INT8 = frozenset({3, 4})  # one scale for all of a value
_PER_TENSOR = 2  # of XNNQuantParams
_DYNAMIC = frozenset({9, 11})  # int8, each row's scale worked out as it comes
_MOVES = frozenset({"convert", "static_transpose", "static_reshape", "copy"})
"""Compute nothing: types and layouts change."""

# XNodeUnion, from 1.
_NAMES = (
    "add", "fully_connected", "softmax", "sigmoid", "static_transpose", "clamp", "conv2d", "div",
    "static_resize_bilinear2d", "static_constant_pad", "avg_pooling2d", "minimum", "depthwise_conv2d",
    "max_pooling2d", "multiply", "subtract", "floor", "convert", "global_avg_pooling2d", "static_reshape",
    "arg_max_pooling2d", "square_root", "ceiling", "hardswish", "leaky_relu", "maximum", "negate", "square", "elu",
    "abs", "prelu", "concatenate2", "concatenate3", "concatenate4", "static_slice", "scaled_dot_product_attention",
    "batch_matrix_multiply", "concatenate5", "conv_transpose2d", "reciprocal_square_root", "log", "gelu", "tanh",
    "exp", "sin", "copy", "cos",
)  # fmt: skip
_INPUT_FIELD = {
    **dict.fromkeys(("conv2d", "depthwise_conv2d", "conv_transpose2d"), 15),
    **dict.fromkeys(("avg_pooling2d", "max_pooling2d"), 10),
    "arg_max_pooling2d": 6,
    **dict.fromkeys(("static_constant_pad", "static_slice"), 3),
    **dict.fromkeys(("static_transpose", "static_reshape", "static_resize_bilinear2d"), 2),
    **dict.fromkeys(("leaky_relu", "elu", "concatenate2", "concatenate3", "concatenate4", "concatenate5"), 1),
}
"""Where a node's table holds the id of what it reads; 0 elsewhere."""


def operators_of(payload: bytes) -> tuple[Operator, ...]:
    """The delegate's operators in order.

    Raises:
        Unreadable: damaged, or of another format.
    """
    graph = _graph(payload)
    types = {number: tensor.number(0, "<h") for number, tensor, _ in _values(graph)}
    found = []
    for name, inner in _nodes(graph):
        read = types.get(inner.number(_INPUT_FIELD.get(name, 0), "<I"), 0)
        found.append(Operator(name, BACKEND, _precision(name, read)))
    return tuple(found)


def _precision(name: str, datatype: int) -> str:
    """By the type of what it reads."""
    if name in _MOVES:
        return "moves"
    if datatype in _DYNAMIC:
        return "dynamic int8"
    return "float" if datatype in _FLOATS else "int8"


def output_steps(payload: bytes) -> dict[int, float | None]:
    """Where the call of the delegate holds each output (inputs go first) -> the step between neighbouring values of an
    output that was int8 last; None for others.

    Raises:
        Unreadable: as `operators_of`.
    """
    graph = _graph(payload)
    scales = {number: scale for number, tensor, scale in _values(graph) if tensor.number(0, "<h") in _INT8}
    real = {inner.number(1, "<I"): inner.number(0, "<I") for name, inner in _nodes(graph) if name == "convert"}
    first = len(graph.numbers(4, "<I"))
    return {first + at: scales.get(real.get(number, number)) for at, number in enumerate(graph.numbers(5, "<I"))}


def _graph(payload: bytes) -> Table:
    if len(payload) < _HEADER_BYTES or payload[4:8] != _MAGIC:
        raise Unreadable("its XNNPACK payload has no header")
    start, size = (int.from_bytes(payload[at : at + 4], "little") for at in (10, 14))
    if start + size > len(payload):
        raise Unreadable("its XNNPACK payload is cut off")
    return FlatBytes(payload[start : start + size]).root()


def _nodes(graph: Table) -> Iterator[tuple[str, Table]]:
    for node in graph.tables(1):
        number, inner = node.number(0, "<B"), node.table(1)
        if not 1 <= number <= len(_NAMES) or inner is None:
            raise Unreadable(f"its XNNPACK payload has an operator {number}, and ExecuTorch 1.5 has {len(_NAMES)}")
        yield _NAMES[number - 1], inner


def _values(graph: Table) -> Iterator[tuple[int, Table, float | None]]:
    """Id, tensor, and the one scale of those that have one."""
    for value in graph.tables(2):
        is_quantized, held = value.number(0, "<B") == 2, value.table(1)
        tensor = held.table(0) if held is not None and is_quantized else held
        if tensor is None:
            continue
        scale = None
        if held is not None and is_quantized and held.number(1, "<B") == _PER_TENSOR:
            parameters = held.table(2)
            scale = None if parameters is None else parameters.real(0, "<f")
        yield tensor.number(6, "<I"), tensor, scale
