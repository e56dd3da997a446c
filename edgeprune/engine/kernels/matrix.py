"""Which operator runs on what: the matrix of docs/operators.md, from the kernels themselves.

A module of plain kernels states as `TYPES` the element types of the activations its kernels take, by kind of operator
where they differ; int8 alone where it states none. Kernels of an instruction set take int8, and int16 where its folder
lists them for it.
"""

from __future__ import annotations

from edgeprune.engine.kernels import own_isas, plain_types
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, OpKind

_COLUMNS = ((DType.INT8, "int8"), (DType.INT16, "int16"), (DType.FLOAT32, "float32"))
_NOT_OF_FILES = (OpKind.STAGE, OpKind.FUNCTION)


def matrix() -> list[str]:
    """The lines of the table."""
    lines = ["| operator | int8 | int16 | float32 |", "|---|---|---|---|"]
    types = plain_types()
    for kind in OpKind:
        if kind in types and kind not in _NOT_OF_FILES:
            lines.append(f"| {kind} | " + " | ".join(_cell(kind, dtype, types[kind]) for dtype, _ in _COLUMNS) + " |")
    return lines


def _cell(kind: OpKind, dtype: DType, taken: tuple[DType, ...]) -> str:
    if dtype not in taken:
        return ""
    fast = own_isas(kind, dtype)
    return " ".join(map(str, (Isa.REF, *fast)))
