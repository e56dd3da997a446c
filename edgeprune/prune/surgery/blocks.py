"""Removable layers and blocks of a network, determined by trial: neither layer types nor forward() are inspected.

A block is removed in one of two ways, both leaving the user's own classes and code:

  bypassed         one that keeps its input's shape becomes `nn.Identity`
  dropped branch   a branch that ends in an addition adds nothing; the addition itself is gone

Layers that only fed a dropped branch no longer reach the output, and go with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.model.record import record
from edgeprune.model.recording import Call, Recording, Ref
from edgeprune.model.twin import copied, twin


@dataclass(frozen=True)
class Block:
    """A layer, block or branch that can be removed as a whole.

    Attributes:
        name: of its module, or its layer, or the first and the last of its layers.
        bypassed: modules that become `nn.Identity`.
        dropped_branch: the last module of a branch that adds nothing any more, if one.
        layers: the layers with weights that go.
    """

    name: str
    bypassed: tuple[str, ...]
    dropped_branch: str | None
    layers: tuple[str, ...]


class _Nothing:
    """The output of a dropped branch: its sum with another tensor is that tensor."""

    def __add__(self, other: Any) -> Any:
        return other

    __radd__ = __add__


class DroppedBranch(nn.Module):
    """Replaces the last module of a branch."""

    def forward(self, *_inputs: Any) -> _Nothing:
        return _Nothing()


def without(module: nn.Module, blocks: Sequence[Block]) -> nn.Module:
    """A copy of the module in evaluation mode without these blocks; the weights of the rest are the module's."""
    result = copied(module).eval()
    for block in blocks:
        _remove(result, block)
    return result


def find_blocks(module: nn.Module, input_shape: Sequence[int]) -> list[Block]:
    """All single layers, blocks and branches without which the network's output keeps its shape.

    A layer goes with the normalization and activation modules right behind it. Blocks may overlap, and two may remove
    the same layers in different ways: what each removal costs has to be measured.

    Args:
        module: any network with one input; not changed.
        input_shape: of one sample, as torch has it.

    Returns:
        Blocks in execution order, inner before outer, each of at least one layer with weights, and none of all layers.
    """
    skeleton = twin(module, lambda tensor: torch.empty_like(tensor, device="meta"))
    whole = _Whole(skeleton, (1, *input_shape))
    blocks: dict[tuple[tuple[str, ...], bool], Block] = {}
    for tried in _tries(_calls(skeleton, (1, *input_shape)), whole.layers):
        block = whole.proved(tried)
        if block is not None:
            blocks[block.layers, block.dropped_branch is None] = block  # of nested ones the outermost
    return list(blocks.values())


class _Whole:
    """The unchanged network, to run it without a block."""

    def __init__(self, skeleton: nn.Module, input_shape: tuple[int, ...]):
        self._skeleton = skeleton
        self._input_shape = input_shape
        recording = record(skeleton, [input_shape])
        self._output_shapes = [recording.shapes[value] for value in recording.outputs]
        self._owners = _reaching(recording)
        self.layers = tuple(owner for owner in self._owners if self._has_weights(owner))

    def proved(self, block: Block) -> Block | None:
        """The block with the layers that go with it, if the network runs without them and keeps some."""
        left = self._left_without(block)
        if left is None or not any(layer in left for layer in self.layers):
            return None
        gone = tuple(layer for layer in self.layers if layer not in left)
        if not gone:
            return None
        own = (*block.bypassed, *([] if block.dropped_branch is None else [block.dropped_branch]))
        unread = tuple(
            owner for owner in self._owners if owner not in left and not any(_within(owner, path) for path in own)
        )
        whole = replace(block, bypassed=(*block.bypassed, *unread), layers=gone)
        if block.dropped_branch is not None:
            whole = replace(whole, name=" to ".join((gone[0], gone[-1])) if len(gone) > 1 else gone[0])
        return whole if not unread or self._left_without(whole) == left else None

    def _has_weights(self, path: str) -> bool:
        return any(parameter.dim() > 1 for parameter in self._skeleton.get_submodule(path).parameters(recurse=False))

    def _left_without(self, block: Block) -> tuple[str, ...] | None:
        """Owners of parameters that still reach the output; None where there is no output of the same shape."""
        try:
            recording = record(without(self._skeleton, [block]), [self._input_shape])
        except ModelError:  # the user's forward() needs it
            return None
        same = [recording.shapes[value] for value in recording.outputs] == self._output_shapes
        return _reaching(recording) if same else None


