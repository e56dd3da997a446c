"""A second output from half-way through a network, and the places it can be taken from.

The head is a linear layer on the averages of an image's or a sequence's cells, as in Kaya, Hong, Dumitras,
"Shallow-Deep Networks", ICML 2019, arXiv:1810.07052 (which mixes maxima in); on a vector, a linear layer alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isqrt, prod
from typing import Any

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.model.inputs import take_as

_MOST_FEATURES = 512  # the head reads; its weights are flash
_MOST_CELLS = 16
_HEAD = "early_exit"


@dataclass(frozen=True)
class ExitPlace:
    """Where a network may be left, and the features read there.

    Attributes:
        after: path of the module whose output is read.
        shape: of that output for one sample, (C, H, W), (C, T) or (F,), at the network's full width.
        cells: (rows, columns) an image is averaged into; one row for a sequence.
    """

    after: str
    shape: tuple[int, ...]
    cells: tuple[int, int]

    def pooled(self, activation: Tensor) -> Tensor:
        """(N, features) of a batch's activations, whose channels may be fewer than in `shape`."""
        if len(self.shape) == 1:
            return activation
        features: Tensor = nn.Sequential(self._averages())(activation)
        return features

    def head(self, features: int, classes: int) -> nn.Sequential:
        """An untrained head for a network of any width."""
        linear = OrderedDict[str, nn.Module](fc=nn.Linear(features, classes))
        return nn.Sequential(linear if len(self.shape) == 1 else self._averages() | linear)

    def _averages(self) -> OrderedDict[str, nn.Module]:
        rows, columns = self.cells
        if len(self.shape) == 2:
            return OrderedDict(pool=nn.AvgPool1d(self.shape[1] // columns), flatten=nn.Flatten())
        return OrderedDict(pool=nn.AvgPool2d((self.shape[1] // rows, self.shape[2] // columns)), flatten=nn.Flatten())


class WithExit(nn.Module):
    """A network that outputs (its own output, the exit's); its layers and parameters keep their names.

    Args:
        body: shared, not copied.
        after: path of the module whose output the head reads.
        head: of `ExitPlace.head`.
    """

    def __init__(self, body: nn.Module, after: str, head: nn.Module):
        super().__init__()
        self._body: nn.Module
        self.__dict__["_body"] = body  # a registered child would put its name before every layer's
        self._parameters, self._buffers = body._parameters, body._buffers
        for name, child in body.named_children():
            self.add_module(name, child)
        if hasattr(body, _HEAD):
            raise ModelError(f"the network has a '{_HEAD}' of its own", hint="give that attribute another name")
        self.add_module(_HEAD, head)
        self._after = after
        take_as(self, body)
        self.train(body.training)

    def train(self, mode: bool = True) -> WithExit:
        self._body.train(mode)
        super().train(mode)
        return self

    def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        early: list[Tensor] = []
        # at once, because what follows may write over the activation
        head = self.get_submodule(_HEAD)
        hook = self._body.get_submodule(self._after).register_forward_hook(lambda _m, _i, out: early.append(head(out)))
        try:
            own = self._body.forward(*args, **kwargs)
        finally:
            hook.remove()
        return own, early[0]


@contextmanager
def watched(module: nn.Module, paths: Sequence[str], note: Callable[[str, object], None]) -> Iterator[None]:
    """The network in evaluation mode inside; `note(path, output)` whenever one of these modules has run."""
    was_training = module.training
    hooks = [
        module.get_submodule(path).register_forward_hook(lambda _m, _i, out, path=path: note(path, out))
        for path in paths
    ]
    module.eval()
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        module.train(was_training)


def exit_places(module: nn.Module, sample: Tensor) -> list[ExitPlace]:
    """Every module that gives one image, sequence or vector a sample, in the order they finish; not the network itself.

    Args:
        sample: (1, ...) as the network takes it.
    """
    by_path: dict[str, list[object]] = {}
    paths = [path for path, _ in module.named_modules() if path]
    with torch.no_grad(), watched(module, paths, lambda path, out: by_path.setdefault(path, []).append(out)):
        module(sample)
    places = []
    for path, outputs in by_path.items():
        (output, *more) = outputs
        if not more and isinstance(output, Tensor) and output.ndim in (2, 3, 4):
            shape = tuple(output.shape[1:])
            places.append(ExitPlace(path, shape, _cells(shape)))
    return places


def _cells(shape: tuple[int, ...]) -> tuple[int, int]:
    """As many cells as divide the image or sequence evenly and keep the head small."""
    channels, *sides = shape
    counts: list[int] = []
    for most in range(_MOST_CELLS if len(sides) == 1 else isqrt(_MOST_CELLS), 0, -1):
        counts = [max(n for n in range(1, most + 1) if side % n == 0) for side in sides]
        if channels * prod(counts) <= _MOST_FEATURES:
            break
    rows, columns = (1, 1, *counts)[-2:]
    return rows, columns
