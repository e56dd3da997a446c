"""Constant outputs of removed channels folded into the biases of the layers that read them.

A removed channel carries no signal, but its output without signal is rarely zero: a batch norm puts its bias in place
of the mean, an activation follows. The layers behind read that constant, so it is added to their bias (or subtracted
from the running mean of the batch norm behind them). Without zero padding this is exact: the thinned network equals the
one whose removed channels are held at their batch norm's mean. Under zero padding, and behind a strided transposed
convolution, a constant does not add the same at every position; its mean over the output's positions is added, the
nearest a bias can come.

The issue behind this: microsoft/nni#2130.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.ir import Conv2dAttrs, Op, OpKind, TransposeConvAttrs, attrs_of
from edgeprune.model.fold import FoldKind
from edgeprune.model.parameter_owners import Owners, parameter_owners
from edgeprune.model.trace import TracedModel, own_bias, trace
from edgeprune.model.twin import copied
from edgeprune.prune.surgery.constant_outputs import arranged, constant_outputs
from edgeprune.prune.surgery.keep import Kept

if TYPE_CHECKING:
    from edgeprune.prune.coupling.channels import AxisMap, ChannelGroups

Floats = NDArray[np.float64]


def add_biases(module: nn.Module, groups: ChannelGroups, staying: Kept) -> dict[tuple[str, int], AxisMap]:
    """Gives a zero bias to every layer that loses inputs, would read one, and has neither one nor a batch norm behind.

    In place. Which layers these are follows from the widths alone, so a saved architecture can be rebuilt.

    Returns:
        (name, axis) of every new parameter and the units at its positions.
    """
    traced = groups.traced
    added: dict[tuple[str, int], AxisMap] = {}
    for op, _ in _losing_inputs(groups, staying):
        name = _new_biases(traced).get(op.name)
        if name is not None and (name, 0) not in added:
            piece = traced.slices[op.inputs[1]][0]
            layer = module.get_submodule(name.rpartition(".")[0])
            _give_bias(layer, traced.graph.tensors[op.inputs[2]].shape[0])
            added[name, 0] = groups.axes[piece.name, int(piece.axes[0] or 0)]
    return added


@lru_cache(maxsize=8)
def _new_biases(traced: TracedModel) -> Mapping[str, str]:
    """Operator -> the bias it would read, had its layer one; for those without a bias and without a batch norm behind.

    The network itself shows which ones: its shapes are followed once more with all such biases in place. Code that
    takes a layer's weight and leaves its bias does not read it.
    """
    skeleton = copied(traced.skeleton)
    owners = parameter_owners(skeleton)
    without = [
        op
        for op in traced.graph.ops
        if op.traits.mixes_channels and own_bias(traced, op) is None and not _has_norm(traced, op)
    ]
    for op in without:
        weights = traced.slices[op.inputs[1]][:1]
        for layer, leaf in (owner for piece in weights for owner in owners[piece.name]):
            if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd) and leaf == "weight" and layer.bias is None:
                _give_bias(layer, _outputs_of(layer))
    try:
        with_biases = trace(skeleton, traced.example_shapes) if without else traced
    except ModelError:
        return {}
    names = {op.name for op in without}
    found = {op.name: own_bias(with_biases, op) for op in with_biases.graph.ops if op.name in names}
    return {name: bias for name, bias in found.items() if bias is not None}


def _outputs_of(layer: nn.Linear | nn.modules.conv._ConvNd) -> int:
    weight: Tensor = layer.get_parameter("weight")
    if isinstance(layer, nn.modules.conv._ConvTransposeNd):
        return weight.shape[1] * layer.groups
    return weight.shape[0]


def _give_bias(layer: nn.Module, channels: int) -> None:
    weight = layer.get_parameter("weight")
    zeros = torch.zeros(channels, dtype=weight.dtype, device=weight.device)
    layer.register_parameter("bias", nn.Parameter(zeros, weight.requires_grad))


def fold_constants(module: nn.Module, groups: ChannelGroups, staying: Kept) -> None:
    """Folds the constant outputs of channels about to be removed into the layers behind them, in place.

    Args:
        module: at full width, `add_biases` done.
    """
    traced, owners = groups.traced, parameter_owners(module)
    values = _Values(owners)
    outputs = constant_outputs(traced, values)
    pending: dict[int, list[tuple[Tensor, Floats]]] = {}
    for op, gone in _losing_inputs(groups, staying):
        axis, _ = groups.activations[op.inputs[0]]
        constants = np.where(gone, _per_channel(outputs[op.inputs[0]], axis, gone.size), 0.0)
        change = _change_of_sums(traced, op, values, constants)
        target, sign = _bias_target(traced, owners, op)
        if target is not None:
            pending.setdefault(id(target), []).append((target, sign * change))
    with torch.no_grad():
        for changes in pending.values():
            # A layer called several times reads different constants; its bias can only take their mean.
            mean = np.mean([change for _, change in changes], axis=0)
            target = changes[0][0]
            target.add_(torch.from_numpy(mean).to(target).reshape(target.shape))


class _Values(Mapping[str, Floats]):
    """Parameters and buffers as float64, each converted on access: all at once would be twice the model."""

    def __init__(self, owners: Mapping[str, Owners]):
        self._homes = owners

    def __getitem__(self, name: str) -> Floats:
        tensor: Tensor = getattr(*self._homes[name][0])
        values: Floats = tensor.detach().double().cpu().numpy()
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


def _has_norm(traced: TracedModel, op: Op) -> bool:
    folds = traced.folds.get(op.name, ())
    return bool(folds) and folds[0].kind is FoldKind.BATCH_NORM


def _losing_inputs(groups: ChannelGroups, staying: Kept) -> Iterator[tuple[Op, NDArray[np.bool_]]]:
    """Layers that mix channels and lose some of their inputs, with the flags of those they lose."""
    for op in groups.traced.graph.ops:
        if op.traits.mixes_channels and op.inputs[0] in groups.activations:
            _, axis_map = groups.activations[op.inputs[0]]
            gone = ~staying.along(axis_map)
            if gone.any():
                yield op, gone


def _bias_target(traced: TracedModel, owners: dict[str, Owners], op: Op) -> tuple[Tensor | None, float]:
    """The tensor that absorbs a change of the layer's sum, and its sign there."""
    bias = own_bias(traced, op)
    if bias is None and _has_norm(traced, op):
        return getattr(*owners[traced.folds[op.name][0].parameters["running_mean"]][0]), -1.0
    bias = bias or _new_biases(traced).get(op.name)
    return (None if bias is None else getattr(*owners[bias][0])), 1.0


