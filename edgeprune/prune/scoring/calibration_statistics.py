"""Gradients and activations over calibration samples, which criteria score by; collected once for all groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite

import torch
from torch import Tensor, nn

from edgeprune.errors import DataError, ModelError
from edgeprune.ir import Op
from edgeprune.model.twin import twin
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.scoring.layers import picked_positions

POSITIONS_PER_SAMPLE = 64  # of a feature map: enough for statistics, little memory
PERTURBATION = 0.1  # standard deviation of the noise, as a share of the batch's

Batch = tuple[Tensor, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class CalibrationData:
    """Samples and loss that criteria are computed on; never those the result is evaluated on.

    Attributes:
        batches: gives the same (inputs, targets) batches each time it is called.
        loss: (outputs, targets) -> scalar.
    """

    batches: Callable[[], Iterable[Batch]]
    loss: Loss

    def perturbed(self) -> CalibrationData:
        """The same samples with Gaussian noise of a tenth of each batch's deviation, the same every time."""

        def batches() -> Iterable[Batch]:
            generator = torch.Generator().manual_seed(0)
            for inputs, targets in self.batches():
                noise = torch.randn(inputs.shape, generator=generator)
                yield inputs + noise * inputs.std() * PERTURBATION, targets

        return CalibrationData(batches, self.loss)


def endless(calibration: CalibrationData) -> Iterator[Batch]:
    """Its batches, over and over.

    Raises:
        DataError: there are none.
    """
    while True:
        count = 0
        for batch in calibration.batches():
            yield batch
            count += 1
        require_non_empty(count)


@dataclass(frozen=True, eq=False)
class Gradients:
    """Of the loss by every parameter: the mean over batches, and the mean of the squares."""

    mean: dict[str, Tensor]
    squared: dict[str, Tensor]


def gradients(module: nn.Module, calibration: CalibrationData) -> Gradients:
    """Gradients in eval mode, those of parameters with requires_grad=False too. The module is not changed.

    Raises:
        DataError: no batches, or a loss that is not finite.
    """
    copy = _differentiable(module)
    parameters = dict(copy.named_parameters())
    mean = {name: torch.zeros_like(p) for name, p in parameters.items()}
    squared = {name: torch.zeros_like(p) for name, p in parameters.items()}
    count = 0
    for inputs, targets in calibration.batches():
        loss = finite_loss(calibration.loss(copy(inputs), targets))
        of_batch = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        for name, gradient in zip(parameters, of_batch, strict=True):
            if gradient is not None:
                mean[name] += gradient
                squared[name] += gradient.square()
        count += 1
    require_non_empty(count)
    return Gradients({n: g / count for n, g in mean.items()}, {n: g / count for n, g in squared.items()})


@dataclass(frozen=True, eq=False)
class Activations:
    """Input activations of the layers that read a group, per group (channels, samples, positions).

    Gradients, where requested, are of each sample's own loss; a batch's loss is taken to be the mean over its samples.
    """

    values: dict[str, Tensor]
    gradients: dict[str, Tensor]


def activations(
    module: nn.Module, groups: ChannelGroups, calibration: CalibrationData, with_gradients: bool
) -> Activations:
    """Feature maps as the next layers read them, in eval mode, several readers side by side.

    Raises:
        DataError: no batches, or a loss that is not finite.
        ModelError: a group whose weights are used without a torch layer around them.
    """
    copy = _differentiable(module)
    recorders = _record_inputs(copy, groups)
    count = 0
    with torch.set_grad_enabled(with_gradients):
        for inputs, targets in calibration.batches():
            outputs = copy(inputs)
            if with_gradients:
                finite_loss(calibration.loss(outputs, targets)).backward()  # type: ignore[no-untyped-call]
            count += 1
    require_non_empty(count)
    by_group = {name: [recorder for recorder in recorders if recorder.group == name] for name in groups.by_name}
    unread = [name for name, readers in by_group.items() if not readers]
    if unread:
        raise ModelError(f"no layer that reads {unread[0]} can be hooked", "use torch layers, or another criterion")
    values = {name: [one.joined(one.values, count) for one in readers] for name, readers in by_group.items()}
    arrived = {name: [one.joined(one.gradients, count) for one in readers] for name, readers in by_group.items()}
    return Activations(_side_by_side(values), _side_by_side(arrived) if with_gradients else {})


