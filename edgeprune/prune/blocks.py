"""Layers and blocks that a network can do without, found by trying: no layer type and no forward() is known here.

A block goes in one of two ways, both leaving the user's own classes and code:

  passed over   one that keeps its input's shape hands its input on (`nn.Identity`)
  silenced      a branch that ends in an addition adds nothing; the addition itself is gone

What only fed a silenced branch no longer reaches the answer, and goes with it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.model.record import Call, Recording, Ref, record
from edgeprune.model.twin import twin


@dataclass(frozen=True)
class Block:
    """Something that can be removed as a whole.

    Attributes:
        name: of its module, or its layer, or the first and the last of its layers.
        passed_over: modules that become `nn.Identity`.
        silenced: the module that adds nothing any more, if one.
        layers: the layers with weights that go.
    """

    name: str
    passed_over: tuple[str, ...]
    silenced: str | None
    layers: tuple[str, ...]


class _Nothing:
    """What a silenced branch hands to its addition: the other side is the sum."""

    def __add__(self, other: Any) -> Any:
        return other

    __radd__ = __add__


class Silenced(nn.Module):
    """Stands where a branch ended."""

    def forward(self, *_inputs: Any) -> _Nothing:
        return _Nothing()


def without(module: nn.Module, blocks: Sequence[Block]) -> nn.Module:
    """A copy of the module in evaluation mode without these blocks; the weights of the rest are the module's."""
    result = copy.deepcopy(module).eval()
    for block in blocks:
        _remove(result, block)
    return result


def find_blocks(module: nn.Module, input_shape: Sequence[int]) -> list[Block]:
    """All single layers, blocks and branches without which the network still answers in the same shape.

    A layer goes with the normalization and activation modules right behind it. Blocks may overlap, and two may remove
    the same layers in different ways: what each costs has to be measured.

    Args:
        module: any network with one input; not changed.
        input_shape: of one sample, as torch has it.

    Returns:
        Blocks in execution order, inner before outer, each of at least one layer with weights, and none of all layers.
    """
    skeleton = twin(module, lambda tensor: torch.empty_like(tensor, device="meta"))
    whole = _Whole(skeleton, (1, *input_shape))
    found: dict[tuple[tuple[str, ...], bool], Block] = {}
    for tried in _tries(_calls(skeleton, (1, *input_shape)), whole.layers):
        block = whole.proved(tried)
        if block is not None:
            found[block.layers, block.silenced is None] = block  # of nested ones the outermost
    return list(found.values())


class _Whole:
    """The network as it is, to try it without a block."""

    def __init__(self, skeleton: nn.Module, input_shape: tuple[int, ...]):
        self._skeleton = skeleton
        self._input_shape = input_shape
        recording = record(skeleton, [input_shape])
        self._answers = [recording.shapes[value] for value in recording.outputs]
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
        own = (*block.passed_over, *([] if block.silenced is None else [block.silenced]))
        unheard = tuple(
            owner for owner in self._owners if owner not in left and not any(_within(owner, path) for path in own)
        )
        found = replace(block, passed_over=(*block.passed_over, *unheard), layers=gone)
        if block.silenced is not None:
            found = replace(found, name=" to ".join((gone[0], gone[-1])) if len(gone) > 1 else gone[0])
        return found if not unheard or self._left_without(found) == left else None

    def _has_weights(self, path: str) -> bool:
        return any(parameter.dim() > 1 for parameter in self._skeleton.get_submodule(path).parameters(recurse=False))

    def _left_without(self, block: Block) -> tuple[str, ...] | None:
        """Owners of parameters that still reach the answer; None where there is no answer of the same shape."""
        try:
            recording = record(without(self._skeleton, [block]), [self._input_shape])
        except ModelError:  # the user's forward() needs it
            return None
        same = [recording.shapes[value] for value in recording.outputs] == self._answers
        return _reaching(recording) if same else None


def _reaching(recording: Recording) -> tuple[str, ...]:
    """Owners of parameters and buffers that the answer depends on, in execution order."""
    needed = set(recording.outputs)
    found: list[str] = []
    for call in reversed(recording.calls):
        if needed.intersection(call.outputs):
            read = set(_read(call))
            needed |= read
            found += [recording.parameters[value].rpartition(".")[0] for value in read & recording.parameters.keys()]
    return tuple(dict.fromkeys(reversed(found)))


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
    heard: Tensor
    said: Tensor

    @property
    def keeps_shape(self) -> bool:
        return self.heard.shape == self.said.shape


def _calls(skeleton: nn.Module, input_shape: tuple[int, ...]) -> list[_Called]:
    """Modules called once, in the order their calls end: inner before outer."""
    seen: dict[str, list[_Called | None]] = {}

    def noting(path: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def note(_child: nn.Module, given: tuple[Any, ...], said: Any) -> None:
            plain = len(given) == 1 and isinstance(given[0], Tensor) and isinstance(said, Tensor)
            seen.setdefault(path, []).append(_Called(path, given[0], said) if plain else None)

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
    """What might go, not yet known to work; blocks still without their layers."""
    for call in calls:
        if any(_within(layer, call.path) for layer in layers):
            followers = _followers(calls, call, layers) if call.path in layers else ()
            if call.keeps_shape:
                yield Block(call.path, (call.path, *followers), None, ())
            end = followers[-1] if followers else call.path
            said = next(other.said for other in calls if other.path == end)
            if not any(other.heard is said for other in calls):  # a module cannot hear nothing
                yield Block(call.path, (), end, ())


def _followers(calls: Sequence[_Called], call: _Called, layers: Sequence[str]) -> tuple[str, ...]:
    """The modules without layers that hear a layer's answer one after the other and keep its shape."""
    found: list[str] = []
    last = call
    while True:
        hearing = [other for other in calls if other.heard is last.said and other.path not in (call.path, *found)]
        if len(hearing) != 1 or not hearing[0].keeps_shape or any(_within(one, hearing[0].path) for one in layers):
            return tuple(found)
        last = hearing[0]
        found.append(last.path)


def _within(layer: str, path: str) -> bool:
    return layer == path or layer.startswith(f"{path}.")


def _remove(module: nn.Module, block: Block) -> None:
    for path in block.passed_over:
        _put(module, path, nn.Identity())
    if block.silenced is not None:
        _put(module, block.silenced, Silenced())


def _put(module: nn.Module, path: str, child: nn.Module) -> None:
    parent, _, leaf = path.rpartition(".")
    setattr(module.get_submodule(parent), leaf, child)
