"""Layers behind which nothing is negative requantize in two instructions, all with one shift."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower, with_provable_scales
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Activation, Conv2dAttrs, DType, Graph, Op, OpKind, QParams, Tensor

CHANNELS = 33


def layer(seed: int, kind: OpKind) -> Graph:
    """Channels whose scales are far apart, as equalization leaves them."""
    rng = np.random.default_rng(seed)
    inputs = CHANNELS if kind is OpKind.DEPTHWISE_CONV_2D else 64
    shape, axis = ((1, 3, 3, CHANNELS), 3) if inputs == CHANNELS else ((CHANNELS, 1, 1, inputs), 0)
    scales = tuple(float(np.float32(scale)) for scale in np.exp(rng.uniform(-9.5, -4, CHANNELS)))
    bias_scales = tuple(float(np.float32(0.5 * scale)) for scale in scales)
    tensors = (
        Tensor("in", (1, 8, 8, inputs), DType.INT8, QParams((0.5,), (-128,))),
        Tensor("weight", shape, DType.INT8, QParams(scales, (0,) * CHANNELS, axis),
               rng.integers(-127, 128, shape).astype(np.int8), is_constant=True),
        Tensor("bias", (CHANNELS,), DType.INT32, QParams(bias_scales, (0,) * CHANNELS, 0),
               rng.integers(-9000, 9000, CHANNELS).astype(np.int32), is_constant=True),
        Tensor("out", (1, 8, 8, CHANNELS), DType.INT8, QParams((0.25,), (-128,))),
    )  # fmt: skip
    pad = (1, 1, 1, 1) if inputs == CHANNELS else (0, 0, 0, 0)
    op = Op(kind, "out", (0, 1, 2), (3,), Conv2dAttrs(pad=pad, activation=Activation.RELU))
    return Graph(tensors, (op,), (0,), (3,))


def functions(graphs: list[Graph]) -> set[str]:
    return {lower(graph, Isa.DSP, Optimize.BALANCED)[0].shared[0].text for graph in graphs}


@pytest.mark.parametrize("kind", [OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D])
def test_layers_of_a_shape_share_the_function_of_two_instructions(kind: OpKind) -> None:
    before = [layer(seed, kind) for seed in range(12)]
    after = [with_provable_scales(graph) for graph in before]
    assert len(functions(before)) > 1 or kind is OpKind.DEPTHWISE_CONV_2D  # of those each can as it is
    (only,) = functions(after)
    assert "_TWO(" in only
    for one, other in zip(before, after, strict=True):
        for old, new in zip(one.tensors, other.tensors, strict=True):
            assert new.data is old.data
            assert old.qparams is not None and new.qparams is not None
            np.testing.assert_allclose(new.qparams.scale, old.qparams.scale, rtol=4e-4)
            assert new.qparams.zero_point == old.qparams.zero_point


def test_scales_that_others_share_stay() -> None:
    graph = layer(0, OpKind.CONV_2D)
    twice = replace(
        graph,
        tensors=(*graph.tensors, replace(graph.tensors[3], name="again")),
        ops=(*graph.ops, replace(graph.ops[0], name="again", outputs=(4,))),
        outputs=(3, 4),
    )
    assert with_provable_scales(twice).tensors[1].qparams == graph.tensors[1].qparams


def steep(seed: int) -> Graph:
    """A batch norm behind a join: steps of the input that reach over up to hundreds of the output's."""
    rng = np.random.default_rng(seed)
    scales = tuple(float(np.float32(scale)) for scale in np.exp(rng.uniform(-9, 0.5, CHANNELS)))
    tensors = (
        Tensor("in", (1, 8, 8, CHANNELS), DType.INT8, QParams((0.5,), (3,))),
        Tensor("weight", (1, 1, 1, CHANNELS), DType.INT8, QParams(scales, (0,) * CHANNELS, 3),
               rng.choice([-127, 127], (1, 1, 1, CHANNELS)).astype(np.int8), is_constant=True),
        Tensor("bias", (CHANNELS,), DType.INT32, QParams(tuple(0.5 * scale for scale in scales), (0,) * CHANNELS, 0),
               rng.integers(-9000, 9000, CHANNELS).astype(np.int32), is_constant=True),
        Tensor("out", (1, 8, 8, CHANNELS), DType.INT8, QParams((0.25,), (-128,))),
    )  # fmt: skip
    op = Op(OpKind.DEPTHWISE_CONV_2D, "out", (0, 1, 2), (3,), Conv2dAttrs(activation=Activation.RELU))
    return Graph(tensors, (op,), (0,), (3,))


def test_channels_whose_steps_are_large_share_it_too() -> None:
    (only,) = functions([with_provable_scales(steep(seed)) for seed in range(12)])
    assert "EP_PLANE_TWO(" in only and only.rstrip().endswith(", 2)")


SHAPES = {  # kernel of: three pixels at a time, pieces with few pixels, groups, one pixel, few pixels side by side
    "conv2d": ((1, 8, 8, 12), (16, 1, 1, 12), 1),
    "pieces": ((1, 1, 1, 12), (15, 1, 1, 12), 1),
    "groups": ((1, 8, 8, 12), (16, 3, 3, 6), 2),
    "one pixel": ((1, 1, 1, 12), (16, 1, 1, 12), 1),
    "planes": ((1, 8, 8, 12), (1, 1, 1, 12), 12),
    "channels": ((1, 1, 1, 12), (1, 1, 1, 12), 12),
}


@pytest.mark.parametrize("zero_point", [-128, 3])
@pytest.mark.parametrize("name", list(SHAPES))
def test_what_is_counted_on_before_there_are_values_is_what_they_take(name: str, zero_point: int) -> None:
    image, weights, groups = SHAPES[name]
    kind = OpKind.DEPTHWISE_CONV_2D if groups == image[3] else OpKind.CONV_2D
    axis = 3 if kind is OpKind.DEPTHWISE_CONV_2D else 0
    channels, rng = weights[axis], np.random.default_rng(4)
    scales = tuple(float(np.float32(scale)) for scale in np.exp(rng.uniform(-7, -5, channels)))
    own, bias = QParams(scales, (0,) * channels, axis), QParams(tuple(0.5 * s for s in scales), (0,) * channels, 0)
    pad = (weights[1] // 2,) * 4
    made = Graph(
        (
            Tensor("in", image, DType.INT8, QParams((0.5,), (5,))),
            Tensor("w", weights, DType.INT8, own, rng.integers(-127, 128, weights).astype(np.int8), is_constant=True),
            Tensor("b", (channels,), DType.INT32, bias, rng.integers(-900, 900, channels).astype(np.int32), True),
            Tensor("out", (*image[:3], channels), DType.INT8, QParams((0.25,), (zero_point,))),
        ),
        (Op(kind, "out", (0, 1, 2), (3,), Conv2dAttrs(pad=pad, activation=Activation.RELU)),),
        (0,),
        (3,),
    )
    bare = made.with_tensors(tuple(replace(tensor, data=None) for tensor in made.tensors))
    (known,), (counted,) = (lower(graph, Isa.DSP, Optimize.BALANCED) for graph in (with_provable_scales(made), bare))
    assert known.function == counted.function
    assert [one.text for one in known.shared] == [one.text for one in counted.shared]
    assert [(c.role, c.size_bytes, c.table_bytes) for c in known.constants] == [
        (c.role, c.size_bytes, c.table_bytes) for c in counted.constants
    ]
