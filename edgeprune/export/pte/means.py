"""Means over a picture in the form in which a backend quantizes them well.

XNNPACK's quantizer knows them as pooling alone. CMSIS-NN's pooling answers in the scale of what it reads, in which a
mean has few steps: two depthwise convolutions, down the columns and along the rows, answer in scales of their own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

_ATEN = torch.ops.aten


def with_pooled_means(module: Any) -> Any:
    """Every mean over a picture as adaptive pooling."""

    def pooled(graph: Any, pictures: Any, name: str) -> Any:
        return graph.call_function(_ATEN.adaptive_avg_pool2d.default, (pictures, [1, 1]))

    return _replaced(module, pooled)


def with_convolved_means(module: Any) -> Any:
    """Every mean over a picture as two depthwise convolutions."""

    def convolved(graph: Any, pictures: Any, name: str) -> Any:
        _, channels, height, width = pictures.meta["val"].shape
        made = pictures
        for axis, taps in (("columns", (height, 1)), ("rows", (1, width))):
            count = taps[0] * taps[1]
            if count == 1:
                continue
            weights = torch.full((channels, 1, *taps), 1.0 / count)
            module.register_buffer(f"{name}_{axis}", weights)
            held = graph.get_attr(f"{name}_{axis}")
            held.meta["val"] = _like(made.meta["val"], weights)
            value = made.meta["val"].mean(2 if axis == "columns" else 3, keepdim=True)
            made = graph.call_function(_ATEN.conv2d.default, (made, held, None, [1, 1], [0, 0], [1, 1], channels))
            made.meta["val"] = value
        return made

    return _replaced(module, convolved)


def _like(value: Any, weights: Tensor) -> Any:
    """The weights as a tensor without data, of the mode that the graph's are of."""
    return value.fake_mode.from_tensor(weights) if hasattr(value, "fake_mode") else weights


def _replaced(module: Any, mean_of: Any) -> Any:
    graph = module.graph
    for number, node in enumerate(list(graph.nodes)):
        found = _mean_over_picture(node)
        if found is None:
            continue
        pictures, keeps_axes = found
        known = {id(one) for one in graph.nodes}
        with graph.inserting_before(node):
            made = mean_of(graph, pictures, f"mean_{number}")
            if made is pictures:
                continue
            last = made if keeps_axes else graph.call_function(_ATEN.flatten.using_ints, (made, 1))
        for one in graph.nodes:
            if id(one) not in known and one.op == "call_function":
                one.meta = {**node.meta, "val": one.meta.get("val", pictures.meta["val"].mean((2, 3), keepdim=True))}
        last.meta["val"] = node.meta["val"]
        node.replace_all_uses_with(last)
        graph.erase_node(node)
    module.recompile()
    return module


def _mean_over_picture(node: Any) -> tuple[Any, bool] | None:
    """What it averages, and whether its axes stay; None for anything else."""
    read: Any = node.args[0] if node.args else None
    value: Any = read.meta.get("val") if isinstance(read, Node) else None
    if not hasattr(value, "ndim") or value.ndim != 4:
        return None
    if node.target is _ATEN.adaptive_avg_pool2d.default:
        sizes = node.args[1]
        return (read, True) if list(sizes) == [1, 1] else None
    if node.target is _ATEN.mean.dim:
        axes, keeps = node.args[1], bool(len(node.args) > 2 and node.args[2])
        return (read, keeps) if sorted(axis % 4 for axis in axes) == [2, 3] else None
    if node.target is _ATEN.avg_pool2d.default:
        taps = [*node.args[1]]
        plain = len(node.args) < 4 or not any([*node.args[3]])
        return (read, True) if plain and taps * (2 // len(taps)) == [*value.shape[2:]] else None
    return None
