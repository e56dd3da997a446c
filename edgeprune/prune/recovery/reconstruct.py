"""Least squares: each layer of a thinned network re-solved to reproduce the original's outputs there.

Layers are taken in execution order, each on the present outputs of the layers before it, already re-solved, and towards
the original's outputs (Zhang et al., "Accelerating Very Deep Convolutional Networks", TPAMI 2016, arXiv:1505.06798, the
asymmetric form; He, Zhang, Sun, "Channel Pruning", ICCV 2017, arXiv:1707.06168). Two layers whose outputs are added are
solved together, so each compensates for what the other lost; where a block's input is added, its loss is compensated as
well. Behind a ReLU only positive values count: where the original outputs zero, any negative value will do, which a few
repetitions with those targets moved to the present output bring about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgeprune.errors import DataError
from edgeprune.ir import Activation, Op, OpKind
from edgeprune.prune.coupling.channels import ChannelGroups, Role
from edgeprune.prune.recovery.least_squares import fit_layers
from edgeprune.prune.scoring.layers import (
    MAX_FEATURES,
    Layer,
    outputs_at,
    patches,
    picked_positions,
    plain_layers,
    positions_of,
)
from edgeprune.prune.surgery.keep import kept

_BATCH = 256
_ROWS = 65_536  # equations a layer is solved from, at most
_MAX_VALUES = 1 << 26  # in all equations: 256 MiB


@dataclass(frozen=True, eq=False)
class _Sum:
    """Layers solved together.

    Attributes:
        layers: their outputs are added.
        beside: reader of an activation that is added to them and that they cannot change, None without.
        tensor: their sum.
        activation: applied to the sum.
    """

    layers: tuple[str, ...]
    beside: str | None
    tensor: int
    activation: Activation


def reconstruct(
    thinned: nn.Module,
    original: nn.Module,
    groups: ChannelGroups,
    keep: Mapping[str, Sequence[int]],
    inputs: Tensor,
    rows: int = _ROWS,
) -> None:
    """Re-solves the plain layers of `thinned` of at most 8,192 input features, in place.

    Nothing is trained, and no label is read.

    Args:
        thinned: `thin(original, groups, keep)`, in evaluation mode.
        original: the module the groups were found in.
        keep: as it was thinned.
        inputs: (N, ...) as the network reads them, never of validation or test.
        rows: equations a layer, spread evenly over samples and at random over positions.

    Raises:
        DataError: no inputs.
    """
    Reconstruction(original, groups, inputs, rows).apply(thinned, keep)


class Reconstruction:
    """`reconstruct` for many thinned forms of one original: its outputs are recorded only once."""

    def __init__(self, original: nn.Module, groups: ChannelGroups, inputs: Tensor, rows: int = _ROWS):
        if len(inputs) == 0:
            raise DataError("no samples to reconstruct layers from", hint="give at least a few hundred")
        self._original = original, {layer.op.name: layer for layer in plain_layers(original, groups.traced)}
        self._groups = groups
        self._inputs = inputs
        self._rows = rows
        small = {name: layer for name, layer in self._original[1].items() if _features([layer]) <= MAX_FEATURES}
        self._sums = _sums(groups, small)
        self._targets: dict[int, _Target] = {}
        self._order = {op.name: number for number, op in enumerate(groups.traced.graph.ops) if op.traits.has_weights}

    def apply(self, thinned: nn.Module, keep: Mapping[str, Sequence[int]]) -> None:
        """As `reconstruct`."""
        self._apply(self._sums, thinned, keep)

    def apply_to_readers(self, thinned: nn.Module, keep: Mapping[str, Sequence[int]]) -> None:
        """The same for the layers alone that read what went: most of what can be made up for, and soon done."""
        called, groups = self._groups.traced.called, self._groups.by_name
        read = {piece.parameter for name in keep for piece in groups[name].slices if piece.role is Role.READS}
        readers = [
            one for one in self._sums if any(f"{called[name]}.weight" in read for name in one.layers if name in called)
        ]
        self._apply(readers, thinned, keep)

    def _apply(self, sums: Sequence[_Sum], thinned: nn.Module, keep: Mapping[str, Sequence[int]]) -> None:
        staying = kept(self._groups, keep)
        layers = {layer.op.name: layer for layer in plain_layers(thinned, self._groups.traced)}
        for one in sums:
            target = self._target(one)
            rows = target.rows
            if one.tensor in self._groups.activations:
                rows = rows[:, torch.from_numpy(staying.along(self._groups.activations[one.tensor][1]))]
            _solve(one, (thinned, layers), self._inputs, rows, target.picked)

    def apply_without(self, shallow: nn.Module, groups: ChannelGroups) -> None:
        """The same for a form of the original that lacks layers and has all channels.

        Layers solved together there are fitted to the original's sum that they took part in: where a branch is gone,
        the rest of the sum stands in for it.

        Args:
            shallow: `blocks.without(original, ...)`, in evaluation mode.
            groups: its own.
        """
        layers = {layer.op.name: layer for layer in plain_layers(shallow, groups.traced)}
        small = {name: layer for name, layer in layers.items() if _features([layer]) <= MAX_FEATURES}
        first_gone = next((name for name in self._order if name not in {op.name for op in groups.traced.graph.ops}), "")
        for one in _sums(groups, small):
            containing = [known for known in self._sums if set(one.layers) <= set(known.layers)]
            if containing and any(self._order[name] > self._order.get(first_gone, -1) for name in one.layers):
                target = self._target(containing[0])
                _solve(one, (shallow, layers), self._inputs, target.rows, target.picked)

    def _target(self, one: _Sum) -> _Target:
        if one.tensor not in self._targets:
            self._targets[one.tensor] = self._recorded_target(one)
        return self._targets[one.tensor]

    def _recorded_target(self, one: _Sum) -> _Target:
        layers = [self._original[1][name] for name in one.layers]
        layer = layers[0]
        positions = max(1, min(self._rows, _MAX_VALUES // _features(layers)) // len(self._inputs))
        generator = torch.Generator().manual_seed(one.tensor)
        rows: list[Tensor] = []
        picks: list[Tensor] = []
        for batch in torch.split(self._inputs, _BATCH):
            seen = _recorded(self._original, one.layers[:1], one.layers, one.beside, batch)
            height, width = positions_of(layer, seen.inputs[0])
            picked = picked_positions(height * width, positions, generator)
            is_linear = isinstance(layer.module, nn.Linear)
            rows.append(
                sum((outputs_at(out, picked, is_linear) for out in [*seen.outputs, *seen.beside]), torch.zeros(()))
            )
            picks.append(picked)
        return _Target(torch.cat(rows), picks)


def _features(layers: Sequence[Layer]) -> int:
    """How many all of them read for one output position."""
    return sum(layer.weight_rows().shape[1] * layer.groups for layer in layers)


@dataclass(frozen=True, eq=False)
class _Target:
    """rows: (equations, outputs) of the original's sums; picked: per batch the positions they were taken at."""

    rows: Tensor
    picked: list[Tensor]


