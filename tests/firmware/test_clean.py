"""Clean-up and the real planner together: the cleaned graph's C gives the bytes LiteRT gives for the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from edgeprune.ir import OpKind
from tests.firmware.host_engine import IDENTITY, random_samples, run_c, run_litert
from tests.firmware.random_nets import NONE, RELU, NetBuilder, Value, random_net

MODELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "mlperf-tiny"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="no ../shared/data/mlperf-tiny beside the repository")
LITTLE = ("-O1",)


def beside_litert(model: bytes, count: int = 4) -> tuple[list[str], list[list[np.ndarray]]]:
    """Runs the cleaned, planned model on the host beside LiteRT; the kinds of its operators, and its outputs."""
    graph = clean(read_tflite(model))
    calls = lower(graph, Isa.REF, Optimize.BALANCED)
    samples = random_samples(model, count, seed=5)
    ours = run_c(graph, emit(graph, calls, make_plan(graph, calls), IDENTITY), samples, LITTLE)
    for one, other in zip(ours, run_litert(model, samples), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    return [str(op.kind) for op in graph.ops], ours


def same_bytes(model: bytes) -> list[str]:
    """As `beside_litert`, of a net that answers something; the kinds of its operators."""
    kinds, outputs = beside_litert(model)
    assert all(any(np.unique(value).size > 2 for value in one) for one in outputs), "proves nothing"
    return kinds


def net(seed: int = 1) -> tuple[NetBuilder, Value]:
    builder = NetBuilder(seed)
    return builder, builder.input(1, 8, 7, 4)


def test_padding_goes_into_convolutions_of_all_kinds() -> None:
    b, x = net()
    wide = b.pad(x, (1, 1, 0, 1))
    model = b.build(b.conv(wide, 5, stride=2, same=False), b.depthwise(wide, same=True))
    assert same_bytes(model) == ["CONV_2D", "DEPTHWISE_CONV_2D"]


def test_padding_with_the_least_value_goes_into_a_max_pool() -> None:
    b, x = net()
    assert same_bytes(b.build(b.pool(b.pad(x, (1, 1, 1, 0), -128), kernel=3))) == ["MAX_POOL_2D"]


def test_depthwise_over_one_channel_is_a_convolution() -> None:
    b = NetBuilder(1)
    x = b.input(1, 8, 7, 1)
    model = b.build(b.depthwise(b.pad(x, (1, 0, 0, 1)), multiplier=5), b.depthwise(x))
    assert same_bytes(model) == ["CONV_2D", "DEPTHWISE_CONV_2D"]


@pytest.mark.parametrize("borders", [(3, 0, 0, 0), (0, 0, 0, 3)])
def test_padding_as_wide_as_the_window_stays(borders: tuple[int, int, int, int]) -> None:
    b, x = net()
    assert same_bytes(b.build(b.conv(b.pad(x, borders), 3, same=False))) == ["PAD", "CONV_2D"]


def test_padding_with_another_value_stays() -> None:
    b, x = net()
    out = b.conv(b.pad(x, (1, 1, 1, 1), x.zero + 1), 3, same=False)
    pooled = b.pool(b.pad(x, (1, 1, 1, 1)))
    assert same_bytes(b.build(out, pooled)) == ["PADV2", "CONV_2D", "PAD", "MAX_POOL_2D"]


def test_padding_read_by_something_else_stays() -> None:
    b, x = net()
    wide = b.pad(x, (1, 1, 1, 1))
    assert same_bytes(b.build(b.conv(wide, 3, same=False), b.pool(wide))) == ["PAD", "CONV_2D", "MAX_POOL_2D"]


def test_chains_of_reshapes_become_one_or_none() -> None:
    b, x = net()
    there = b.reshape(b.reshape(x, 1, 56, 4), 1, 8, 28)
    back = b.reshape(b.reshape(there, 224), 1, 8, 7, 4)
    assert same_bytes(b.build(b.conv(back, 3), b.relu(there, False))) == ["RESHAPE", "CONV_2D", "RELU"]


def test_reductions_drop_their_axes_themselves() -> None:
    b, x = net()
    pooled, rows = b.reshape(b.mean(x, 1, 2), 1, 4), b.reshape(b.mean(x, 2), 1, 8, 4)
    turned = b.reshape(b.mean(x, 2), 1, 4, 8)
    model = b.build(b.dense(pooled, 6), rows, turned)
    assert same_bytes(model) == ["MEAN", "MEAN", "MEAN", "RESHAPE", "FULLY_CONNECTED"]


def test_a_reduction_that_is_read_with_its_axes_keeps_them() -> None:
    b, x = net()
    mean = b.mean(x, 1, 2)
    assert same_bytes(b.build(b.dense(b.reshape(mean, 1, 4), 6), b.conv(mean, 3, 1))).count("RESHAPE") == 1


def test_transposes_meet() -> None:
    b, x = net()
    there = b.transpose(x, 0, 3, 1, 2)
    back = b.transpose(there, 0, 2, 3, 1)
    turned = b.transpose(there, 0, 1, 3, 2)
    assert same_bytes(b.build(b.conv(back, 3), turned)) == ["TRANSPOSE", "CONV_2D"]


def test_flattening_a_channels_first_model_moves_the_weights_instead() -> None:
    b, x = net()
    flat = b.reshape(b.transpose(b.conv(x, 3), 0, 3, 1, 2), 1, 168)
    assert same_bytes(b.build(b.dense(flat, 6))) == ["CONV_2D", "RESHAPE", "FULLY_CONNECTED"]


def test_requantizing_to_the_same_scale_goes() -> None:
    b, x = net()
    out = b.conv(b.requantize(b.there_and_back(b.requantize(x))), 3)
    assert same_bytes(b.build(out, b.requantize(out, 1.5))) == ["CONV_2D", "QUANTIZE"]


@pytest.mark.parametrize("kind", ["RELU", "RELU6", "RELU_N1_TO_1"])
def test_activations_of_equal_scale_are_fused(kind: str) -> None:
    b, x = net()
    out = b.relu(b.conv(x, 3, act=NONE), True, kind)
    total = b.relu(b.add(out, out), True, kind)
    assert same_bytes(b.build(total)) == ["CONV_2D", "ADD"]


def test_a_relu_of_what_is_never_negative_goes() -> None:
    b, x = net()
    shared = b.relu(b.conv(x, 3, act=NONE), False)
    once = b.relu(shared, True)
    assert same_bytes(b.build(b.add(once, b.conv(shared, 3)), b.conv(b.relu(once, True), 2))).count("RELU") == 1


def test_activations_that_rescale_or_have_other_readers_stay() -> None:
    b, x = net()
    rescaled = b.relu(b.conv(x, 3, act=NONE), False)
    shared = b.conv(x, 3, act=NONE)
    kinds = same_bytes(b.build(rescaled, b.add(b.relu(shared), shared)))
    assert sorted(kinds) == ["ADD", "CONV_2D", "CONV_2D", "RELU", "RELU"]


def test_constants_are_moved_at_once_and_dead_ends_go() -> None:
    b, x = net()
    data = b.rng.integers(-99, 99, (4, 7, 8, 1))
    constant = Value(b.model.tensor(data.shape, scale=0.03, data=data), data.shape, 0.03, 0)
    b.dead_end(x)
    model = b.build(b.add(x, b.reshape(b.transpose(constant, 3, 2, 1, 0), 1, 8, 7, 4)))
    assert same_bytes(model) == ["ADD"]
    graph = clean(read_tflite(model))
    assert len(graph.tensors) == 3 and [t.is_constant for t in graph.tensors] == [False, True, False]


def test_an_output_keeps_its_own_tensor() -> None:
    b, x = net()
    y = b.conv(x, 3)
    assert same_bytes(b.build(y, b.requantize(y), b.reshape(y, 1, 8, 7, 3))) == ["CONV_2D", "QUANTIZE", "RESHAPE"]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_nets(seed: int) -> None:
    beside_litert(random_net(seed))


@needs_models
@pytest.mark.parametrize("name", ["kws01", "ad01"])
def test_clean_models_stay_as_they_are(name: str) -> None:
    graph = read_tflite((MODELS / f"{name}_int8.tflite").read_bytes())
    assert [op.name for op in graph.ops] == [op.name for op in clean(graph).ops]


def test_graphs_without_data_become_the_same_operators() -> None:
    for seed in range(6):
        graph = read_tflite(random_net(seed, 12))
        bare = replace(graph, tensors=tuple(replace(t, data=None) for t in graph.tensors))
        scalars = [op for op in graph.ops if op.kind is OpKind.PADV2]
        if scalars:  # its fill value decides, and a predicted graph has none
            continue
        assert [(op.kind, op.inputs, op.outputs) for op in clean(bare).ops] == [
            (op.kind, op.inputs, op.outputs) for op in clean(graph).ops
        ]


@pytest.mark.parametrize("act", [NONE, RELU])
def test_split_channels_of_a_pointwise_convolution_are_made_apart(act: int) -> None:
    b, x = net()
    one, other = b.split(b.conv(x, 10, 1, act=act), 3, 2)
    model = b.build(b.concat([b.conv(one, 6), b.depthwise(other)], 3))
    assert same_bytes(model)[:3] == ["CONV_2D", "CONV_2D", "CONV_2D"]
    graph = clean(read_tflite(model))
    assert not [op for op in graph.ops if op.kind is OpKind.SPLIT]
    assert sum(op.kind is OpKind.CONV_2D for op in graph.ops) == 3


def test_split_values_of_a_dense_layer_are_made_apart() -> None:
    b, x = net()
    parts = b.split(b.dense(b.reshape(x, 1, 8 * 7 * 4), 12), 1, 3)
    assert same_bytes(b.build(*(b.dense(part, 5) for part in parts))) == ["RESHAPE", *["FULLY_CONNECTED"] * 6]


def test_split_channels_stay_where_more_than_that_is_read_or_windows_are_wide() -> None:
    b, x = net()
    wide, read = b.split(b.conv(x, 10, 3), 3, 2), b.conv(x, 10, 1)
    parts = b.split(read, 3, 2)
    outputs = [b.conv(value, 4, 1) for value in (*wide, *parts, read)]
    assert same_bytes(b.build(*outputs)).count("SPLIT") == 2


@pytest.mark.parametrize("where", ["the model's output", "the model's input"])
def test_split_channels_stay_where_nobody_made_them_for_it(where: str) -> None:
    b, x = net()
    y = b.conv(x, 4, 1) if where == "the model's output" else x
    outputs = [b.conv(part, 3, 1) for part in b.split(y, 3, 2)]
    assert "SPLIT" in same_bytes(b.build(*outputs, *([y] if y is not x else [])))


def cut(b: NetBuilder, x: Value, first: int, count: int) -> Value:
    out = b.like(x, (*x.shape[:-1], count))
    places = b.model.ints([0, 0, 0, first]), b.model.ints(out.shape)
    b.model.op("SLICE", [x.index, *places], [out.index], schema.SliceOptionsT())
    return out


@pytest.mark.parametrize(("first", "slices"), [(4, 0), (5, 0), (3, 2)])
def test_slices_of_a_pointwise_convolution_are_made_apart_unless_they_overlap(first: int, slices: int) -> None:
    b, x = net()
    y = b.conv(x, 9, 1)
    model = b.build(b.conv(cut(b, y, first, 3), 2), b.conv(cut(b, y, 0, 4), 2))
    assert same_bytes(model).count("SLICE") == slices
