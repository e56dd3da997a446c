"""What is written is read back as the same graph, and LiteRT runs it to the same bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given

from edgeprune.engine.graph.clean import clean
from edgeprune.engine.tflite.expressible import expressible
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.engine.tflite.strip import strip
from edgeprune.engine.tflite.write import FileNames, write_tflite
from edgeprune.errors import ModelError
from edgeprune.ir import (
    NO_ATTRS,
    Conv2dAttrs,
    DType,
    EarlyExitAttrs,
    FullyConnectedAttrs,
    Graph,
    Op,
    OpKind,
    PoolAttrs,
    QParams,
    Tensor,
)
from tests.firmware.cases import FEW, MANY, Case, many
from tests.firmware.host_engine import random_samples, run_litert
from tests.firmware.one_op import ModelBuilder, schema
from tests.firmware.random_nets import random_net
from tests.firmware.test_planned import ALL
from tests.same_graph import assert_same_graph

RESOLVERS = ("BUILTIN_REF", "AUTO")  # AUTO: XNNPACK, and LiteRT's fast kernels for what it leaves


def check_written(model: bytes) -> bytes:
    """The file written from what is read of `model`: the same graph, the same bytes, whole and stripped."""
    graph = read_tflite(model)
    data = write_tflite(graph)
    assert_same_graph(graph, read_tflite(data))
    assert write_tflite(graph) == data
    samples = random_samples(model, 2, seed=len(model))
    for resolver in RESOLVERS:
        try:
            wanted = run_litert(model, samples, resolver)
        except (RuntimeError, ValueError):
            assert resolver == "AUTO"  # XNNPACK prepares nothing where scales are far apart
            continue
        for written in (data, strip(data)) if resolver == "BUILTIN_REF" else (data,):
            for ours, theirs in zip(run_litert(written, samples, resolver), wanted, strict=True):
                for one, other in zip(ours, theirs, strict=True):
                    assert one.tobytes() == other.tobytes()
    return data


@pytest.mark.parametrize("seed", range(12))
def test_random_networks(seed: int) -> None:
    check_written(random_net(seed))


def check_cases(cases: list[Case]) -> None:
    try:
        check_together(cases)
    except Exception:
        for case in cases:
            try:
                check_together([case])
            except Exception as fault:
                raise AssertionError(f"{case}: {fault}") from fault
        raise


def check_together(cases: list[Case]) -> None:
    builder = ModelBuilder()
    for case in cases:
        case.add(builder)
    check_written(builder.build())


@FEW
@given(many(ALL))
def test_every_operator(cases: list[Case]) -> None:
    check_cases(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(ALL))
def test_thousands_of_operators(cases: list[Case]) -> None:
    check_cases(cases)


def test_an_int32_bias_beside_int16_activations_is_stated() -> None:
    """Without its type in the options LiteRT reads it as int64, two values in one."""
    builder, rng = ModelBuilder(), np.random.default_rng(0)
    image = builder.input((1, 12), scale=0.01, zero=0, dtype="int16")
    weights = builder.tensor((6, 12), scale=0.01, data=rng.integers(-127, 128, (6, 12)).astype(np.int8))
    bias = builder.tensor((6,), scale=0.0001, data=rng.integers(-99999, 99999, 6).astype(np.int32), dtype="int32")
    output = builder.tensor((1, 6), scale=0.03, zero=0, dtype="int16")
    options = schema.FullyConnectedOptionsT()
    options.quantizedBiasType = schema.TensorType.INT32
    builder.op("FULLY_CONNECTED", [image, weights, bias], [output], options)
    builder.output(output)
    written = schema.ModelT.InitFromPackedBuf(check_written(builder.build()), 0)
    assert written.subgraphs[0].operators[0].builtinOptions.quantizedBiasType == schema.TensorType.INT32


@pytest.mark.parametrize("padding", [schema.Padding.SAME, schema.Padding.VALID])
def test_a_transposed_convolution_smaller_than_its_stride_keeps_its_padding(padding: int) -> None:
    """XNNPACK leaves SAME to the reference kernel and rounds VALID in its own way, so they are not the same bytes."""
    builder, rng = ModelBuilder(), np.random.default_rng(0)
    out = [9, 15] if padding == schema.Padding.SAME else [8, 14]
    image = builder.input((1, 3, 5, 4), scale=1.0, zero=-12)
    weights = builder.tensor((5, 2, 2, 4), scale=0.01, data=rng.integers(-127, 128, (5, 2, 2, 4)).astype(np.int8))
    output = builder.tensor((1, *out, 5), scale=0.03, zero=-25)
    options = schema.TransposeConvOptionsT()
    options.padding, options.strideH, options.strideW = padding, 3, 3
    builder.op("TRANSPOSE_CONV", [builder.ints([1, *out, 5]), weights, image], [output], options)
    builder.output(output)
    written = schema.ModelT.InitFromPackedBuf(check_written(builder.build()), 0)
    assert written.subgraphs[0].operators[0].builtinOptions.padding == padding


@pytest.mark.parametrize("seed", range(12))
def test_pads_that_tflite_cannot_state_come_back(seed: int) -> None:
    """`clean` takes PAD into windows; `expressible` puts it in front again, and `clean` finds the same graph."""
    model = random_net(seed)
    graph = clean(read_tflite(model))
    data = write_tflite(expressible(graph))
    again = clean(read_tflite(data))
    assert [(op.kind, op.attrs, again.output_of(op).shape) for op in again.ops] == [
        (op.kind, op.attrs, graph.output_of(op).shape) for op in graph.ops
    ]
    samples = random_samples(model, 2, seed)
    for ours, theirs in zip(run_litert(data, samples), run_litert(model, samples), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.tobytes() == other.tobytes()


def dense(weights: Tensor, bias: Tensor, data: Tensor, output: Tensor) -> Graph:
    op = Op(OpKind.FULLY_CONNECTED, output.name, (0, 1, 2), (3,), FullyConnectedAttrs())
    return Graph((data, weights, bias, output), (op,), (0,), (3,))


def test_int4_weights() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(-7, 8, (5, 7)).astype(np.int8)
    scales = tuple(float(s) for s in rng.uniform(0.01, 0.1, 5).astype(np.float32))
    bias = QParams(tuple(float(np.float32(s * np.float32(0.0625))) for s in scales), (0,) * 5, 0)
    graph = dense(
        Tensor("weight", (5, 7), DType.INT4, QParams(scales, (0,) * 5, 0), values, is_constant=True),
        Tensor("bias", (5,), DType.INT32, bias, rng.integers(-90, 90, 5).astype(np.int32), is_constant=True),
        Tensor("in", (1, 7), DType.INT8, QParams((0.0625,), (3,))),
        Tensor("out", (1, 5), DType.INT8, QParams((0.125,), (-4,))),
    )
    data = write_tflite(graph)
    assert_same_graph(graph, read_tflite(data))
    int8 = graph.with_tensors((graph.tensors[0], replace(graph.tensors[1], dtype=DType.INT8), *graph.tensors[2:]))
    samples = random_samples(data, 5, seed=0)
    for ours, theirs in zip(run_litert(data, samples), run_litert(write_tflite(int8), samples), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])


def float_dense(rng: np.random.Generator) -> Graph:
    return dense(
        Tensor("weight", (3, 4), DType.FLOAT32, data=rng.normal(size=(3, 4)).astype(np.float32), is_constant=True),
        Tensor("bias", (3,), DType.FLOAT32, data=rng.normal(size=3).astype(np.float32), is_constant=True),
        Tensor("layer.in", (1, 4), DType.FLOAT32),
        Tensor("layer.out", (1, 3), DType.FLOAT32),
    )


def test_dynamic_range_weights() -> None:
    """int8 weights between float activations, which LiteRT quantizes as they come."""
    rng = np.random.default_rng(0)
    graph = float_dense(rng)
    weight = graph.tensors[1]
    assert weight.data is not None
    scales = (np.abs(weight.data).max(axis=1) / 127).astype(np.float32)
    stored = np.round(weight.data / scales[:, None]).astype(np.int8)
    qparams = QParams(tuple(map(float, scales)), (0, 0, 0), 0)
    hybrid = replace(weight, dtype=DType.INT8, qparams=qparams, data=stored)
    written = graph.with_tensors((graph.tensors[0], hybrid, *graph.tensors[2:]))
    data = write_tflite(written)
    assert_same_graph(written, read_tflite(data))
    sample = [[rng.normal(size=(1, 4)).astype(np.float32)]]
    near, exact = (run_litert(file, sample)[0][0] for file in (data, write_tflite(graph)))
    assert 0 < np.abs(near - exact).max() < 0.05


def test_float16_weights() -> None:
    rng = np.random.default_rng(0)
    graph = float_dense(rng)
    weight = graph.tensors[1]
    assert weight.data is not None
    half = Tensor("weight.half", (3, 4), DType.FLOAT16, data=weight.data.astype(np.float16), is_constant=True)
    tensors = (graph.tensors[0], Tensor("weight", (3, 4), DType.FLOAT32), *graph.tensors[2:], half)
    widened = Op(OpKind.DEQUANTIZE, "weight", (4,), (1,), NO_ATTRS)
    written = replace(graph, tensors=tensors, ops=(widened, *graph.ops))
    data = write_tflite(written)
    assert_same_graph(written, read_tflite(data))
    sample = [[rng.normal(size=(1, 4)).astype(np.float32)]]
    for resolver in RESOLVERS:
        near, exact = (run_litert(file, sample, resolver)[0][0] for file in (data, write_tflite(graph)))
        np.testing.assert_allclose(near, exact, atol=4e-3)
        assert not np.array_equal(near, exact)


def test_signatures_and_names() -> None:
    graph = float_dense(np.random.default_rng(0))
    names = FileNames(("image",), ("logits",), "a network", {"about": b"some bytes"})
    data = write_tflite(graph, names)
    assert_same_graph(graph, read_tflite(data))
    interpreter = Interpreter(model_content=data)
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["image"], "outputs": ["logits"]}}
    run = interpreter.get_signature_runner()
    sample = np.ones((1, 4), np.float32)
    weight, bias = graph.tensors[1].data, graph.tensors[2].data
    assert weight is not None and bias is not None
    np.testing.assert_allclose(run(image=sample)["logits"], sample @ weight.T + bias, rtol=1e-5)
    assert {"layer.in", "layer.out", "weight", "bias"} == {d["name"] for d in interpreter.get_tensor_details()}
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    assert (model.version, model.description) == (3, b"a network")
    assert [(entry.name, bytes(model.buffers[entry.buffer].data)) for entry in model.metadata] == [
        (b"about", b"some bytes")
    ]


def test_equal_constants_are_stored_once() -> None:
    graph = float_dense(np.random.default_rng(0))
    twice = replace(
        graph,
        tensors=(*graph.tensors, replace(graph.tensors[1], name="again"), Tensor("other", (1, 3), DType.FLOAT32)),
        ops=(*graph.ops, Op(OpKind.FULLY_CONNECTED, "other", (0, 4, 2), (5,), FullyConnectedAttrs())),
        outputs=(3, 5),
    )
    model = schema.Model.GetRootAs(write_tflite(twice), 0)
    assert model.BuffersLength() == 3  # nothing, the weight, the bias


def test_versions_are_what_the_runtime_asks() -> None:
    model = schema.Model.GetRootAs(write_tflite(float_dense(np.random.default_rng(0))), 0)
    assert model.OperatorCodes(0).Version() == 1
    int8 = schema.Model.GetRootAs(write_tflite(read_tflite(random_net(0))), 0)
    found = [int8.OperatorCodes(index) for index in range(int8.OperatorCodesLength())]
    versions = {code.BuiltinCode(): code.Version() for code in found}
    assert versions[schema.BuiltinOperator.CONV_2D] == 3
    assert len(versions) == len(found)


def conv(pad: tuple[int, int, int, int]) -> Graph:
    weight = Tensor("w", (1, 3, 3, 1), DType.FLOAT32, data=np.ones((1, 3, 3, 1), np.float32), is_constant=True)
    bias = Tensor("b", (1,), DType.FLOAT32, data=np.zeros(1, np.float32), is_constant=True)
    ends = Tensor("x", (1, 4, 4, 1), DType.FLOAT32), Tensor("y", (1, 4, 6, 1), DType.FLOAT32)
    op = Op(OpKind.CONV_2D, "y", (0, 1, 2), (3,), Conv2dAttrs(pad=pad))
    return Graph((ends[0], weight, bias, ends[1]), (op,), (0,), (3,))


def test_what_no_file_can_state_is_refused() -> None:
    with pytest.raises(ModelError, match="neither SAME nor VALID"):
        write_tflite(conv((1, 1, 2, 2)))
    written = write_tflite(expressible(conv((1, 1, 2, 2))))
    assert [op.kind for op in read_tflite(written).ops] == [OpKind.PAD, OpKind.CONV_2D]
    tensors = (Tensor("a", (1, 4), DType.INT8), Tensor("b", (1, 4), DType.INT8), Tensor("c", (1, 4), DType.INT8))
    choice = Op(OpKind.EARLY_EXIT, "exit", (0, 1), (2,), EarlyExitAttrs(margin=3))
    with pytest.raises(ModelError, match="no form"):
        write_tflite(Graph(tensors, (choice,), (0, 1), (2,)))
    graph = float_dense(np.random.default_rng(0))
    with pytest.raises(ModelError, match="no data"):
        write_tflite(graph.with_tensors((graph.tensors[0], replace(graph.tensors[1], data=None), *graph.tensors[2:])))


def test_a_maximum_pool_is_padded_with_the_least_value() -> None:
    rng = np.random.default_rng(0)
    qparams = QParams((0.5,), (7,))
    ends = Tensor("x", (1, 5, 5, 2), DType.INT8, qparams), Tensor("y", (1, 3, 3, 2), DType.INT8, qparams)
    op = Op(OpKind.MAX_POOL_2D, "y", (0,), (1,), PoolAttrs(filter=(3, 3), stride=(2, 2), pad=(1, 1, 1, 1)))
    fits = Graph(ends, (op,), (0,), (1,))
    assert len(expressible(fits).ops) == 1  # of five rows SAME takes one above and one below
    bigger = Tensor("x", (1, 6, 6, 2), DType.INT8, qparams)
    data = write_tflite(expressible(fits.with_tensors((bigger, ends[1]))))
    assert [op.kind for op in read_tflite(data).ops] == [OpKind.PADV2, OpKind.MAX_POOL_2D]
    image = rng.integers(-128, 128, (1, 6, 6, 2)).astype(np.int8)
    wide = np.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-128)
    wanted = np.array([[wide[0, 2 * r : 2 * r + 3, 2 * c : 2 * c + 3].max((0, 1)) for c in range(3)] for r in range(3)])
    np.testing.assert_array_equal(run_litert(data, [[image]])[0][0][0], wanted)