def _reaching(recording: Recording) -> tuple[str, ...]:
    """Owners of parameters and buffers that the output depends on, in execution order."""
    needed = set(recording.outputs)
    owners: list[str] = []
    for call in reversed(recording.calls):
        if needed.intersection(call.outputs):
            read = set(_read(call))
            needed |= read
            owners += [recording.parameters[value].rpartition(".")[0] for value in read & recording.parameters.keys()]
    return tuple(dict.fromkeys(reversed(owners)))


def _read(call: Call) -> Iterator[int]:
    pending = list(call.args.values())
    while pending:
        argument = pending.pop()
        if isinstance(argument, Ref):
            yield argument.value
        elif isinstance(argument, tuple):
            pending += argument


@dataclass(frozen=True, eq=False)
class _Called:
    """A module's only call: one tensor in, one out."""

    path: str
    input: Tensor
    output: Tensor

    @property
    def keeps_shape(self) -> bool:
        return self.input.shape == self.output.shape


def _calls(skeleton: nn.Module, input_shape: tuple[int, ...]) -> list[_Called]:
    """Modules called once, in the order their calls end: inner before outer."""
    seen: dict[str, list[_Called | None]] = {}

    def noting(path: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def note(_child: nn.Module, given: tuple[Any, ...], output: Any) -> None:
            plain = len(given) == 1 and isinstance(given[0], Tensor) and isinstance(output, Tensor)
            seen.setdefault(path, []).append(_Called(path, given[0], output) if plain else None)

        return note

    handles = [child.register_forward_hook(noting(path)) for path, child in skeleton.named_modules() if path]
    try:
        with torch.no_grad(), torch.device("meta"):
            skeleton(torch.empty(input_shape))
    finally:
        for handle in handles:
            handle.remove()
    return [calls[0] for calls in seen.values() if len(calls) == 1 and calls[0] is not None]


def _tries(calls: Sequence[_Called], layers: Sequence[str]) -> Iterator[Block]:
    """Candidates not yet known to work; blocks still without their layers."""
    for call in calls:
        if any(_within(layer, call.path) for layer in layers):
            followers = _followers(calls, call, layers) if call.path in layers else ()
            if call.keeps_shape:
                yield Block(call.path, (call.path, *followers), None, ())
            end = followers[-1] if followers else call.path
            output = next(other.output for other in calls if other.path == end)
            if not any(other.input is output for other in calls):  # only an addition can read a dropped branch
                yield Block(call.path, (), end, ())


def _followers(calls: Sequence[_Called], call: _Called, layers: Sequence[str]) -> tuple[str, ...]:
    """The modules without layers that read a layer's output one after the other and keep its shape."""
    followers: list[str] = []
    last = call
    while True:
        readers = [other for other in calls if other.input is last.output and other.path not in (call.path, *followers)]
        if len(readers) != 1 or not readers[0].keeps_shape or any(_within(one, readers[0].path) for one in layers):
            return tuple(followers)
        last = readers[0]
        followers.append(last.path)


def _within(layer: str, path: str) -> bool:
    return layer == path or layer.startswith(f"{path}.")


def _remove(module: nn.Module, block: Block) -> None:
    for path in block.bypassed:
        _put(module, path, nn.Identity())
    if block.dropped_branch is not None:
        _put(module, block.dropped_branch, DroppedBranch())


def _put(module: nn.Module, path: str, child: nn.Module) -> None:
    parent, _, leaf = path.rpartition(".")
    setattr(module.get_submodule(parent), leaf, child)
