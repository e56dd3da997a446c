"""A multiplicative gate on every channel at the inputs of the layers that read it, to be learned or set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.ir import Op
from edgeprune.prune.coupling.channels import ChannelGroups

Factors = Callable[[], Mapping[str, Tensor]]


@contextmanager
def gated(module: nn.Module, groups: ChannelGroups, factors: Factors) -> Iterator[None]:
    """Inside the block every layer that mixes channels reads each one times its factor.

    Channels that no such layer reads (outputs of the network) are multiplied where they are computed. The factors of
    one forward pass are the same for all readers of a channel.

    Args:
        module: one the groups fit, at full width.
        factors: called before each forward pass: group -> (units,) or (batch, units).

    Raises:
        ModelError: a group whose channels pass no torch layer that can be hooked.
    """
    graph, called = groups.traced.graph, groups.traced.called
    now: dict[str, Tensor] = {}
    layers = [op for op in graph.ops if op.name in called]
    mixing = [op for op in layers if op.traits.mixes_channels]
    read = {name for op in mixing for name in groups.units_in(op.inputs[0])}

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
        layer = module.get_submodule(called[op.name])
        return layer, -1 if isinstance(layer, nn.Linear) else 1

    def gate_input(op: Op) -> torch.utils.hooks.RemovableHandle:
        layer, axis = axis_of(op)
        return layer.register_forward_pre_hook(
            lambda _module, args: (spread(args[0], op.inputs[0], read, axis), *args[1:])
        )

    def gate_output(op: Op, names: set[str]) -> torch.utils.hooks.RemovableHandle:
        layer, axis = axis_of(op)
        return layer.register_forward_hook(lambda _module, _args, result: spread(result, op.outputs[0], names, axis))

    handles = [module.register_forward_pre_hook(lambda _module, _args: now.update(factors()))]
    try:
        handles += [gate_input(op) for op in mixing if groups.units_in(op.inputs[0])]
        unread = set(groups.by_name) - read
        for op in layers:
            if unread & set(groups.units_in(op.outputs[0])):
                handles.append(gate_output(op, unread & set(groups.units_in(op.outputs[0]))))
                unread -= set(groups.units_in(op.outputs[0]))
        if unread:
            raise ModelError(f"the channels of {min(unread)} pass no layer that can be gated", "choose l2 or taylor")
        yield
    finally:
        for handle in handles:
            handle.remove()
