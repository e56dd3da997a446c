"""Least squares: each layer of a thinned network re-solved so that it says again what the original's said there.

Layers are taken in execution order, each on what the layers before it, already re-solved, now hand over, and towards
the original's answers (Zhang et al., "Accelerating Very Deep Convolutional Networks", TPAMI 2016, arXiv:1505.06798, the
asymmetric form; He, Zhang, Sun, "Channel Pruning", ICCV 2017, arXiv:1707.06168). Two layers whose outputs are added are
solved together, so each makes good what the other lost; where a block's input is added, its loss is made good as well.
Behind a ReLU only what passes it counts: where the original says nothing, any negative value will do, which a few
repetitions with those targets moved to the present answer bring about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgeprune.errors import DataError
from edgeprune.ir import Activation, Op, OpKind
from edgeprune.prune.channels import ChannelGroups
from edgeprune.prune.keep import kept
from edgeprune.prune.layers import (
    MOST_NUMBERS,
    Layer,
    activation_of,
    outputs_at,
    patches,
    picked_positions,
    plain_layers,
    positions_of,
)
from edgeprune.prune.least_squares import fit_layers
from edgeprune.prune.partition import OUTPUT_AXIS

_BATCH = 256
_ROWS = 65_536  # equations a layer is solved from, at most
_MOST_NUMBERS = 1 << 26  # in them all: 256 MiB


@dataclass(frozen=True, eq=False)
class _Unit:
    """Layers solved together.

    Attributes:
        layers: their outputs are added.
        beside: an activation added to them that they cannot change: the layer that reads it, None without.
        target: the tensor their sum is.
        activation: behind the sum.
    """

    layers: tuple[str, ...]
    beside: str | None
    target: int
    activation: Activation


def reconstruct(
    thinned: nn.Module,
    original: nn.Module,
    groups: ChannelGroups,
    keep: Mapping[str, Sequence[int]],
    inputs: Tensor,
    rows: int = _ROWS,
) -> None:
    """Re-solves the plain layers of `thinned` that read at most 8,192 numbers at a time, in place.

    Nothing is trained, and no label is looked at.

    Args:
        thinned: `thin(original, groups, keep)`, in evaluation mode.
        original: the module the groups were found in.
        keep: as it was thinned.
        inputs: (N, ...) as the network sees them, never of validation or test.
        rows: equations a layer, spread evenly over samples and at random over positions.

    Raises:
        DataError: no inputs.
    """
    Reconstruction(original, groups, inputs, rows).apply(thinned, keep)


class Reconstruction:
    """`reconstruct` for many thinned forms of one original: what it says is looked up only once."""

    def __init__(self, original: nn.Module, groups: ChannelGroups, inputs: Tensor, rows: int = _ROWS):
        if len(inputs) == 0:
            raise DataError("no samples to reconstruct layers from", hint="give at least a few hundred")
        self._original = original, {layer.op.name: layer for layer in plain_layers(original, groups.traced)}
        self._groups = groups
        self._inputs = inputs
        self._rows = rows
        small = {name: layer for name, layer in self._original[1].items() if _numbers([layer]) <= MOST_NUMBERS}
        self._units = _units(groups, small)
        self._wishes: dict[int, _Wish] = {}
        self._order = {op.name: number for number, op in enumerate(groups.traced.graph.ops) if op.kind in OUTPUT_AXIS}

    def apply(self, thinned: nn.Module, keep: Mapping[str, Sequence[int]]) -> None:
        """As `reconstruct`."""
        staying = kept(self._groups, keep)
        layers = {layer.op.name: layer for layer in plain_layers(thinned, self._groups.traced)}
        for unit in self._units:
            wish = self._wish(unit)
            rows = wish.rows
            if unit.target in self._groups.activations:
                rows = rows[:, torch.from_numpy(staying.along(self._groups.activations[unit.target][1]))]
            _solve(unit, (thinned, layers), self._inputs, rows, wish.picked)

    def apply_without(self, shallow: nn.Module, groups: ChannelGroups) -> None:
        """The same for a form of the original that lacks layers and has all channels.

        What is solved together there says what the original's sum was in which these layers took part: where a branch
        is gone, the rest of the sum speaks for it too.

        Args:
            shallow: `blocks.without(original, ...)`, in evaluation mode.
            groups: its own.
        """
        layers = {layer.op.name: layer for layer in plain_layers(shallow, groups.traced)}
        small = {name: layer for name, layer in layers.items() if _numbers([layer]) <= MOST_NUMBERS}
        first_gone = next((name for name in self._order if name not in {op.name for op in groups.traced.graph.ops}), "")
        for unit in _units(groups, small):
            wished = [known for known in self._units if set(unit.layers) <= set(known.layers)]
            if wished and any(self._order[name] > self._order.get(first_gone, -1) for name in unit.layers):
                wish = self._wish(wished[0])
                _solve(unit, (shallow, layers), self._inputs, wish.rows, wish.picked)

    def _wish(self, unit: _Unit) -> _Wish:
        if unit.target not in self._wishes:
            self._wishes[unit.target] = self._found_wish(unit)
        return self._wishes[unit.target]

    def _found_wish(self, unit: _Unit) -> _Wish:
        layers = [self._original[1][name] for name in unit.layers]
        layer = layers[0]
        positions = max(1, min(self._rows, _MOST_NUMBERS // _numbers(layers)) // len(self._inputs))
        generator = torch.Generator().manual_seed(unit.target)
        rows: list[Tensor] = []
        picks: list[Tensor] = []
        for batch in torch.split(self._inputs, _BATCH):
            seen = _seen(self._original, unit.layers[:1], unit.layers, unit.beside, batch)
            height, width = positions_of(layer, seen.heard[0])
            picked = picked_positions(height * width, positions, generator)
            is_linear = isinstance(layer.module, nn.Linear)
            rows.append(
                sum((outputs_at(said, picked, is_linear) for said in [*seen.said, *seen.beside]), torch.zeros(()))
            )
            picks.append(picked)
        return _Wish(torch.cat(rows), picks)


def _numbers(layers: Sequence[Layer]) -> int:
    """How many all of them read for one output position."""
    return sum(layer.weight_rows().shape[1] * layer.groups for layer in layers)


@dataclass(frozen=True, eq=False)
class _Wish:
    """rows: (equations, outputs) the original's sums; picked: per batch the positions they stand at."""

    rows: Tensor
    picked: list[Tensor]


