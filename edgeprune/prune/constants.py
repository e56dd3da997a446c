"""What removed channels would still have said: their constants, moved into the layers that would have heard them.

A removed channel carries no signal, but what it adds up to when its signal is gone is rarely nothing: a batch norm puts
its bias in place of the mean, an activation bends it. The layers behind see that constant, so it goes into their bias
(or out of the running mean of the batch norm behind them). Without zero padding this is exact: the thinned network
equals the one whose removed channels are held at their batch norm's mean. Under zero padding, and behind a strided
transposed convolution, a constant does not add the same everywhere; the mean over the output's positions goes into the
bias, the closest a bias can come.

The users' complaint behind this: microsoft/nni#2130.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgeprune.ir import Op, OpKind
from edgeprune.model.draft import FoldKind
from edgeprune.model.trace import TracedModel, own_bias
from edgeprune.prune.emission import arranged, emissions
from edgeprune.prune.homes import Home, homes_of
from edgeprune.prune.keep import Kept

if TYPE_CHECKING:
    from edgeprune.prune.channels import AxisMap, ChannelGroups

Floats = NDArray[np.float64]
_LISTENERS = frozenset({OpKind.CONV_2D, OpKind.TRANSPOSE_CONV, OpKind.FULLY_CONNECTED})


def add_biases(module: nn.Module, groups: ChannelGroups, staying: Kept) -> dict[tuple[str, int], AxisMap]:
    """Gives a zero bias to every layer that loses inputs and has neither a bias nor a batch norm behind it, in place.

    Which layers these are follows from the widths alone, so a saved architecture can be rebuilt.

    Returns:
        (name, axis) of every new parameter and who owns its positions.
    """
    traced, homes = groups.traced, homes_of(module)
    added: dict[tuple[str, int], AxisMap] = {}
    for op, _ in _losing_inputs(groups, staying):
        if own_bias(traced, op) is None and not _has_norm(traced, op):
            owner, piece = _owner(traced, homes, op), traced.slices[op.inputs[1]][0]
            if owner is not None and owner.bias is None:
                weight, output_axis = owner.weight, int(piece.axes[0] or 0)
                channels = traced.graph.tensors[op.inputs[2]].shape[0]
                zeros = torch.zeros(channels, dtype=weight.dtype, device=weight.device)
                owner.register_parameter("bias", nn.Parameter(zeros, weight.requires_grad))
                added[piece.name.removesuffix("weight") + "bias", 0] = groups.axes[piece.name, output_axis]
    return added


def settle(module: nn.Module, groups: ChannelGroups, staying: Kept) -> None:
    """Moves the constants of channels about to be removed into the layers behind them, in place.

    Args:
        module: at full width, `add_biases` done.
    """
    traced, homes = groups.traced, homes_of(module)
    values = _Values(homes)
    said = emissions(traced, values)
    heard: dict[int, list[tuple[Tensor, Floats]]] = {}
    for op, gone in _losing_inputs(groups, staying):
        axis, _ = groups.activations[op.inputs[0]]
        constants = np.where(gone, _per_channel(said[op.inputs[0]], axis, gone.size), 0.0)
        change = _heard(traced, op, values, constants)
        target, sign = _listener(traced, homes, op)
        if target is not None:
            heard.setdefault(id(target), []).append((target, sign * change))
    with torch.no_grad():
        for changes in heard.values():
            # A layer used several times hears different constants; it can only take their mean.
            mean = np.mean([change for _, change in changes], axis=0)
            target = changes[0][0]
            target.add_(torch.from_numpy(mean).to(target))


class _Values(Mapping[str, Floats]):
    """Parameters and buffers as float64, each converted when it is asked for: all at once would be twice the model."""

    def __init__(self, homes: Mapping[str, Home]):
        self._homes = homes

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
        if op.kind in _LISTENERS and op.inputs[0] in groups.activations:
            _, owners = groups.activations[op.inputs[0]]
            gone = ~staying.along(owners)
            if gone.any():
                yield op, gone


def _owner(traced: TracedModel, homes: dict[str, Home], op: Op) -> nn.Module | None:
    """The torch layer a weight belongs to, if it is one that can have a bias."""
    owner, leaf = homes[traced.slices[op.inputs[1]][0].name][0]
    is_layer = isinstance(owner, nn.Linear | nn.modules.conv._ConvNd) and leaf == "weight"
    return owner if is_layer else None


def _listener(traced: TracedModel, homes: dict[str, Home], op: Op) -> tuple[Tensor | None, float]:
    """The tensor that takes a change of the layer's sum, and its sign there."""
    bias = own_bias(traced, op)
    if bias is not None:
        return getattr(*homes[bias][0]), 1.0
    if _has_norm(traced, op):
        return getattr(*homes[traced.folds[op.name][0].parameters["running_mean"]][0]), -1.0
    owner = _owner(traced, homes, op)
    return getattr(owner, "bias", None), 1.0


def _per_channel(said: Floats, axis: int, channels: int) -> Floats:
    """Constants along the channel axis, the mean over whatever else they change along."""
    others = tuple(k for k in range(said.ndim) if k != axis)
    return np.broadcast_to(said.mean(axis=others), (channels,))


def _heard(traced: TracedModel, op: Op, values: Mapping[str, Floats], constants: Floats) -> Floats:
    """What constants (channels,) add to the layer's sums (outputs,), the mean over output positions."""
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
    stride, before = op.attrs["stride"][axis], op.attrs["pad"][2 * axis]
    tap = np.arange(taps)[:, None]
    if op.kind is OpKind.TRANSPOSE_CONV:
        written = np.arange(size)[None, :] * stride + tap - before
        return np.asarray(((written >= 0) & (written < out_size)).sum(axis=1) / out_size, np.float64)
    read = np.arange(out_size)[None, :] * stride + tap * op.attrs["dilation"][axis] - before
    return np.asarray(((read >= 0) & (read < size)).mean(axis=1), np.float64)
