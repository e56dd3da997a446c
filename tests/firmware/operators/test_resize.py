"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR between random sizes."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, SCALES, ZEROS, Case, check, many
from tests.firmware.one_op import ModelBuilder


@st.composite
def resizes(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"]))
    batch, channels = draw(st.sampled_from([1, 1, 2])), draw(st.integers(1, 4))
    size, out = [draw(st.integers(1, 9)) for _ in range(2)], [draw(st.integers(1, 14)) for _ in range(2)]
    align, half = draw(st.sampled_from([(False, False), (True, False), (False, True)]))
    scale, zero = draw(SCALES), draw(ZEROS)

    def add(b: ModelBuilder) -> None:
        image = b.input((batch, *size, channels), scale=scale, zero=zero)
        output = b.tensor((batch, *out, channels), scale=scale, zero=zero)
        nearest = kind == "RESIZE_NEAREST_NEIGHBOR"
        options = schema.ResizeNearestNeighborOptionsT() if nearest else schema.ResizeBilinearOptionsT()
        options.alignCorners, options.halfPixelCenters = align, half
        b.op(kind, [image, b.ints(out)], [output], options)
        b.output(output)

    return Case(f"{kind} {batch}x{size}x{channels} -> {out} align={align} half={half}", add)


@FEW
@given(many(resizes()))
def test_resize(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(resizes()))
def test_thousands_of_resize(cases: list[Case]) -> None:
    check(cases)