def _side_by_side(parts: Mapping[str, list[Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat(readers, 2) for name, readers in parts.items()}


@cache
def _places(count: int) -> Tensor:
    """The positions looked at in maps of so many: drawn, since every n-th would be one column of a map n wide."""
    return picked_positions(count, POSITIONS_PER_SAMPLE, torch.Generator().manual_seed(count))


class _Recorder:
    """Keeps one group's part of one layer's input (or, for a network's outputs, of its output)."""

    def __init__(self, group: str, indices: Tensor, channel_axis: int):
        self.group, self.indices, self.channel_axis = group, indices, channel_axis
        self.values: list[Tensor] = []
        self.gradients: list[Tensor] = []

    def note(self, tensor: Tensor) -> Tensor:
        """A view of the tensor, so that the gradient that arrives is this reader's alone."""
        tensor = tensor.view_as(tensor)
        rows = self._rows(tensor.detach())
        self.values.append(rows)
        self.gradients.append(torch.zeros_like(rows))
        place = len(self.gradients) - 1

        def arrived(gradient: Tensor) -> None:
            self.gradients[place] = self._rows(gradient.detach()) * len(gradient)

        if tensor.requires_grad:
            tensor.register_hook(arrived)  # type: ignore[no-untyped-call]
        return tensor

    def _rows(self, tensor: Tensor) -> Tensor:
        """(units, samples, positions)."""
        units, repeats = self.indices.shape
        flat = tensor.movedim(self.channel_axis, 1).flatten(2) if tensor.dim() > 2 else tensor[:, :, None]
        picked = flat[:, :, _places(flat.shape[2])].index_select(1, self.indices.flatten())
        return picked.reshape(len(flat), units, repeats, -1).transpose(0, 1).flatten(2)

    def joined(self, parts: list[Tensor], batches: int) -> Tensor:
        """All batches one after the other; a layer called several times a pass reads so many more positions."""
        calls = len(parts) // batches
        return torch.cat([torch.cat(parts[call::calls], 1) for call in range(calls)], 2)


def _record_inputs(module: nn.Module, groups: ChannelGroups) -> list[_Recorder]:
    recorders: list[_Recorder] = []
    graph, called = groups.traced.graph, groups.traced.called

    attached: set[tuple[str, str]] = set()

    def attach(op: Op, tensor: int, before: bool) -> None:
        layer = module.get_submodule(called[op.name])
        for name, indices in groups.units_in(tensor).items():
            if (called[op.name], name) in attached:
                continue  # a layer called several times, whose calls one recorder notes
            attached.add((called[op.name], name))
            recorder = _Recorder(name, torch.from_numpy(indices).long(), -1 if isinstance(layer, nn.Linear) else 1)
            recorders.append(recorder)
            if before:
                layer.register_forward_pre_hook(lambda _module, args, to=recorder: (to.note(args[0]), *args[1:]))
            else:
                layer.register_forward_hook(lambda _module, _args, result, to=recorder: to.note(result))

    layers = [op for op in graph.ops if op.name in called]
    # Layers that mix channels, else depthwise ones, else the layers that output them.
    for op in layers:
        if op.traits.mixes_channels:
            attach(op, op.inputs[0], before=True)
    for before in (True, False):
        recorded = {recorder.group for recorder in recorders}
        for op in layers:
            tensor = op.inputs[0] if before else op.outputs[0]
            if not recorded.issuperset(groups.units_in(tensor)):
                attach(op, tensor, before)
    return recorders


def finite_loss(loss: Tensor) -> Tensor:
    """The loss, if it is finite.

    Raises:
        DataError: it is NaN or infinite.
    """
    if not isfinite(loss.item()):
        raise DataError(f"the loss is {loss.item()}", "look for NaN or infinity in samples, targets and weights")
    return loss


def _differentiable(module: nn.Module) -> nn.Module:
    return twin(module, lambda tensor: tensor, requires_grad=True)


def require_non_empty(batch_count: int) -> None:
    """Raises DataError where there was no batch."""
    if batch_count == 0:
        raise DataError("no calibration samples", "give at least one batch")
