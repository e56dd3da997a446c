"""Several inputs, laid end to end in one tensor of samples.

From a project's data to a device's console one tensor holds the samples. A network of several inputs carries an
`Inputs` as its forward pre-hook, which takes such a tensor apart: its layers and parameters keep their names, and
calls as its user writes them pass by. Each input lies as in the exported file, channels last.
"""

from __future__ import annotations

import copy
import inspect
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError

Shape = tuple[int, ...]
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (*_POSITIONAL, inspect.Parameter.KEYWORD_ONLY)


class Taken(StrEnum):
    """How forward() takes its inputs."""

    ARGUMENTS = "arguments"
    MAPPING = "mapping"  # one argument, a dict of them
    SEQUENCE = "sequence"  # one argument, a tuple of them


@dataclass(frozen=True)
class Inputs:
    """The inputs of a network, in the order of the exported file's.

    Attributes:
        names: parameters of forward(), or keys of the mapping it takes.
        shapes: of one sample each, as torch has it: (C, H, W), (C, T) or (F,).
    """

    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    taken: Taken

    @property
    def sizes(self) -> list[int]:
        """Values of a sample, by input."""
        return [prod(shape) for shape in self.shapes]

    @property
    def packed_shape(self) -> tuple[int]:
        """Of one sample with all of them end to end."""
        return (sum(self.sizes),)

    def stated(self) -> dict[str, Shape] | list[Shape]:
        """As `with_inputs` takes them."""
        if self.taken is Taken.SEQUENCE:
            return list(self.shapes)
        return dict(zip(self.names, self.shapes, strict=True))

    def packed(self, parts: Sequence[Tensor]) -> Tensor:
        """(N, ...) of each input, channels first -> (N, values) float32."""
        return torch.cat([part.float().movedim(1, -1).flatten(1) for part in parts], dim=1)

    def parts_of(self, packed: Tensor) -> list[Tensor]:
        """(N, values) -> (N, ...) of each input, channels first."""
        ends = [0]
        for size in self.sizes:
            ends.append(ends[-1] + size)
        pieces = (packed[:, start:end] for start, end in pairwise(ends))
        return [
            piece.reshape(len(packed), *shape[1:], shape[0]).movedim(-1, 1).contiguous()
            for piece, shape in zip(pieces, self.shapes, strict=True)
        ]

    def call_with(self, parts: Sequence[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments and keyword arguments of forward()."""
        if self.taken is Taken.SEQUENCE:
            return (tuple(parts),), {}
        named = dict(zip(self.names, parts, strict=True))
        return ((named,), {}) if self.taken is Taken.MAPPING else ((), named)

    def __call__(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The pre-hook."""
        if kwargs or len(args) != 1 or not isinstance(args[0], Tensor):
            return None
        is_packed = args[0].ndim == 2 and tuple(args[0].shape[1:]) == self.packed_shape
        return self.call_with(self.parts_of(args[0])) if is_packed else None


def inputs_of(module: nn.Module) -> Inputs | None:
    """What the module takes apart; None of a network of one input."""
    return next((hook for hook in module._forward_pre_hooks.values() if isinstance(hook, Inputs)), None)


def with_inputs(module: nn.Module, given: Mapping[str, Shape] | Sequence[Shape]) -> nn.Module:
    """The same layers and parameters behind a module that takes packed samples as well.

    Args:
        module: not changed.
        given: shapes of one sample, channels first: by the names of forward(), or in its order.

    Raises:
        ModelError: forward() does not take these.
    """
    return _hooked(module, _inputs(module, given))


def take_as(module: nn.Module, other: nn.Module) -> None:
    """Makes the module take samples as the other one does."""
    for hook in other._forward_pre_hooks.values():
        if isinstance(hook, Inputs | WholeNumbers):
            module.register_forward_pre_hook(hook, with_kwargs=True)


@dataclass(frozen=True)
class WholeNumbers:
    """A pre-hook that gives forward() int64 where it takes nothing else: indices of an embedding.

    Attributes:
        names: of those inputs; None where all are.
    """

    names: frozenset[str] | None

    def __call__(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.names is None:
            return tuple(map(_whole, args)), {name: _whole(value) for name, value in kwargs.items()}
        return args, {name: _whole(value) if name in self.names else value for name, value in kwargs.items()}


def with_whole_numbers(module: nn.Module, sample_shape: Shape) -> nn.Module:
    """The module, or one of the same layers and parameters that takes float32 samples of whole numbers too.

    Args:
        module: not changed; in evaluation mode.
        sample_shape: of one sample, channels first; packed, of several inputs.
    """
    if not any(isinstance(layer, nn.Embedding | nn.EmbeddingBag) for layer in module.modules()):
        return module
    if _runs(module, sample_shape):
        return module
    inputs = inputs_of(module)
    named = () if inputs is None or inputs.taken is not Taken.ARGUMENTS else inputs.names
    choices = [frozenset(some) for count in range(1, len(named)) for some in combinations(named, count)]
    for names in (*choices, None):
        taking = _hooked(module, WholeNumbers(names))
        if _runs(taking, sample_shape):
            return taking
    return module


def takes_whole_numbers(module: nn.Module) -> bool:
    """Whether forward() takes nothing else, at any of its inputs."""
    return any(isinstance(hook, WholeNumbers) and hook.names is None for hook in module._forward_pre_hooks.values())


def _runs(module: nn.Module, sample_shape: Shape) -> bool:
    """Whether forward() takes zeros in float32."""
    try:
        with torch.no_grad():
            module(torch.zeros(1, *sample_shape))
    except Exception:  # whatever the user's forward() raises; it is reported where samples are at hand
        return False
    return True


def _whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _whole(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_whole, value))
    return value.long() if isinstance(value, Tensor) and value.is_floating_point() else value


def _hooked(module: nn.Module, hook: Inputs | WholeNumbers) -> nn.Module:
    taking = copy.copy(module)
    for attribute in ("_forward_pre_hooks", "_forward_pre_hooks_with_kwargs"):
        setattr(taking, attribute, OrderedDict(getattr(module, attribute)))
    taking.register_forward_pre_hook(hook, with_kwargs=True)
    return taking


def _inputs(module: nn.Module, given: Mapping[str, Shape] | Sequence[Shape]) -> Inputs:
    parameters = list(inspect.signature(module.forward).parameters.values())
    named = [parameter.name for parameter in parameters if parameter.kind in _NAMED]
    positional = [parameter.name for parameter in parameters if parameter.kind in _POSITIONAL]
    required = [parameter.name for parameter in parameters if parameter.kind in _NAMED and _is_required(parameter)]
    shapes = tuple(tuple(shape) for shape in (given.values() if isinstance(given, Mapping) else given))
    takes_one = len(positional) == 1 and len(named) == 1
    if isinstance(given, Mapping):
        names = tuple(given)
        takes_others = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
        fits = (takes_others or set(names) <= set(named)) and set(required) <= set(names)
        taken = Taken.ARGUMENTS if fits else Taken.MAPPING
        if fits or takes_one:
            return Inputs(names, shapes, taken)
    elif takes_one and len(shapes) > 1:
        return Inputs(tuple(f"{positional[0]}_{number}" for number in range(len(shapes))), shapes, Taken.SEQUENCE)
    elif set(required) <= set(positional[: len(shapes)]) and len(shapes) <= len(positional):
        return Inputs(tuple(positional[: len(shapes)]), shapes, Taken.ARGUMENTS)
    stated = ", ".join(given) if isinstance(given, Mapping) else f"{len(shapes)} without names"
    raise ModelError(
        f"{type(module).__name__}.forward() takes {', '.join(named) or 'nothing by name'}, the inputs are {stated}",
        hint=f"in [model], inputs = {{ {', '.join(f'{name} = [...]' for name in required or named)} }}",
    )


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty
