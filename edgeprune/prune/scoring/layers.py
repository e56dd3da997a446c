"""Layers with weights as torch runs them: their input patches, and the affine map behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from edgeprune.ir import Op
from edgeprune.model.fold import FoldKind
from edgeprune.model.parameter_owners import parameter_owners
from edgeprune.model.trace import TracedModel

MAX_FEATURES = 8_192  # of a layer's input patch where their covariance is needed: 512 MiB of it


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution or linear layer that a forward pass calls once, and the batch norm folded into it.

    Attributes:
        op: the operator it becomes.
        module: the torch layer.
        norm: in evaluation mode an affine map per output channel.
    """

    op: Op
    module: nn.Conv1d | nn.Conv2d | nn.Linear
    norm: _BatchNorm | None

    @property
    def groups(self) -> int:
        return 1 if isinstance(self.module, nn.Linear) else self.module.groups

    @property
    def last(self) -> nn.Module:
        """The module whose output is the layer's, before the activation."""
        return self.module if self.norm is None else self.norm

    def weight_rows(self) -> Tensor:
        """(outputs, features each reads), in the order of `patches`."""
        return self.module.weight.detach().flatten(1)

    def affine(self) -> tuple[Tensor, Tensor]:
        """Scale and shift (outputs,): the layer's output is `scale * (weight @ patch) + shift`."""
        outputs = self.module.weight.shape[0]
        bias = torch.zeros(outputs) if self.module.bias is None else self.module.bias.detach()
        if self.norm is None:
            return torch.ones(outputs), bias
        norm = self.norm
        assert norm.running_mean is not None and norm.running_var is not None
        scale = (norm.running_var + norm.eps).rsqrt()
        if norm.weight is not None:
            scale = scale * norm.weight.detach()
        shift = (bias - norm.running_mean) * scale
        return scale, shift if norm.bias is None else shift + norm.bias.detach()

    def add_to_shift(self, change: Tensor) -> bool:
        """Adds (outputs,) to the layer's output. False where it has no parameter for it."""
        with torch.no_grad():
            if self.norm is not None and self.norm.bias is not None:
                self.norm.bias.add_(change)
            elif self.norm is not None and self.norm.running_mean is not None:
                self.norm.running_mean.sub_(change / self.affine()[0])
            elif self.module.bias is not None:
                self.module.bias.add_(change)
            else:
                return False
        return True


def plain_layers(module: nn.Module, traced: TracedModel) -> list[Layer]:
    """The module's convolutions and linear layers, in execution order.

    Left out: transposed convolutions, padding other than zero, forward passes of the user's own, layers called several
    times or with parameters that are read elsewhere too, and arithmetic with parameters other than a batch norm behind.
    """
    readers = Counter(name for op in traced.graph.ops for name in _read(traced, op))
    owners = parameter_owners(module)
    plain: list[Layer] = []
    for op in traced.graph.ops:
        if op.name not in traced.called or any(readers[name] > 1 for name in _read(traced, op)):
            continue
        layer, folds = module.get_submodule(traced.called[op.name]), traced.folds.get(op.name, ())
        if not isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear) or type(layer).forward not in _FORWARDS:
            continue
        if len(owners[traced.slices[op.inputs[1]][0].name]) > 1 or getattr(layer, "padding_mode", "zeros") != "zeros":
            continue
        if isinstance(getattr(layer, "padding", 0), str):
            continue
        if not folds:
            plain.append(Layer(op, layer, None))
        elif len(folds) == 1 and folds[0].kind is FoldKind.BATCH_NORM:
            norm = owners[folds[0].parameters["running_mean"]][0][0]
            if isinstance(norm, _BatchNorm):
                plain.append(Layer(op, layer, norm))
    return plain


_FORWARDS = (nn.Conv1d.forward, nn.Conv2d.forward, nn.Linear.forward)


def _read(traced: TracedModel, op: Op) -> set[str]:
    """Names of the parameters and buffers an operator is made from."""
    return {piece.name for tensor in op.inputs for piece in traced.slices.get(tensor, ())}


Pair = tuple[int, int]


def _geometry(module: nn.Conv1d | nn.Conv2d) -> tuple[Pair, Pair, Pair, Pair]:
    """Kernel, stride, dilation and padding, (height, width) each; a 1-d convolution has height 1."""

    def pair(values: Sequence[int], missing: int) -> Pair:
        return (missing, values[0]) if len(values) == 1 else (values[0], values[1])

    assert not isinstance(module.padding, str)
    return pair(module.kernel_size, 1), pair(module.stride, 1), pair(module.dilation, 1), pair(module.padding, 0)


def positions_of(layer: Layer, inputs: Tensor) -> Pair:
    """Height and width of the layer's output for these inputs; (1, 1) behind a linear layer on vectors."""
    if isinstance(layer.module, nn.Linear):
        return 1, inputs[0].numel() // inputs.shape[-1]
    shape = inputs.shape[2:] if inputs.dim() == 4 else (1, inputs.shape[2])
    height, width = (
        (n + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
        for n, kernel, stride, dilation, pad in zip(shape, *_geometry(layer.module), strict=True)
    )
    return height, width


def patches(layer: Layer, inputs: Tensor, picked: Tensor) -> Tensor:
    """(groups, samples * picked, features): what the layer multiplies its weights with at some output positions.

    Args:
        inputs: (B, C, H, W), (B, C, T) or (B, ..., I) as the layer reads them.
        picked: (P,) int64 indices of output positions, row by row.
    """
    if isinstance(layer.module, nn.Linear):
        return inputs.reshape(len(inputs), -1, inputs.shape[-1])[:, picked].reshape(1, -1, inputs.shape[-1])
    images = inputs if inputs.dim() == 4 else inputs[:, :, None]
    kernel, stride, dilation, pad = _geometry(layer.module)
    width = positions_of(layer, inputs)[1]
    padded = functional.pad(images, (pad[1], pad[1], pad[0], pad[0]))
    rows = (picked // width)[:, None] * stride[0] + torch.arange(kernel[0]) * dilation[0]
    columns = (picked % width)[:, None] * stride[1] + torch.arange(kernel[1]) * dilation[1]
    taken = padded[:, :, rows[:, :, None], columns[:, None, :]]  # (B, C, P, kh, kw)
    sections = taken.reshape(len(images), layer.groups, -1, *taken.shape[2:]).permute(1, 0, 3, 2, 4, 5)
    return sections.reshape(layer.groups, len(images) * len(picked), -1)


def outputs_at(tensor: Tensor, picked: Tensor, is_linear: bool) -> Tensor:
    """(samples * picked, channels) of an output (B, C, ...) or, behind a linear layer, (B, ..., C)."""
    rows = tensor.reshape(len(tensor), -1, tensor.shape[-1]) if is_linear else tensor.flatten(2).transpose(1, 2)
    return rows[:, picked].reshape(-1, rows.shape[2])


def picked_positions(count: int, wanted: int, generator: torch.Generator) -> Tensor:
    """At most `wanted` of `count` positions, without repetition."""
    return torch.randperm(count, generator=generator)[:wanted].sort().values
