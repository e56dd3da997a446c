"""What criteria learn from data: gradients and activations, collected once for all groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor, nn

from edgeprune.errors import DataError, ModelError
from edgeprune.ir import Op, OpKind
from edgeprune.model.twin import twin
from edgeprune.prune.channels import ChannelGroups
from edgeprune.prune.homes import homes_of
from edgeprune.prune.partition import OUTPUT_AXIS

POSITIONS_PER_SAMPLE = 64  # of a feature map, evenly spaced: enough for statistics, little memory
SHAKING = 0.1

Batch = tuple[Tensor, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Samples to judge channels by; never those the result is judged by.

    Attributes:
        batches: gives the same (inputs, targets) batches each time it is called.
        loss: (outputs, targets) -> scalar.
    """

    batches: Callable[[], Iterable[Batch]]
    loss: Loss

    def shaken(self) -> Evidence:
        """The same samples with Gaussian noise of a tenth of each batch's deviation, the same every time."""

        def batches() -> Iterable[Batch]:
            generator = torch.Generator().manual_seed(0)
            for inputs, targets in self.batches():
                noise = torch.randn(inputs.shape, generator=generator)
                yield inputs + noise * inputs.std() * SHAKING, targets

        return Evidence(batches, self.loss)


def endless(evidence: Evidence) -> Iterator[Batch]:
    """Its batches again and again.

    Raises:
        DataError: there are none.
    """
    while True:
        count = 0
        for batch in evidence.batches():
            yield batch
            count += 1
        _some(count)


@dataclass(frozen=True, eq=False)
class Gradients:
    """Of the loss by every parameter: the mean over batches, and the mean of the squares."""

    mean: dict[str, Tensor]
    squared: dict[str, Tensor]


def gradients(module: nn.Module, evidence: Evidence) -> Gradients:
    """Gradients in eval mode, those of parameters with requires_grad=False too. The module is not changed.

    Raises:
        DataError: no batches, or a loss that is no number.
    """
    copy = _differentiable(module)
    parameters = dict(copy.named_parameters())
    mean = {name: torch.zeros_like(p) for name, p in parameters.items()}
    squared = {name: torch.zeros_like(p) for name, p in parameters.items()}
    count = 0
    for inputs, targets in evidence.batches():
        loss = finite_loss(evidence.loss(copy(inputs), targets))
        found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        for name, gradient in zip(parameters, found, strict=True):
            if gradient is not None:
                mean[name] += gradient
                squared[name] += gradient.square()
        count += 1
    _some(count)
    return Gradients({n: g / count for n, g in mean.items()}, {n: g / count for n, g in squared.items()})


@dataclass(frozen=True, eq=False)
class Heard:
    """What the layers behind a group hear, per group (channels, samples, positions).

    Gradients, where asked for, are of each sample's own loss; a batch's loss is taken to be the mean over its samples.
    """

    activations: dict[str, Tensor]
    gradients: dict[str, Tensor]


def activations(module: nn.Module, groups: ChannelGroups, evidence: Evidence, with_gradients: bool) -> Heard:
    """Feature maps as the next layers read them, in eval mode, several listeners side by side.

    Raises:
        DataError: no batches, or a loss that is no number.
        ModelError: a group whose weights are used without a torch layer around them.
    """
    copy = _differentiable(module)
    recorders = _listen(copy, groups)
    count = 0
    with torch.set_grad_enabled(with_gradients):
        for inputs, targets in evidence.batches():
            outputs = copy(inputs)
            if with_gradients:
                finite_loss(evidence.loss(outputs, targets)).backward()  # type: ignore[no-untyped-call]
            count += 1
    _some(count)
    found = {name: [recorder for recorder in recorders if recorder.group == name] for name in groups.by_name}
    silent = [name for name, listening in found.items() if not listening]
    if silent:
        raise ModelError(
            f"nothing that listens to {silent[0]} can be observed", "use torch layers, or another criterion"
        )
    return Heard(
        {name: torch.cat([one.joined(one.values) for one in listening], 2) for name, listening in found.items()},
        {name: torch.cat([one.joined(one.slopes) for one in listening], 2) for name, listening in found.items()}
        if with_gradients
        else {},
    )


class _Recorder:
    """Keeps one group's part of what one layer reads (or, for a network's outputs, makes)."""

    def __init__(self, group: str, indices: Tensor, channel_axis: int):
        self.group, self.indices, self.channel_axis = group, indices, channel_axis
        self.values: list[Tensor] = []
        self.slopes: list[Tensor] = []

    def note(self, tensor: Tensor) -> Tensor:
        """The same values under another name, so that the gradient that arrives is this listener's alone."""
        tensor = tensor.view_as(tensor)
        rows = self._rows(tensor.detach())
        self.values.append(rows)
        self.slopes.append(torch.zeros_like(rows))
        place = len(self.slopes) - 1

        def arrived(slope: Tensor) -> None:
            self.slopes[place] = self._rows(slope.detach()) * len(slope)

        if tensor.requires_grad:
            tensor.register_hook(arrived)  # type: ignore[no-untyped-call]
        return tensor

    def _rows(self, tensor: Tensor) -> Tensor:
        """(units, samples, positions)."""
        units, repeats = self.indices.shape
        flat = tensor.movedim(self.channel_axis, 1).flatten(2) if tensor.dim() > 2 else tensor[:, :, None]
        step = -(-flat.shape[2] // POSITIONS_PER_SAMPLE)
        picked = flat[:, :, ::step].index_select(1, self.indices.flatten())
        return picked.reshape(len(flat), units, repeats, -1).transpose(0, 1).flatten(2)

    def joined(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts, 1)


def _listen(module: nn.Module, groups: ChannelGroups) -> list[_Recorder]:
    recorders: list[_Recorder] = []
    homes = homes_of(module)
    graph, slices = groups.traced.graph, groups.traced.slices

    def attach(op: Op, tensor: int, before: bool) -> None:
        owner = homes[slices[op.inputs[1]][0].name][0][0]
        for name, indices in groups.units_in(tensor).items():
            recorder = _Recorder(name, torch.from_numpy(indices).long(), -1 if isinstance(owner, nn.Linear) else 1)
            recorders.append(recorder)
            if before:
                owner.register_forward_pre_hook(lambda _module, args, to=recorder: (to.note(args[0]), *args[1:]))
            else:
                owner.register_forward_hook(lambda _module, _args, result, to=recorder: to.note(result))

    layers = [op for op in graph.ops if op.kind in OUTPUT_AXIS]
    # Layers that mix channels, else those that filter each one, else the layers that make them.
    for op in layers:
        if op.kind is not OpKind.DEPTHWISE_CONV_2D:
            attach(op, op.inputs[0], before=True)
    for before in (True, False):
        heard = {recorder.group for recorder in recorders}
        for op in layers:
            tensor = op.inputs[0] if before else op.outputs[0]
            if not heard.issuperset(groups.units_in(tensor)):
                attach(op, tensor, before)
    return recorders


def finite_loss(loss: Tensor) -> Tensor:
    """The loss, if it is a number.

    Raises:
        DataError: it is not.
    """
    if not isfinite(loss.item()):
        raise DataError(f"the loss is {loss.item()}", "look for NaN or infinity in samples, targets and weights")
    return loss


def _differentiable(module: nn.Module) -> nn.Module:
    return twin(module, lambda tensor: tensor, requires_grad=True)


def _some(count: int) -> None:
    if count == 0:
        raise DataError("no samples to judge channels by", "give at least one batch")
