"""How a file states an operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeprune.ir import Op


@dataclass(frozen=True)
class Settings:
    """How a file states an operator.

    Attributes:
        options: class of the options table, "" for none.
        fields: of that table.
        inputs: what the operator reads: indices into its inputs in the graph, or constants (int32) of its own.
        intermediates: tensors that only carry quantization.
    """

    options: str
    fields: Mapping[str, Any]
    inputs: tuple[int | np.ndarray, ...]
    intermediates: tuple[int, ...] = ()


def all_inputs(op: Op) -> tuple[int, ...]:
    return tuple(range(len(op.inputs)))


def int32s(*values: int) -> np.ndarray:
    return np.array(values, np.int32)
