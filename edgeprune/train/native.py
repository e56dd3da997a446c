"""Arrays as torch takes them, whatever machine wrote them."""

from __future__ import annotations

from typing import Any

import numpy as np


def native(value: Any) -> np.ndarray:
    """The same values without strides, in this machine's byte order; numbers of widths torch has not in the next wider
    one it has (unsigned ones but uint8 in int64)."""
    array = np.asarray(value)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    elif array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.astype(np.int64)
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return np.asarray(array, order="C")
