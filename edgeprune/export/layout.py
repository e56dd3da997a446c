"""Rewrites that spare a converted network transposes, float islands and a fault; what it computes stays the same.

The converter moves images to channels-last, but two common ends of a network make it move them back: a mean over the
picture, and a flatten into a linear layer, whose weights count channels first. Leaky ReLU it leaves in float. A scalar
less a layer's output it folds into that layer as if it were the sum.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from edgeprune.export.fold import constant_of

_MEAN = torch.ops.aten.mean.dim
_FLATTEN = torch.ops.aten.flatten.using_ints
_RESHAPES = (_FLATTEN, torch.ops.aten.view.default, torch.ops.aten.reshape.default)
_LINEAR = torch.ops.aten.linear.default
_SCALAR_LESS = torch.ops.aten.rsub.Scalar
_LEAKY_RELUS = (torch.ops.aten.leaky_relu.default, torch.ops.aten.leaky_relu_.default)


def spare_transposes(module: GraphModule) -> None:
    """Applies all of them, in place.

    Args:
        module: what `ExportedProgram.module()` gives; nodes still carry the shapes they were traced with.
    """
    for node in list(module.graph.nodes):
        if node.target == _MEAN and _is_image(node.args[0]) and {axis % 4 for axis in node.args[1]} == {2, 3}:
            _pool_instead(module, node)
        elif node.target in _LEAKY_RELUS:
            _maximum_instead(module, node)
        elif node.target == _SCALAR_LESS:
            _sum_instead(module, node)
        elif node.target == _LINEAR and isinstance(node.args[1], Node) and node.args[1].op == "get_attr":
            _flatten_channels_last(module, node)
    module.graph.eliminate_dead_code()
    module.recompile()


def _pool_instead(module: GraphModule, mean: Node) -> None:
    keeps_axes = len(mean.args) > 2 and mean.args[2]
    with module.graph.inserting_before(mean):
        pooled = _call(module, mean, torch.ops.aten.adaptive_avg_pool2d.default, mean.args[0], [1, 1])
        result = pooled if keeps_axes else _call(module, mean, _FLATTEN, pooled, 1)
    mean.replace_all_uses_with(result)


def _maximum_instead(module: GraphModule, leaky: Node) -> None:
    slope = leaky.args[1] if len(leaky.args) > 1 else 0.01
    if not isinstance(slope, float | int) or not 0 <= slope <= 1:
        return
    with module.graph.inserting_before(leaky):
        scaled = _call(module, leaky, torch.ops.aten.mul.Tensor, leaky.args[0], slope)
        result = _call(module, leaky, torch.ops.aten.maximum.default, leaky.args[0], scaled)
    leaky.replace_all_uses_with(result)


def _sum_instead(module: GraphModule, difference: Node) -> None:
    with module.graph.inserting_before(difference):
        negated = _call(module, difference, torch.ops.aten.mul.Tensor, difference.args[0], -1.0)
        result = _call(module, difference, torch.ops.aten.add.Tensor, negated, difference.args[1])
    difference.replace_all_uses_with(result)


def _flatten_channels_last(module: GraphModule, linear: Node) -> None:
    """flatten(NCHW) @ W.T  ==  flatten(NHWC) @ (W with its columns in that order).T"""
    flat, weight_node = linear.args[0], linear.args[1]
    if not isinstance(flat, Node) or flat.target not in _RESHAPES or not isinstance(weight_node, Node):
        return
    image = flat.args[0]
    if not isinstance(image, Node) or not _is_image(image) or len(_shape(flat)) != 2 or len(flat.users) > 1:
        return
    _, channels, height, width = _shape(image)
    if channels * height * width != _shape(flat)[1] or height * width == 1:
        return
    weight = constant_of(module, weight_node)
    if weight is None:
        return
    reordered = weight.reshape(-1, channels, height, width).permute(0, 2, 3, 1).flatten(1)
    name = f"_channels_last_{linear.name}"
    module.register_buffer(name, reordered.contiguous())
    with module.graph.inserting_before(linear):
        last = _call(module, flat, torch.ops.aten.permute.default, image, [0, 2, 3, 1])
        linear.args = (_call(module, flat, _FLATTEN, last, 1), module.graph.get_attr(name), *linear.args[2:])


def _call(module: GraphModule, origin: Node, target: object, *arguments: object) -> Node:
    node = module.graph.call_function(target, arguments)  # type: ignore[arg-type]
    if "nn_module_stack" in origin.meta:
        node.meta["nn_module_stack"] = origin.meta["nn_module_stack"]
    return node


def _is_image(node: object) -> bool:
    return isinstance(node, Node) and len(_shape(node)) == 4


def _shape(node: Node) -> tuple[int, ...]:
    value = node.meta.get("val")
    return tuple(value.shape) if isinstance(value, Tensor) else ()
