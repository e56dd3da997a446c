"""What of an image lies where a target starts."""

from __future__ import annotations

import pytest

from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.loaders.agreement import _VECTORS_BYTES, touches_start
from edgeprune.hardware.registry import load_target

TARGET = load_target("nucleo-f446re")
FIRST = TARGET.region("flash").origin
END = TARGET.vectors_origin + _VECTORS_BYTES


@pytest.mark.parametrize(
    ("address", "size_bytes", "expected"),
    [
        (FIRST, 1, True), (END - 1, 1, True), (END, 4096, False), (FIRST - 16, 16, False), (FIRST - 16, 17, True),
        (TARGET.vectors_origin, 4, True),
    ],
)  # fmt: skip
def test_the_start_is_up_to_the_end_of_the_vector_table(address: int, size_bytes: int, expected: bool) -> None:
    far = Segment(END + 0x8000, b"data")
    assert touches_start(Image((Segment(address, bytes(size_bytes)), far)), TARGET) is expected
    assert touches_start(Image((far,)), TARGET) is False
