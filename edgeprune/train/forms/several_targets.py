"""Several targets a sample, as boxes beside labels: one row of float32 from the data to the user's loss and metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgeprune.errors import DataError
from edgeprune.train.native import native

_LARGEST_WHOLE = 1 << 24  # float32 holds every whole number up to it


@dataclass(frozen=True)
class TargetForm:
    """How the targets of a sample lie in its row.

    Attributes:
        names: of a mapping; None of a tuple.
        shapes: of one sample each.
        types: that losses and metrics get them in.
    """

    names: tuple[str, ...] | None
    shapes: tuple[tuple[int, ...], ...]
    types: tuple[torch.dtype, ...]

    def parts_of(self, rows: Tensor) -> Any:
        """(N, values) -> what the user's data held for these samples, a dict or a tuple of (N, ...)."""
        pieces = torch.split(rows, [prod(shape) for shape in self.shapes], dim=1)
        parts = [
            piece.reshape(len(rows), *shape).to(dtype)
            for piece, shape, dtype in zip(pieces, self.shapes, self.types, strict=True)
        ]
        return tuple(parts) if self.names is None else dict(zip(self.names, parts, strict=True))


def is_several(targets: Any) -> bool:
    """A mapping, or a tuple of arrays; a list is one array."""
    return isinstance(targets, Mapping) or (
        isinstance(targets, tuple) and len(targets) > 0 and all(isinstance(one, Tensor | np.ndarray) for one in targets)
    )


def in_rows(split: str, targets: Any) -> tuple[Tensor, TargetForm]:
    """(N, values) float32 of a split's targets, and how they lie.

    Raises:
        DataError: not as many of each, or whole numbers beyond float32's.
    """
    named = isinstance(targets, Mapping)
    parts = [torch.as_tensor(native(one)) for one in (targets.values() if named else targets)]
    names = tuple(map(str, targets)) if named else None
    if len({len(part) if part.ndim else 0 for part in parts}) != 1:
        shown = ", ".join(str(tuple(part.shape)) for part in parts)
        raise DataError(f"the targets of '{split}' are {shown}", hint="one of each a sample")
    for part in parts:
        if not part.is_floating_point() and part.numel() and int(part.abs().max()) > _LARGEST_WHOLE:
            raise DataError(f"the targets of '{split}' hold {int(part.abs().max()):,}", hint="labels from 0")
    shapes = tuple(tuple(part.shape[1:]) for part in parts)
    types = tuple(torch.float32 if part.is_floating_point() else torch.int64 for part in parts)
    return torch.cat([part.float().flatten(1) if part.ndim > 1 else part.float()[:, None] for part in parts], 1), (
        TargetForm(names, shapes, types)
    )


def rows_of_splits(arrays: Mapping[str, Any]) -> tuple[dict[str, Any], TargetForm | None]:
    """Splits whose targets are rows, where they are several; None where each sample has one target.

    Args:
        arrays: split name -> (inputs, targets).

    Raises:
        DataError: splits whose targets are of different forms.
    """
    rows, forms = dict(arrays), dict[str, TargetForm]()
    for name, value in arrays.items():
        if isinstance(value, tuple | list) and len(value) == 2 and is_several(value[1]):
            targets, forms[name] = in_rows(name, value[1])
            rows[name] = (value[0], targets)
    found: Sequence[TargetForm] = [*forms.values()]
    if not found:
        return rows, None
    if len(forms) < len(arrays) or any(form != found[0] for form in found):
        raise DataError("the splits have targets of different forms", hint="the same dict or tuple in each")
    return rows, found[0]
