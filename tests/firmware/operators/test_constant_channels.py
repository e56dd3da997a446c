"""Constant channels go, and the bytes stay LiteRT's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.constant_channels import without_constant_channels
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import EdgePruneError
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType
from tests.firmware.host_engine import IDENTITY, random_samples, run_c, run_litert
from tests.firmware.random_nets import NONE, NetBuilder, Value, random_net

WIDTH = 8


class DyingNet(NetBuilder):
    """Some filters' biases are so low that ReLU never lets them speak, or so high that they only shout."""

    def _bias(self, out_c: int) -> np.ndarray:
        bias = self.rng.integers(-4000, 4000, out_c)
        kind = self.rng.integers(0, 4, out_c)
        return np.where(kind == 0, -(1 << 24), np.where(kind == 1, 1 << 24, bias))


def widths(model: bytes, count: int = 4) -> list[int]:
    """Checks the bytes; the channels each operator writes."""
    graph = without_constant_channels(clean(read_tflite(model)))
    calls = lower(graph, Isa.DSP, Optimize.BALANCED)
    samples = random_samples(model, count, seed=5)
    ours = run_c(graph, emit(graph, calls, make_plan(graph, calls), IDENTITY), samples, ("-O1",))
    for one, other in zip(ours, run_litert(model, samples), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    return [graph.output_of(op).shape[-1] for op in graph.ops]


def net(seed: int = 3) -> tuple[NetBuilder, Value]:
    builder = DyingNet(seed)
    return builder, builder.input(1, 6, 5, 3)


def test_dead_filters_go_from_padded_convolutions_and_shouting_ones_stay() -> None:
    b, x = net()
    padded, plain = net()[0], net()[0]
    y = padded.conv(padded.conv(padded.input(1, 6, 5, 3), WIDTH), 4, act=NONE)
    z = plain.conv(plain.conv(plain.input(1, 6, 5, 3), WIDTH), 4, kernel=1, act=NONE)
    first, second = widths(padded.build(y))[0], widths(plain.build(z))[0]
    assert second < first < WIDTH  # at a border, a channel with large weights counts only inside the image
    assert widths(b.build(b.conv(x, WIDTH))) == [WIDTH]  # who asks the model for a constant gets it


def test_depthwise_pairs_go_together() -> None:
    b, x = net()
    y = b.depthwise(b.conv(x, WIDTH, kernel=1), stride=2)
    found = widths(b.build(b.conv(y, 4, kernel=1, act=NONE)))
    assert found[0] == found[1] < WIDTH


@pytest.mark.parametrize("pool", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
def test_through_pool_and_flatten_into_a_dense_layer(pool: str) -> None:
    b, x = net()
    y = b.pool(b.conv(x, WIDTH), pool)
    flat = b.reshape(y, 1, int(np.prod(y.shape)))
    conv, pooled, flattened, dense = widths(b.build(b.dense(flat, 7)))
    assert conv == pooled < WIDTH and flattened == 6 * conv and dense == 7


def test_through_a_mean_that_rescales() -> None:
    b, x = net()
    y = b.conv(x, WIDTH)
    mean = b.new((1, WIDTH), float(np.float32(y.scale * 0.7)), y.zero + 9)
    b.model.op("MEAN", [y.index, b.model.ints([1, 2])], [mean.index], schema.ReducerOptionsT())
    conv, meant, dense = widths(b.build(b.dense(mean, 7)))
    assert conv == meant < WIDTH and dense == 7


class UnreadNet(NetBuilder):
    """Every second channel of the wide tensors is multiplied with zeros alone."""

    def _weights(self, x: Value, shape: tuple[int, ...], axis: int, out_c: int, taps: int) -> tuple[int, int, float]:
        made = super()._weights(x, shape, axis, out_c, taps)
        if axis == 0 and shape[-1] == WIDTH:
            buffer = self.model.model.buffers[self.model.graph.tensors[made[0]].buffer]
            data = np.array(buffer.data, np.uint8).reshape(shape)
            data[..., ::2] = 0
            buffer.data = data.reshape(-1)
        return made


def test_channels_multiplied_with_zeros_alone_go() -> None:
    b = UnreadNet(3)
    y = b.depthwise(b.conv(b.input(1, 6, 5, 3), WIDTH))
    assert widths(b.build(b.conv(y, 4, act=NONE))) == [WIDTH // 2, WIDTH // 2, 4]


def test_a_sum_keeps_its_channels() -> None:
    b, x = net()
    y = b.conv(x, WIDTH)
    total = b.add(y, b.conv(y, WIDTH, act=NONE))
    assert widths(b.build(b.conv(total, 4)))[0] == WIDTH


def test_one_channel_stays_where_all_are_dead() -> None:
    class Silent(NetBuilder):
        def _bias(self, out_c: int) -> np.ndarray:
            return np.full(out_c, -(1 << 24)) if out_c == WIDTH else super()._bias(out_c)

    b = Silent(1)
    y = b.conv(b.conv(b.input(1, 6, 5, 3), WIDTH), 4, act=NONE)
    assert widths(b.build(y, b.conv(b.input(1, 4, 4, 3), 2)))[0] == 2


def test_random_nets() -> None:
    gone = 0
    for seed in range(10):
        model = random_net(seed, 8, DyingNet)
        before = [graph.output_of(op).shape[-1] for graph in [clean(read_tflite(model))] for op in graph.ops]
        gone += sum(before) - sum(widths(model, 2))
    assert gone > 20


def test_a_filter_over_floats_is_left_for_the_kernels_to_refuse() -> None:
    b, x = net()
    y = b.conv(b.conv(x, WIDTH, kernel=1), WIDTH, kernel=1)
    graph = clean(read_tflite(b.build(b.conv(y, 4, kernel=1, act=NONE))))
    tensors = list(graph.tensors)
    tensors[graph.inputs[0]] = replace(tensors[graph.inputs[0]], dtype=DType.FLOAT32, qparams=None)
    found = without_constant_channels(replace(graph, tensors=tuple(tensors)))
    first, second, _ = (found.output_of(op).shape[-1] for op in found.ops)
    assert second < first == WIDTH


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [DType.FLOAT32, DType.INT16])
def test_weights_that_are_no_int8_are_left_for_the_kernels_to_refuse(dtype: DType) -> None:
    """Floats with a scale, as damaged files have them, have no whole values to sum up."""
    b, x = net()
    graph = clean(read_tflite(b.build(b.conv(b.conv(x, WIDTH, kernel=1), 4, kernel=1, act=NONE))))
    tensors = list(graph.tensors)
    for op in graph.ops:
        weights = tensors[op.inputs[1]]
        data = np.full(weights.shape, np.nan if dtype is DType.FLOAT32 else 300, dtype.value)
        tensors[op.inputs[1]] = replace(weights, dtype=dtype, data=data)
    damaged = replace(graph, tensors=tuple(tensors))
    assert without_constant_channels(damaged) is damaged
    with pytest.raises(EdgePruneError) as caught:
        lower(damaged, Isa.DSP, Optimize.BALANCED)
    assert caught.value.hint
