"""Views of tensors while a forward pass is recorded, and what is written through them.

A view remembers the tensor it is of and how it was taken. What is written to it becomes a new value of that tensor, put
together from the parts around it; other views of it are taken anew when they are next read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from edgeprune.model.answers import parts_of

_SHAPED = {f"aten.{name}" for name in ("view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze",
                                       "alias", "detach")}  # fmt: skip
_ORDERED = {"aten.permute", "aten.transpose", "aten.t"}
_REGIONS = {"aten.slice", "aten.select", "aten.split", "aten.split_with_sizes", "aten.unbind"}
_KNOWN = _SHAPED | _ORDERED | _REGIONS


@dataclass(frozen=True, eq=False)
class _View:
    """A view, as it was taken.

    Attributes:
        whole: what it is of.
        take: takes it anew; gives all the results of the call.
        place: its number among them.
        target, given: the operator and its arguments by name.
    """

    whole: Tensor
    take: Callable[[], Any]
    place: int
    target: str
    given: Mapping[str, Any]


class Views:
    """Which tensors are views of which, and which of them hold something else by now.

    Args:
        rebind: lets the first tensor hold what the second one holds. Operators called here are recorded.
    """

    def __init__(self, rebind: Callable[[Tensor, Tensor], None]):
        self._rebind = rebind
        self._of: dict[int, _View] = {}
        self._writes: Counter[int] = Counter()  # storage -> how often it was written to
        self._seen: dict[int, int] = {}  # tensor -> the writes that its value knows of
        self._parts: dict[int, tuple[int, list[Tensor]]] = {}  # tensor -> axis and parts it was put together from

    def made(self, target: str, given: Mapping[str, Any], take: Callable[[], Any], results: Any) -> None:
        """Notes the results of a call that share their memory with what it read."""
        whole = given.get("self")
        for place, result in enumerate(parts_of(results)):
            self._seen[id(result)] = self._writes[_storage(result)]
            if target not in _KNOWN or not isinstance(whole, Tensor) or whole is result:
                continue
            if _storage(whole) == _storage(result):
                self._of[id(result)] = _View(whole, take, place, target, given)

    def is_fresh(self, tensor: Tensor) -> bool:
        """Whether nothing was written to its memory since; a view that something was is taken anew."""
        if self._is_current(tensor):
            return True
        view = self._of.get(id(tensor))
        if view is None or not self.is_fresh(view.whole):
            return False
        self._rebind(tensor, parts_of(view.take())[view.place])
        self._note(tensor)
        return True

    def wrote(self, tensor: Tensor) -> None:
        """Hands a new value of the tensor on to all that it is a view of."""
        changed = [tensor]
        self._parts.pop(id(tensor), None)
        while (view := self._of.get(id(tensor))) is not None:
            self._rebind(view.whole, self._put_back(view, tensor))
            tensor = view.whole
            changed.append(tensor)
        self._writes[_storage(tensor)] += 1
        for each in changed:
            self._seen[id(each)] = self._writes[_storage(tensor)]

    def _is_current(self, tensor: Tensor) -> bool:
        return self._seen.get(id(tensor), 0) == self._writes[_storage(tensor)]

    def _note(self, tensor: Tensor) -> None:
        self._seen[id(tensor)] = self._writes[_storage(tensor)]
        self._parts.pop(id(tensor), None)

    def _put_back(self, view: _View, part: Tensor) -> Tensor:
        """The whole with this part in the view's place."""
        whole, given = view.whole, view.given
        if view.target in _REGIONS:
            return self._joined(whole, *_region(view, part))
        self._parts.pop(id(whole), None)
        if view.target in _SHAPED:
            return part.reshape(whole.shape)
        order = list(range(whole.dim()))
        if view.target == "aten.permute":
            order = [int(dim) % whole.dim() for dim in given["dims"]]
        elif view.target == "aten.transpose":
            first, second = int(given["dim0"]), int(given["dim1"])
            order[first], order[second] = order[second], order[first]
        else:
            order.reverse()
        return part.permute([order.index(axis) for axis in range(whole.dim())])

    def _joined(self, whole: Tensor, part: Tensor, dim: int, start: int, step: int) -> Tensor:
        """Clones, since what is written to the whole later must not change its parts."""
        size, count = whole.shape[dim], part.shape[dim]
        if step != 1:
            self._parts.pop(id(whole), None)
            places = list(range(size))
            places[start : start + (count - 1) * step + 1 : step] = range(size, size + count)
            return torch.cat([whole.clone(), part.clone()], dim).index_select(dim, torch.tensor(places))
        axis, parts = self._parts.get(id(whole), (dim, [whole]))
        at, before, behind = 0, list[Tensor](), list[Tensor]()
        for each in parts if axis == dim else [whole]:
            length = each.shape[dim]
            before += _cut(each, dim, 0, min(length, start - at))
            behind += _cut(each, dim, max(0, start + count - at), length)
            at += length
        joined = [*before, part.clone(), *behind]
        self._parts[id(whole)] = dim, joined
        return torch.cat(joined, dim) if len(joined) > 1 else joined[0]


def _cut(tensor: Tensor, dim: int, start: int, end: int) -> list[Tensor]:
    """Its elements from start to end along an axis; nothing where there are none."""
    if end <= start:
        return []
    return [tensor if (start, end) == (0, tensor.shape[dim]) else tensor.narrow(dim, start, end - start).clone()]


def _region(view: _View, part: Tensor) -> tuple[Tensor, int, int, int]:
    """(the part with all axes of the whole, axis, first place, step)"""
    given, whole = view.given, view.whole
    dim = int(given["dim"]) % whole.dim()
    size = whole.shape[dim]
    if view.target == "aten.slice":
        start = int(given["start"] or 0)
        return part, dim, min(max(start + size if start < 0 else start, 0), size), int(given["step"])
    if view.target == "aten.split":
        return part, dim, view.place * int(given["split_size"]), 1
    if view.target == "aten.split_with_sizes":
        return part, dim, [0, *accumulate(given["split_sizes"])][view.place], 1
    return part.unsqueeze(dim), dim, view.place if view.target == "aten.unbind" else int(given["index"]) % size, 1


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
