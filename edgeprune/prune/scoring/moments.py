"""Second moments of the inputs of the layers behind the channels, and each channel's term in their sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.ir import Op, OpKind
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.scoring.calibration_statistics import require_non_empty
from edgeprune.prune.scoring.layers import MAX_FEATURES, Layer, patches, picked_positions, plain_layers, positions_of

_POSITIONS = 64  # a sample


@dataclass(frozen=True, eq=False)
class InputMoments:
    """One layer that mixes channels, and the moments of its input patches.

    Attributes:
        layer: its name.
        weight: (outputs, features), the batch norm behind it folded in.
        mean: (features,) of its patches.
        covariance: (features, features), float64.
        blocks: group -> (units, features per unit): which features are a unit's.
    """

    layer: str
    weight: Tensor
    mean: Tensor
    covariance: Tensor
    blocks: Mapping[str, Tensor]


def input_moments(module: nn.Module, groups: ChannelGroups, batches: Iterable[Tensor]) -> tuple[InputMoments, ...]:
    """All layers that mix the channels of a group: convolutions without sections, transposed ones, linear layers.

    Args:
        module: the module the groups were found in.
        batches: inputs (B, ...), never of validation or test.

    Raises:
        DataError: no batches.
        ModelError: a group that no such layer reads, or a layer of more than 8,192 input features.
    """
    readers = _readers(module, groups)
    sums = {reader.op.name: _Sum() for reader in readers}
    generator = torch.Generator().manual_seed(0)

    def hook(reader: _Reader) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _module, args: sums[reader.op.name].add(reader.rows(args[0].detach(), generator))

    handles = [reader.module.register_forward_pre_hook(hook(reader)) for reader in readers]
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
    require_non_empty(count)
    moments = tuple(_moments_of(reader, groups, sums[reader.op.name]) for reader in readers)
    missing = set(groups.by_name) - {name for one in moments for name in one.blocks}
    if missing:
        name = next(group.name for group in groups.groups if group.name in missing)
        raise ModelError(f"no torch convolution or linear layer mixes the channels of {name}", "choose l2 or taylor")
    return moments


@dataclass(frozen=True, eq=False)
class _Reader:
    """weight: (outputs, features), batch norm folded in; rows: (inputs, generator) -> (n, features) it multiplies."""

    op: Op
    module: nn.Module
    weight: Tensor
    rows: Callable[[Tensor, torch.Generator], Tensor]


def _readers(module: nn.Module, groups: ChannelGroups) -> list[_Reader]:
    plain = [_plain(layer) for layer in plain_layers(module, groups.traced) if layer.groups == 1]
    called = groups.traced.called
    mixing = list(plain)
    for op in groups.traced.graph.ops:
        if op.kind is OpKind.TRANSPOSE_CONV and op.name in called:
            layer = module.get_submodule(called[op.name])
            if isinstance(layer, nn.ConvTranspose2d) and layer.groups == 1:
                mixing.append(_transposed(op, layer))
    readers = [reader for reader in mixing if groups.units_in(reader.op.inputs[0])]
    for reader in readers:
        features = reader.weight.shape[1]
        if features > MAX_FEATURES:
            raise ModelError(
                f"{reader.op.name} has {features:,} input features, whose covariance would take "
                f"{8 * features**2 / 2**30:.1f} GiB",
                "choose l2 or taylor, or pool before that layer",
            )
    return readers


def _plain(layer: Layer) -> _Reader:
    scale, _ = layer.affine()

    def rows(inputs: Tensor, generator: torch.Generator) -> Tensor:
        height, width = positions_of(layer, inputs)
        return patches(layer, inputs, picked_positions(height * width, _POSITIONS, generator))[0]

    return _Reader(layer.op, layer.module, layer.weight_rows() * scale[:, None], rows)


def _transposed(op: Op, module: nn.ConvTranspose2d) -> _Reader:
    """Each tap of each output is a sum of its own; where taps overlap (stride below the kernel) that leaves out their
    common part."""

    def rows(inputs: Tensor, generator: torch.Generator) -> Tensor:
        picked = picked_positions(inputs[0, 0].numel(), _POSITIONS, generator)
        return inputs.flatten(2)[:, :, picked].transpose(1, 2).flatten(0, 1)

    return _Reader(op, module, module.weight.detach().flatten(1).T, rows)


class _Sum:
    def __init__(self) -> None:
        self.count = 0
        self.total: Tensor = torch.zeros(())
        self.products: Tensor = torch.zeros(())

    def add(self, rows: Tensor) -> None:
        """rows: (n, features)."""
        self.count += len(rows)
        self.total = self.total + rows.double().sum(0)
        self.products = self.products + (rows.T @ rows).double()


def _moments_of(reader: _Reader, groups: ChannelGroups, summed: _Sum) -> InputMoments:
    mean = summed.total / summed.count
    channels = groups.traced.graph.tensors[reader.op.inputs[0]].shape[-1]
    taps = len(mean) // channels
    blocks = {
        name: (torch.from_numpy(indices).long()[:, :, None] * taps + torch.arange(taps)).flatten(1)
        for name, indices in groups.units_in(reader.op.inputs[0]).items()
    }
    covariance = summed.products / summed.count - torch.outer(mean, mean)
    return InputMoments(reader.op.name, reader.weight.double(), mean, covariance, blocks)


def contributions(moments: Iterable[InputMoments], group: str) -> Tensor:
    """(units, units) covariance of the units' terms in the sums of the layers that read them, over all their outputs.

    Its diagonal is each unit's variance; the sum over all entries is the variance of the sums.
    """
    total: Tensor = torch.zeros(())
    for layer in moments:
        if group in layer.blocks:
            features = layer.blocks[group]
            units, each = features.shape
            flat = features.flatten()
            weight = layer.weight[:, flat]
            products = (weight.T @ weight) * layer.covariance[flat][:, flat]
            total = total + products.reshape(units, each, units, each).sum((1, 3))
    return total