def _sums(groups: ChannelGroups, layers: Mapping[str, Layer]) -> list[_Sum]:
    graph = groups.traced.graph
    readers = {layer.op.inputs[0]: name for name, layer in layers.items()}
    by_sum: dict[int, list[str]] = {}
    placed: list[tuple[int, _Sum]] = []
    position = {op.name: number for number, op in enumerate(graph.ops)}
    for name, layer in layers.items():
        adds = _only_addition(groups, layer.op)
        if adds is not None:
            by_sum.setdefault(position[adds.name], []).append(name)
        else:
            alone = _Sum((name,), None, layer.op.outputs[0], layer.op.activation)
            placed.append((position[name], alone))
    for number, names in by_sum.items():
        add = graph.ops[number]
        made = {layers[name].op.outputs[0] for name in names}
        others = [tensor for tensor in add.inputs if tensor not in made]
        if all(tensor in readers for tensor in others) and all(layers[name].groups == 1 for name in names):
            beside = readers[others[0]] if others else None
            together = _Sum(tuple(names), beside, add.outputs[0], add.activation)
            placed.append((max(position[name] for name in names), together))
        else:
            placed += [(position[n], _Sum((n,), None, layers[n].op.outputs[0], Activation.NONE)) for n in names]
    return [one for _, one in sorted(placed, key=lambda pair: pair[0])]


def _only_addition(groups: ChannelGroups, op: Op) -> Op | None:
    """The addition of equal shapes that is the only reader of an operator without activation."""
    graph = groups.traced.graph
    readers = graph.consumers.get(op.outputs[0], ())
    if op.activation is not Activation.NONE or len(readers) != 1 or op.outputs[0] in graph.outputs:
        return None
    add = graph.ops[readers[0]]
    shapes = {graph.tensors[tensor].shape for tensor in add.inputs}
    return add if add.kind is OpKind.ADD and len(shapes) == 1 and len(set(add.inputs)) == 2 else None


_Network = tuple[nn.Module, Mapping[str, Layer]]


class _Stop(Exception):
    """The rest of the forward pass is not needed."""


def _solve(one: _Sum, thinned: _Network, inputs: Tensor, target: Tensor, picks: Sequence[Tensor]) -> None:
    layers = [thinned[1][name] for name in one.layers]
    is_linear = isinstance(layers[0].module, nn.Linear)
    features: list[list[Tensor]] = [[] for _ in layers]
    beside: list[Tensor] = []
    for batch, picked in zip(torch.split(inputs, _BATCH), picks, strict=True):
        now = _recorded(thinned, one.layers, (), one.beside, batch)
        for store, layer, read in zip(features, layers, now.inputs, strict=True):
            store.append(patches(layer, read, picked))
        beside += [outputs_at(out, picked, is_linear) for out in now.beside]
    fixed = torch.cat(beside) if beside else torch.zeros_like(target)
    fit_layers(layers, [torch.cat(store, 1) for store in features], target - fixed, fixed, one.activation)


@dataclass(frozen=True, eq=False)
class _Recorded:
    """Inputs and outputs of layers; `beside` holds one tensor or none."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    beside: list[Tensor]


def _recorded(
    network: _Network, inputs_of: Sequence[str], outputs_of: Sequence[str], beside: str | None, batch: Tensor
) -> _Recorded:
    """Inputs of some layers, outputs of others (before the activation) and the input of the one that reads `beside`, in
    one forward pass that ends once all are recorded."""
    module, layers = network
    tensors: dict[str, Tensor] = {}
    wanted = len(inputs_of) + len(outputs_of) + (beside is not None)

    def note(key: str, value: Tensor) -> None:
        tensors[key] = value.clone()
        if len(tensors) == wanted:
            raise _Stop

    def note_input(key: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _module, args: note(key, args[0])

    def note_output(key: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda _module, _args, result: note(key, result)

    handles = [layers[name].module.register_forward_pre_hook(note_input(f"input {name}")) for name in inputs_of]
    handles += [layers[name].last.register_forward_hook(note_output(f"output {name}")) for name in outputs_of]
    if beside is not None:
        handles.append(layers[beside].module.register_forward_pre_hook(note_input("beside")))
    try:
        with torch.no_grad():
            module(batch)
    except _Stop:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return _Recorded(
        [tensors[f"input {name}"] for name in inputs_of],
        [tensors[f"output {name}"] for name in outputs_of],
        [tensors["beside"]] if beside is not None else [],
    )
