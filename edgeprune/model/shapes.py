"""Output shapes of the commonest ATen calls.

Torch's own shape functions would do, but they pull in its compiler on first use (seconds) and take milliseconds a call;
they serve every call that is not listed here. Sizes that do not fit raise RuntimeError or ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

Shape = tuple[int, ...]
_SAME = (
    "relu", "hardtanh", "hardswish", "hardsigmoid", "sigmoid", "silu", "tanh", "gelu", "elu", "leaky_relu", "clamp",
    "clamp_min", "clamp_max", "neg", "abs", "sqrt", "rsqrt", "_softmax", "_safe_softmax", "clone", "celu",
    "_prelu_kernel", "logical_not", "exp", "log", "mish", "softplus", "reciprocal", "threshold", "hardshrink",
    "softshrink", "sin", "cos", "sign", "floor", "round", "erf", "log1p", "expm1", "log2", "log10", "sgn", "trunc",
)  # fmt: skip
_BINARY = ("add", "sub", "mul", "div", "maximum", "minimum", "rsub")
_REDUCE = ("mean", "sum", "amax")


def output_shapes(target: str, args: Mapping[str, Any]) -> tuple[Shape, ...] | None:
    """Shapes of the call's outputs, None for a call that torch has to work out.

    Args:
        target: `aten.relu`.
        args: by name, tensors as they are.
    """
    rule = _RULES.get(target.removeprefix("aten."))
    return None if rule is None else rule(args)


def _same(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    return (tuple(args["self"].shape),)


def _binary(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    return (tuple(np.broadcast_shapes(*_shapes_of(args["self"], args["other"]))),)


def _power(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    return (tuple(np.broadcast_shapes(*_shapes_of(args["self"], args["exponent"]))),)


def _where(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    return (tuple(np.broadcast_shapes(*_shapes_of(args["condition"], args["self"], args["other"]))),)


def _shapes_of(*given: Any) -> list[Shape]:
    return [tuple(each.shape) for each in given if isinstance(each, Tensor)]


def _reduce(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    shape = args["self"].shape
    dims = args.get("dim")
    given = range(len(shape)) if dims is None or dims == [] else ([dims] if isinstance(dims, int) else dims)
    reduced = {_wrapped(dim, len(shape)) for dim in given}
    if args.get("keepdim"):
        return (tuple(1 if axis in reduced else n for axis, n in enumerate(shape)),)
    return (tuple(n for axis, n in enumerate(shape) if axis not in reduced),)


def _batch_norm(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    shape = tuple(args["input"].shape)
    for name in ("weight", "bias", "running_mean", "running_var"):
        if args[name] is not None and tuple(args[name].shape) != shape[1:2]:
            raise RuntimeError(f"batch norm over {shape[1]} channels has a {name} of {tuple(args[name].shape)}")
    return shape, (0,), (0,)


def _convolution(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    inputs, weight, groups = tuple(args["input"].shape), tuple(args["weight"].shape), args["groups"]
    expected = weight[0] if args["transposed"] else weight[1] * groups
    outputs = weight[1] * groups if args["transposed"] else weight[0]
    if len(inputs) != len(weight) or inputs[1] != expected or weight[0] % groups:
        raise RuntimeError(f"a convolution of weight {weight}, groups {groups}, over {inputs}")
    if args["bias"] is not None and tuple(args["bias"].shape) != (outputs,):
        raise RuntimeError(f"a bias of {tuple(args['bias'].shape)} for {outputs} channels")
    rank = len(inputs) - 2
    stride, padding, dilation, extra = (
        _per_axis(args[name], rank) for name in ("stride", "padding", "dilation", "output_padding")
    )
    sizes: list[int] = []
    for axis in range(rank):
        reach = dilation[axis] * (weight[axis + 2] - 1) + 1
        if args["transposed"]:
            sizes.append((inputs[axis + 2] - 1) * stride[axis] - 2 * padding[axis] + reach + extra[axis])
        else:
            sizes.append((inputs[axis + 2] + 2 * padding[axis] - reach) // stride[axis] + 1)
    if min(sizes) < 1:
        raise RuntimeError(f"a kernel of {weight[2:]} is larger than its padded input {inputs[2:]}")
    return ((inputs[0], outputs, *sizes),)


def _addmm(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    shape = _product(args["mat1"].shape, args["mat2"].shape)
    if np.broadcast_shapes(args["self"].shape, shape) != shape:
        raise RuntimeError(f"a bias of {tuple(args['self'].shape)} for {shape[1]} features")
    return (shape,)


def _mm(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    return (_product(args["self"].shape, args["mat2"].shape),)


def _product(left: Sequence[int], right: Sequence[int]) -> Shape:
    if left[1] != right[0]:
        raise RuntimeError(f"a matrix of {tuple(left)} times one of {tuple(right)}")
    return (left[0], right[1])


def _cat(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    shapes = [tuple(tensor.shape) for tensor in args["tensors"] if tuple(tensor.shape) != (0,)]
    axis = _wrapped(args["dim"], len(shapes[0]))
    if any(shape[:axis] + shape[axis + 1 :] != shapes[0][:axis] + shapes[0][axis + 1 :] for shape in shapes):
        raise RuntimeError(f"joining {shapes} along axis {axis}")
    return ((*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :]),)


def _stack(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    shapes = [tuple(tensor.shape) for tensor in args["tensors"]]
    if any(shape != shapes[0] for shape in shapes):
        raise RuntimeError(f"stacking {shapes}")
    axis = _wrapped(args["dim"], len(shapes[0]) + 1)
    return ((*shapes[0][:axis], len(shapes), *shapes[0][axis:]),)


def _bmm(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    left, right = tuple(args["self"].shape), tuple(args["mat2"].shape)
    if left[0] != right[0]:
        raise RuntimeError(f"{left[0]} matrices times {right[0]}")
    return ((left[0], *_product(left[1:], right[1:])),)


def _embedding(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    if args["indices"].dtype.is_floating_point:
        raise RuntimeError("an embedding of values that are no whole numbers: call .long() on them first")
    return ((*args["indices"].shape, args["weight"].shape[1]),)


def _index_select(args: Mapping[str, Any]) -> tuple[Shape, ...]:
    shape = list(args["self"].shape)
    shape[_wrapped(args["dim"], len(shape))] = args["index"].shape[0]
    return (tuple(shape),)


def _per_axis(given: Sequence[int], rank: int) -> list[int]:
    return [int(n) for n in given] * rank if len(given) == 1 else [int(n) for n in given]


def _wrapped(dim: int, rank: int) -> int:
    if not -rank <= dim < rank:
        raise RuntimeError(f"axis {dim} of {rank}")
    return dim % rank


_RULES: Mapping[str, Callable[[Mapping[str, Any]], tuple[Shape, ...]]] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_BINARY, _binary),
    **dict.fromkeys(_REDUCE, _reduce),
    "native_batch_norm": _batch_norm,
    "convolution": _convolution,
    "addmm": _addmm,
    "mm": _mm,
    "cat": _cat,
    "stack": _stack,
    "bmm": _bmm,
    "embedding": _embedding,
    "index_select": _index_select,
    "pow": _power,
    "where": _where,
}