def _per_channel(values: Floats, axis: int, channels: int) -> Floats:
    """Constants along the channel axis, the mean over whatever else they change along."""
    others = tuple(k for k in range(values.ndim) if k != axis)
    return np.broadcast_to(values.mean(axis=others), (channels,))


def _change_of_sums(traced: TracedModel, op: Op, values: Mapping[str, Floats], constants: Floats) -> Floats:
    """Terms of constants (channels,) in the layer's sums (outputs,), the mean over output positions."""
    graph = traced.graph
    weight = arranged(traced, op.inputs[1], values)
    if op.kind is OpKind.FULLY_CONNECTED:
        return np.asarray(weight @ constants, np.float64)
    height, width = graph.tensors[op.inputs[0]].shape[1:3]
    out_height, out_width = graph.output_of(op).shape[1:3]
    rows = _share_inside(op, weight.shape[1], height, out_height, 0)
    columns = _share_inside(op, weight.shape[2], width, out_width, 1)
    taps = np.einsum("okli,k,l->oi", weight, rows, columns)
    sections = constants.reshape(-1, weight.shape[3])
    sums = np.einsum("goi,gi->go", taps.reshape(len(sections), -1, weight.shape[3]), sections)
    return np.asarray(sums.ravel(), np.float64)


def _share_inside(op: Op, taps: int, size: int, out_size: int, axis: int) -> Floats:
    """For each kernel row (or column) the share of outputs at which it reads inside the input."""
    tap, attrs = np.arange(taps)[:, None], op.attrs
    if isinstance(attrs, TransposeConvAttrs):
        written = np.arange(size)[None, :] * attrs.stride[axis] + tap - attrs.pad[2 * axis]
        return np.asarray(((written >= 0) & (written < out_size)).sum(axis=1) / out_size, np.float64)
    conv = attrs_of(op, Conv2dAttrs)
    read = np.arange(out_size)[None, :] * conv.stride[axis] + tap * conv.dilation[axis] - conv.pad[2 * axis]
    return np.asarray(((read >= 0) & (read < size)).mean(axis=1), np.float64)
