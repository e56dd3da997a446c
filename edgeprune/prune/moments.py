"""What the layers behind the channels hear, as second moments, and what removing a channel takes from their sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgeprune.errors import DataError, ModelError
from edgeprune.ir import Op, OpKind
from edgeprune.prune.channels import ChannelGroups
from edgeprune.prune.homes import homes_of
from edgeprune.prune.layers import MOST_NUMBERS, Layer, patches, picked_positions, plain_layers, positions_of

_POSITIONS = 64  # a sample


@dataclass(frozen=True, eq=False)
class Hearing:
    """One layer that mixes channels, and what it hears.

    Attributes:
        layer: its name.
        weight: (outputs, numbers), as it acts: batch norm behind it included.
        mean: (numbers,) of its patches.
        covariance: (numbers, numbers), float64.
        blocks: group -> (units, numbers per unit): which numbers are a unit's.
    """

    layer: str
    weight: Tensor
    mean: Tensor
    covariance: Tensor
    blocks: Mapping[str, Tensor]


def hearings(module: nn.Module, groups: ChannelGroups, batches: Iterable[Tensor]) -> tuple[Hearing, ...]:
    """All layers that mix the channels of a group: convolutions without sections, transposed ones, linear layers.

    Args:
        module: the module the groups were found in.
        batches: inputs (B, ...), never of validation or test.

    Raises:
        DataError: no batches.
        ModelError: a group that no such layer hears, or a layer that reads more than 8,192 numbers at a time.
    """
    listeners = _listeners(module, groups)
    sums = {listener.op.name: _Sum() for listener in listeners}
    generator = torch.Generator().manual_seed(0)

    def hook(listener: _Listener) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _module, args: sums[listener.op.name].add(listener.rows(args[0].detach(), generator))

    handles = [listener.module.register_forward_pre_hook(hook(listener)) for listener in listeners]
    was_training = module.training
    module.eval()
    count = 0
    try:
        with torch.no_grad():
            for batch in batches:
                module(batch)
                count += 1
    finally:
        module.train(was_training)
        for handle in handles:
            handle.remove()
    if count == 0:
        raise DataError("no samples to judge channels by", "give at least one batch")
    found = tuple(_hearing(listener, groups, sums[listener.op.name]) for listener in listeners)
    deaf = set(groups.by_name) - {name for hearing in found for name in hearing.blocks}
    if deaf:
        name = next(group.name for group in groups.groups if group.name in deaf)
        raise ModelError(
            f"no convolution or linear layer of torch's mixes the channels of {name}", "choose l2 or taylor"
        )
    return found


@dataclass(frozen=True, eq=False)
class _Listener:
    """weight: (outputs, numbers), as it acts; rows: (inputs, generator) -> (n, numbers) it is multiplied with."""

    op: Op
    module: nn.Module
    weight: Tensor
    rows: Callable[[Tensor, torch.Generator], Tensor]


def _listeners(module: nn.Module, groups: ChannelGroups) -> list[_Listener]:
    plain = [_plain(layer) for layer in plain_layers(module, groups.traced) if layer.groups == 1]
    homes = homes_of(module)
    found = list(plain)
    for op in groups.traced.graph.ops:
        if op.kind is OpKind.TRANSPOSE_CONV:
            owner = homes[groups.traced.slices[op.inputs[1]][0].name][0][0]
            if isinstance(owner, nn.ConvTranspose2d) and owner.groups == 1:
                found.append(_transposed(op, owner))
    listening = [listener for listener in found if groups.units_in(listener.op.inputs[0])]
    for listener in listening:
        numbers = listener.weight.shape[1]
        if numbers > MOST_NUMBERS:
            raise ModelError(
                f"{listener.op.name} reads {numbers:,} numbers at a time, whose covariance would take "
                f"{8 * numbers**2 / 2**30:.1f} GiB",
                "choose l2 or taylor, or pool before that layer",
            )
    return listening


def _plain(layer: Layer) -> _Listener:
    scale, _ = layer.affine()

    def rows(inputs: Tensor, generator: torch.Generator) -> Tensor:
        height, width = positions_of(layer, inputs)
        return patches(layer, inputs, picked_positions(height * width, _POSITIONS, generator))[0]

    return _Listener(layer.op, layer.module, layer.weight_rows() * scale[:, None], rows)


def _transposed(op: Op, module: nn.ConvTranspose2d) -> _Listener:
    """Each tap of each output is a sum of its own; where taps overlap (stride below the kernel) that leaves out their
    common part."""

    def rows(inputs: Tensor, generator: torch.Generator) -> Tensor:
        picked = picked_positions(inputs[0, 0].numel(), _POSITIONS, generator)
        return inputs.flatten(2)[:, :, picked].transpose(1, 2).flatten(0, 1)

    return _Listener(op, module, module.weight.detach().flatten(1).T, rows)


class _Sum:
    def __init__(self) -> None:
        self.count = 0
        self.total: Tensor = torch.zeros(())
        self.products: Tensor = torch.zeros(())

    def add(self, rows: Tensor) -> None:
        """rows: (n, numbers)."""
        self.count += len(rows)
        self.total = self.total + rows.double().sum(0)
        self.products = self.products + (rows.T @ rows).double()


def _hearing(listener: _Listener, groups: ChannelGroups, summed: _Sum) -> Hearing:
    mean = summed.total / summed.count
    channels = groups.traced.graph.tensors[listener.op.inputs[0]].shape[-1]
    taps = len(mean) // channels
    blocks = {
        name: (torch.from_numpy(indices).long()[:, :, None] * taps + torch.arange(taps)).flatten(1)
        for name, indices in groups.units_in(listener.op.inputs[0]).items()
    }
    covariance = summed.products / summed.count - torch.outer(mean, mean)
    return Hearing(listener.op.name, listener.weight.double(), mean, covariance, blocks)


def contributions(found: Iterable[Hearing], group: str) -> Tensor:
    """(units, units) covariance of what each unit adds to the sums of the layers that hear it, over all their outputs.

    Its diagonal is the variance a unit brings; the sum over all is the variance of the sums.
    """
    total: Tensor = torch.zeros(())
    for hearing in found:
        if group in hearing.blocks:
            numbers = hearing.blocks[group]
            units, each = numbers.shape
            flat = numbers.flatten()
            weight = hearing.weight[:, flat]
            products = (weight.T @ weight) * hearing.covariance[flat][:, flat]
            total = total + products.reshape(units, each, units, each).sum((1, 3))
    return total