def _units(groups: ChannelGroups, layers: Mapping[str, Layer]) -> list[_Unit]:
    graph = groups.traced.graph
    readers = {layer.op.inputs[0]: name for name, layer in layers.items()}
    by_sum: dict[int, list[str]] = {}
    found: list[tuple[int, _Unit]] = []
    position = {op.name: number for number, op in enumerate(graph.ops)}
    for name, layer in layers.items():
        adds = _only_addition(groups, layer.op)
        if adds is not None:
            by_sum.setdefault(position[adds.name], []).append(name)
        else:
            unit = _Unit((name,), None, layer.op.outputs[0], activation_of(layer.op))
            found.append((position[name], unit))
    for number, names in by_sum.items():
        add = graph.ops[number]
        made = {layers[name].op.outputs[0] for name in names}
        others = [tensor for tensor in add.inputs if tensor not in made]
        if all(tensor in readers for tensor in others) and all(layers[name].groups == 1 for name in names):
            beside = readers[others[0]] if others else None
            unit = _Unit(tuple(names), beside, add.outputs[0], activation_of(add))
            found.append((max(position[name] for name in names), unit))
        else:
            found += [(position[n], _Unit((n,), None, layers[n].op.outputs[0], Activation.NONE)) for n in names]
    return [unit for _, unit in sorted(found, key=lambda pair: pair[0])]


def _only_addition(groups: ChannelGroups, op: Op) -> Op | None:
    """The addition of equal shapes that alone hears an operator without activation."""
    graph = groups.traced.graph
    heard_by = graph.consumers.get(op.outputs[0], ())
    if activation_of(op) is not Activation.NONE or len(heard_by) != 1 or op.outputs[0] in graph.outputs:
        return None
    add = graph.ops[heard_by[0]]
    shapes = {graph.tensors[tensor].shape for tensor in add.inputs}
    return add if add.kind is OpKind.ADD and len(shapes) == 1 and len(set(add.inputs)) == 2 else None


_Network = tuple[nn.Module, Mapping[str, Layer]]


class _Stop(Exception):
    """The rest of the forward pass is not needed."""


def _solve(unit: _Unit, thinned: _Network, inputs: Tensor, wished: Tensor, picks: Sequence[Tensor]) -> None:
    layers = [thinned[1][name] for name in unit.layers]
    is_linear = isinstance(layers[0].module, nn.Linear)
    features: list[list[Tensor]] = [[] for _ in layers]
    beside: list[Tensor] = []
    for batch, picked in zip(torch.split(inputs, _BATCH), picks, strict=True):
        now = _seen(thinned, unit.layers, (), unit.beside, batch)
        for store, layer, heard in zip(features, layers, now.heard, strict=True):
            store.append(patches(layer, heard, picked))
        beside += [outputs_at(said, picked, is_linear) for said in now.beside]
    fixed = torch.cat(beside) if beside else torch.zeros_like(wished)
    fit_layers(layers, [torch.cat(store, 1) for store in features], wished - fixed, fixed, unit.activation)


@dataclass(frozen=True, eq=False)
class _Seen:
    """Inputs and outputs of layers; `beside` holds one tensor or none."""

    heard: list[Tensor]
    said: list[Tensor]
    beside: list[Tensor]


def _seen(
    network: _Network, heard_by: Sequence[str], said_by: Sequence[str], beside: str | None, batch: Tensor
) -> _Seen:
    """Inputs of some layers, outputs of others (before the activation) and the input of the one that reads `beside`, in
    one forward pass that ends where all are known."""
    module, layers = network
    found: dict[str, Tensor] = {}
    wanted = len(heard_by) + len(said_by) + (beside is not None)

    def note(key: str, value: Tensor) -> None:
        found[key] = value.clone()
        if len(found) == wanted:
            raise _Stop

    def hearing(key: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _module, args: note(key, args[0])

    def saying(key: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda _module, _args, result: note(key, result)

    handles = [layers[name].module.register_forward_pre_hook(hearing(f"heard {name}")) for name in heard_by]
    handles += [layers[name].last.register_forward_hook(saying(f"said {name}")) for name in said_by]
    if beside is not None:
        handles.append(layers[beside].module.register_forward_pre_hook(hearing("beside")))
    try:
        with torch.no_grad():
            module(batch)
    except _Stop:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return _Seen(
        [found[f"heard {name}"] for name in heard_by],
        [found[f"said {name}"] for name in said_by],
        [found["beside"]] if beside is not None else [],
    )
