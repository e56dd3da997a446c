"""A factor on every channel as the layers behind hear it, to be learned or set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.ir import Op, OpKind
from edgeprune.prune.channels import ChannelGroups
from edgeprune.prune.homes import homes_of
from edgeprune.prune.partition import OUTPUT_AXIS

Factors = Callable[[], Mapping[str, Tensor]]


@contextmanager
def gated(module: nn.Module, groups: ChannelGroups, factors: Factors) -> Iterator[None]:
    """Inside the block every layer that mixes channels hears each one times its factor.

    Channels that no such layer hears (outputs of the network) are multiplied as they are made. The factors of one
    forward pass are the same wherever a channel is heard.

    Args:
        module: one the groups fit, at full width.
        factors: asked before each forward pass: group -> (units,) or (batch, units).

    Raises:
        ModelError: a group whose channels pass no torch layer that could be watched.
    """
    homes = homes_of(module)
    graph, slices = groups.traced.graph, groups.traced.slices
    now: dict[str, Tensor] = {}
    layers = [op for op in graph.ops if op.kind in OUTPUT_AXIS]
    mixing = [op for op in layers if op.kind is not OpKind.DEPTHWISE_CONV_2D]
    heard = {name for op in mixing for name in groups.units_in(op.inputs[0])}

    def spread(tensor: Tensor, graph_tensor: int, names: set[str], axis: int) -> Tensor:
        for name, indices in groups.units_in(graph_tensor).items():
            if name in names:
                units, repeats = indices.shape
                factor = now[name]
                factor = factor.reshape(-1, units, 1).expand(-1, units, repeats).flatten(1)
                along = torch.ones(len(factor), tensor.shape[axis]).to(tensor)
                along = along.index_copy(1, torch.from_numpy(indices).long().flatten(), factor.to(tensor))
                shape = [1] * tensor.dim()
                shape[0], shape[axis] = along.shape
                tensor = tensor * along.reshape(shape)
        return tensor

    def axis_of(op: Op) -> tuple[nn.Module, int]:
        owner = homes[slices[op.inputs[1]][0].name][0][0]
        return owner, -1 if isinstance(owner, nn.Linear) else 1

    def hearing(op: Op) -> torch.utils.hooks.RemovableHandle:
        owner, axis = axis_of(op)
        return owner.register_forward_pre_hook(
            lambda _module, args: (spread(args[0], op.inputs[0], heard, axis), *args[1:])
        )

    def making(op: Op, names: set[str]) -> torch.utils.hooks.RemovableHandle:
        owner, axis = axis_of(op)
        return owner.register_forward_hook(lambda _module, _args, result: spread(result, op.outputs[0], names, axis))

    handles = [module.register_forward_pre_hook(lambda _module, _args: now.update(factors()))]
    try:
        handles += [hearing(op) for op in mixing if groups.units_in(op.inputs[0])]
        made = set(groups.by_name) - heard
        for op in layers:
            if made & set(groups.units_in(op.outputs[0])):
                handles.append(making(op, made & set(groups.units_in(op.outputs[0]))))
                made -= set(groups.units_in(op.outputs[0]))
        if made:
            raise ModelError(f"the channels of {min(made)} pass no layer that could be gated", "choose l2 or taylor")
        yield
    finally:
        for handle in handles:
            handle.remove()
