"""Networks with int16 activations and with int4 weights, as LiteRT runs them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.engine.tflite.strip import strip
from edgeprune.engine.tflite.write import FileNames, write_tflite
from edgeprune.errors import UnsupportedOp
from edgeprune.export.tflite import channels_last, export_tflite, sqnr_db, torch_outputs
from edgeprune.ir import DType, Graph, OpKind
from edgeprune.quantize.reference import reference_interpreter
from edgeprune.quantize.runners import interpreter_of, real_values, steps_of
from edgeprune.quantize.weights import Bits
from tests.random_modules import random_module
from tests.same_graph import assert_same_graph

INT16X8, INT4 = Bits(activations=16), Bits(weights=4)
FORMATS = pytest.mark.parametrize(("bits", "least_db"), [(INT16X8, 50.0), (INT4, 15.0)], ids=["int16x8", "int4"])


def outputs(data: bytes, samples: np.ndarray, reference: bool) -> list[np.ndarray]:
    """Every output, real values, (N, C, ...)."""
    graph, runner = read_tflite(data), reference_interpreter(data) if reference else interpreter_of(data)
    found: list[list[np.ndarray]] = [[] for _ in graph.outputs]
    for sample in samples:
        runner.set_tensor(graph.inputs[0], steps_of(graph.tensors[graph.inputs[0]], sample[None]))
        runner.invoke()
        for values, index in zip(found, graph.outputs, strict=True):
            values.append(real_values(graph.tensors[index], runner.get_tensor(index)))
    return [np.moveaxis(np.concatenate(values), -1, 1) for values in found]


def check(module: nn.Module, shape: tuple[int, ...], bits: Bits, least_db: float) -> Graph:
    samples = torch.randn(16, *shape[1:], generator=torch.Generator().manual_seed(0))
    exported = export_tflite(module, samples, bits)
    graph, wanted = read_tflite(exported.data), torch_outputs(module, samples)
    assert_same_graph(graph, read_tflite(write_tflite(graph)))
    whole, stripped = (outputs(data, channels_last(samples), True) for data in (exported.data, exported.stripped))
    for one, other in zip(whole, stripped, strict=True):
        np.testing.assert_array_equal(one, other)
    fast = outputs(exported.data, channels_last(samples), False)
    for own, *ways in zip(wanted, whole, fast, strict=True):
        if np.any(own):
            assert min(sqnr_db(own, way) for way in ways) > least_db
    assert exported.stripped == strip(exported.data)
    return graph


@FORMATS
@pytest.mark.parametrize("seed", range(12))
def test_random_networks(seed: int, bits: Bits, least_db: float) -> None:
    try:
        graph = check(*random_module(seed), bits, least_db)
    except UnsupportedOp as refusal:
        assert bits is INT16X8 and "LiteRT has no int16 kernel" in refusal.message
        return
    for op in graph.ops:
        if op.traits.has_weights and graph.tensors[op.inputs[1]].is_constant:
            is_int4 = bits is INT4 and op.kind is not OpKind.TRANSPOSE_CONV
            assert graph.tensors[op.inputs[1]].dtype is (DType.INT4 if is_int4 else DType.INT8)


class Attention(nn.Module):
    """Matrix products of activations, a softmax, parts and joins."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.qkv, self.fc = nn.Linear(8, 24), nn.Linear(8, 4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        tokens = torch.relu(self.stem(image)).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).chunk(3, dim=-1)
        weights = torch.softmax(q @ k.transpose(1, 2) * 8**-0.5, dim=-1)
        return self.fc((weights @ v).mean(1))


@FORMATS
def test_attention(bits: Bits, least_db: float) -> None:
    check(Attention().eval(), (1, 3, 8, 8), bits, least_db)


@pytest.mark.parametrize(
    ("layer", "kind"),
    [(nn.ELU(), "ELU"), (nn.Hardswish(), "HARD_SWISH"), (nn.PReLU(4), "PRELU"), (nn.Hardtanh(), "RELU_N1_TO_1")],
)
def test_what_litert_has_no_int16_kernel_for_is_refused_by_layer(layer: nn.Module, kind: str) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReflectionPad2d(1), nn.Sequential(layer), nn.Conv2d(4, 2, 1))
    with pytest.raises(UnsupportedOp, match=rf"no int16 kernel that is right for {kind} of '2.0'") as caught:
        export_tflite(module, torch.randn(4, 3, 8, 8), INT16X8)
    assert "int8" in caught.value.hint
    assert export_tflite(module, torch.randn(4, 3, 8, 8)).sqnr_db > 20


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.image, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        features = torch.relu(self.image(image))
        return {"mask": torch.sigmoid(self.head(features)), "features": features}


def test_signatures_are_called_as_in_the_users_code() -> None:
    """And a layer with the name of an argument keeps it."""
    data = export_tflite(Named().eval(), torch.randn(8, 3, 8, 8), names=FileNames(description="a network")).data
    runner = interpreter_of(data)
    assert runner.get_signature_list() == {"serving_default": {"inputs": ["image"], "outputs": ["features", "mask"]}}
    names = {detail["name"] for detail in runner.get_tensor_details()}
    assert {"image_input", "image", "image.weight", "head", "head.bias"} <= names
    answer = runner.get_signature_runner()(image=np.zeros((1, 8, 8, 3), np.int8))
    assert answer["mask"].shape == (1, 6, 6, 2) and answer["features"].shape == (1, 6, 6, 4)
