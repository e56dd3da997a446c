"""A box of elements as a walk over bytes: walked in Python, it is what numpy copies."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgeprune.engine.kernels.movement.moves import Move, Side, box


def walked(move: Move, source: bytes, size_bytes: int) -> bytes:
    """What the move leaves of `source` in so many bytes, 0xEE where it wrote nothing."""
    target = bytearray(b"\xee" * size_bytes)
    for place in itertools.product(*(range(axis.count) for axis in move.axes)):
        a = move.in_start_bytes + sum(at * axis.step_a for at, axis in zip(place, move.axes, strict=True))
        b = move.out_start_bytes + sum(at * axis.step_b for at, axis in zip(place, move.axes, strict=True))
        target[b : b + move.run_bytes] = source[a : a + move.run_bytes]
    return bytes(target)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_transposition(dtype: type, order: tuple[int, ...]) -> None:
    values = np.arange(24, dtype=dtype).reshape(2, 3, 4) * dtype(5)
    wanted = np.ascontiguousarray(values.transpose(order))
    strides = [values.strides[axis] // values.itemsize for axis in order]
    move = box(wanted.shape, Side(strides), Side([one // values.itemsize for one in wanted.strides]), values.itemsize)
    assert walked(move, values.tobytes(), wanted.nbytes) == wanted.tobytes()


@pytest.mark.parametrize("size_bytes", [1, 2, 4])
def test_a_piece_of_one_goes_into_a_piece_of_the_other(size_bytes: int) -> None:
    dtype = np.dtype(f"i{size_bytes}")
    source = np.arange(1, 13).astype(dtype).reshape(3, 4)
    wanted = np.frombuffer(b"\xee" * 20 * size_bytes, dtype).reshape(4, 5).copy()
    wanted[1:3, 2:4] = source[1:3, 1:3]
    move = box((2, 2), Side((4, 1), start=5), Side((5, 1), start=7), size_bytes)
    assert walked(move, source.tobytes(), wanted.nbytes) == wanted.tobytes()
    assert move.run_bytes == 2 * size_bytes  # two elements side by side are one run
