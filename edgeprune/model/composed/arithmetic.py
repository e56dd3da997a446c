"""Arithmetic: reductions, products and what activations are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from edgeprune.model.composed.table import composes


@composes("clamp.Tensor", "clamp_min.Tensor", "clamp_max.Tensor")
def _between_tensors(args: Mapping[str, Any]) -> Any:
    x = args["self"]
    x = x if args.get("min") is None else torch.maximum(x, args["min"])
    return x if args.get("max") is None else torch.minimum(x, args["max"])


@composes("logsumexp")
def _log_sum_exp(args: Mapping[str, Any]) -> Any:
    x, axes, keep = args["self"], list(args["dim"]), bool(args["keepdim"])
    largest = x.amax(axes, keepdim=True)
    result = (x - largest).exp().sum(axes, keepdim=True).log() + largest
    return result if keep else result.squeeze(axes)


@composes("_log_softmax")
def _log_softmax(args: Mapping[str, Any]) -> Any:
    x, dim = args["self"], int(args["dim"])
    lowered = x - x.amax(dim, keepdim=True)
    return lowered - lowered.exp().sum(dim, keepdim=True).log()


@composes("glu")
def _glu(args: Mapping[str, Any]) -> Any:
    value, gate = args["self"].chunk(2, args["dim"])
    return value * gate.sigmoid()


@composes("amin")
def _least(args: Mapping[str, Any]) -> Any:
    x = args["self"]
    return (x * -1.0).amax(args["dim"], keepdim=args["keepdim"]) * -1.0


@composes("min")
def _least_of_all(args: Mapping[str, Any]) -> Any:
    return torch.amin(args["self"], list(range(args["self"].dim())))


@composes("min.dim")
def _least_along(args: Mapping[str, Any]) -> Any:
    """Places of minima have no operator; whoever reads them is refused by `max`."""
    negative = args["self"] * -1.0
    values, places = torch.max(negative, args["dim"], args["keepdim"])
    return values * -1.0, places


@composes("prod")
def _product(args: Mapping[str, Any]) -> Any:
    x = args["self"]
    if args.get("dim") is None:
        x = x.flatten()
    dim, keep = int(args.get("dim") or 0), bool(args.get("keepdim", False))
    result, *rest = x.split(1, dim)
    for factor in rest:
        result = result * factor
    return result if keep else result.squeeze(dim)


@composes("cumsum")
def _running_sum(args: Mapping[str, Any]) -> Any:
    x, dim = args["self"], int(args["dim"])
    size = x.shape[dim]
    return functional.linear(x.movedim(dim, -1), torch.ones(size, size).tril()).movedim(-1, dim)


@composes("addcmul")
def _add_product(args: Mapping[str, Any]) -> Any:
    product = args["tensor1"] * args["tensor2"]
    return args["self"] + (product if args["value"] == 1 else product * args["value"])


@composes("addcdiv")
def _add_quotient(args: Mapping[str, Any]) -> Any:
    quotient = args["tensor1"] / args["tensor2"]
    return args["self"] + (quotient if args["value"] == 1 else quotient * args["value"])


@composes("lerp")
def _between(args: Mapping[str, Any]) -> Any:
    return args["self"] + (args["end"] - args["self"]) * args["weight"]


@composes("_trilinear")
def _trilinear(args: Mapping[str, Any]) -> Any:
    """nn.Bilinear: x1 W x2 for each output, as (x1 joined over the outputs) times x2."""
    parts = [args["i1"], args["i2"], args["i3"]]
    for part, expanded in enumerate(("expand1", "expand2", "expand3")):
        for dim in sorted(args[expanded]):
            parts[part] = parts[part].unsqueeze(dim)
    return (parts[0] * parts[1] * parts[2]).sum(list(args["sumdim"]))


@composes("mv")
def _matrix_times_vector(args: Mapping[str, Any]) -> Any:
    return torch.mm(args["self"], args["vec"].unsqueeze(1)).squeeze(1)


@composes("baddbmm")
def _add_batched(args: Mapping[str, Any]) -> Any:
    product = torch.bmm(args["batch1"], args["batch2"])
    product = product if args["alpha"] == 1 else product * args["alpha"]
    return product if args["beta"] == 0 else args["self"] * args["beta"] + product


@composes("rrelu_with_noise")
def _random_leaky(args: Mapping[str, Any]) -> Any:
    return functional.leaky_relu(args["self"], (float(args["lower"]) + float(args["upper"])) / 2)


@composes("masked_fill")
def _filled(args: Mapping[str, Any]) -> Any:
    return torch.where(args["mask"], args["value"], args["self"])


def _behind_diagonal(x: torch.Tensor) -> torch.Tensor:
    """How far each place of the last two axes is right of their diagonal."""
    rows, columns = x.shape[-2:]
    return torch.arange(float(columns))[None] - torch.arange(float(rows))[:, None]


def _kept(x: torch.Tensor, mask: torch.Tensor) -> Any:
    """Zero where the mask is not: chosen, since an infinity times zero is none."""
    return torch.where(mask, x, torch.zeros(())) if x.is_floating_point() else NotImplemented


@composes("tril")
def _lower_triangle(args: Mapping[str, Any]) -> Any:
    x = args["self"]
    return _kept(x, _behind_diagonal(x) <= args["diagonal"])


@composes("triu")
def _upper_triangle(args: Mapping[str, Any]) -> Any:
    x = args["self"]
    return _kept(x, _behind_diagonal(x) >= args["diagonal"])


@composes("hypot")
def _hypotenuse(args: Mapping[str, Any]) -> Any:
    return (args["self"] * args["self"] + args["other"] * args["other"]).sqrt()


@composes("nan_to_num")
def _numbers_alone(args: Mapping[str, Any]) -> Any:
    """Quantized values are all numbers."""
    return args["self"]
