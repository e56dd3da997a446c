"""How far a window operator's output may run into its input: the closed form against a walk over every byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeprune.engine.kernels.geometry import Window, window_overlaps


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, bool]:
    kernel, stride = [draw(st.integers(1, 4)) for _ in range(2)], [draw(st.integers(1, 3)) for _ in range(2)]
    size = [draw(st.integers(k, 8)) for k in kernel]
    pad = [draw(st.integers(0, k - 1)) for k in kernel for _ in range(2)]
    out = [
        (s + pad[2 * i] + pad[2 * i + 1] - k) // t + 1
        for i, (s, k, t) in enumerate(zip(size, kernel, stride, strict=True))
    ]
    in_step = draw(st.booleans())
    in_c = draw(st.integers(1, 4))
    out_c = in_c * draw(st.integers(1, 3)) if in_step else draw(st.integers(1, 6))
    window = Window(1, *size, in_c, *out, out_c, *kernel, *stride, 1, 1, (pad[0], pad[1], pad[2], pad[3]))
    return window, in_step


def least_lead(window: Window, in_step: bool) -> int:
    """The smallest lead that keeps every byte until it is read, found by looking at every output element."""
    reads = []
    for y in range(window.out_h):
        for x in range(window.out_w):
            row, column = max(y * window.stride_h - window.pad[0], 0), max(x * window.stride_w - window.pad[2], 0)
            for c in range(window.out_c):
                channel = c * window.in_c // window.out_c if in_step else 0
                reads.append((row * window.in_w + column) * window.in_c + channel)
    lead, still_read = -window.in_len, window.in_len
    for index in range(len(reads) - 1, 0, -1):
        still_read = min(still_read, reads[index])
        lead = max(lead, index - still_read)
    return lead


@given(windows())
def test_lead_is_safe_and_hardly_more_than_needed(case: tuple[Window, bool]) -> None:
    window, in_step = case
    (promise,) = window_overlaps(window, in_step)
    least = least_lead(window, in_step)
    assert least <= promise.lead_bytes <= least + window.in_c
