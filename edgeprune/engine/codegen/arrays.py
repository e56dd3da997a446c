"""Constant arrays as C text: fast to write, narrow enough to read."""

from __future__ import annotations

import numpy as np

from edgeprune.engine.kernels.base import Constant
from edgeprune.errors import ModelError

_PER_LINE = {1: 24, 2: 16, 4: 10}


def array_text(name: str, constant: Constant) -> str:
    """`static const <ctype> <name>[count] = {...};`

    Raises:
        ModelError: the graph the call was made from holds no data.
    """
    if constant.values is None:
        raise ModelError(
            f"{name} has no values: a tensor that its layer reads or writes has no scale",
            "quantize the model to full int8",
        )
    values = np.asarray(constant.values()).reshape(-1)
    align = (
        f" __attribute__((aligned({constant.align_bytes})))" if constant.align_bytes > constant.element_bytes else ""
    )
    place = " EP_IN_RAM" if constant.in_ram else ""
    head = f"static const {constant.ctype} {name}[{constant.count}]{align}{place} = {{\n"
    if constant.ctype == "ep_axis_t":
        rows = [f"    {{ {a}, {b}, {c} }}," for a, b, c in values.reshape(-1, 3).tolist()]
        return head + "\n".join(rows) + "\n};\n"
    if values.size != constant.count:
        raise ValueError(f"{name}: {values.size} values for an array of {constant.count}")
    words = [f"{value:.17e}" for value in values.tolist()] if constant.ctype == "double" else _words(values)
    step = _PER_LINE.get(constant.element_bytes, 6)
    lines = [",".join(words[start : start + step]) for start in range(0, len(words), step)]
    return head + "    " + ",\n    ".join(lines) + ",\n};\n"


def float_text(value: float) -> str:
    """A C literal that is exactly this float32."""
    return f"{float(np.float32(value)):.9e}F"


def _words(values: np.ndarray) -> list[str]:
    if values.dtype.kind == "f":
        return [float_text(value) for value in values.tolist()]
    if values.dtype.itemsize == 1:
        low = int(np.iinfo(values.dtype).min) if values.dtype.kind == "i" else 0
        texts = [str(value) for value in range(low, low + 256)]
        return [texts[index] for index in (values.astype(np.int16) - low).tolist()]
    if values.dtype == np.uint32:
        return [f"0x{value:08X}U" for value in values.tolist()]
    # INT32_MIN and INT64_MIN have no literals of their own types in C.
    least = {-(1 << 31): "(-2147483647 - 1)", -(1 << 63): "(-9223372036854775807 - 1)"}
    return [least.get(value) or str(value) for value in values.tolist()]
