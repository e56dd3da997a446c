"""Each layer's share of the quantization noise, and how far each tensor is from the float network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeprune.export.tflite import channels_last, float_graph
from edgeprune.ir import Graph
from edgeprune.model.trace import trace
from edgeprune.quantize.layer_sqnr import LayerSqnr, layer_sqnr
from edgeprune.quantize.observe import observe
from edgeprune.quantize.quantized import quantized
from edgeprune.quantize.ranges import min_max
from edgeprune.quantize.runners import FloatRunner, IntegerRunner


class Net(nn.Module):
    """A join whose parts have other scales, and layers that only move values."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.left, self.right = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 1)
        self.last = nn.Linear(8 * 9, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        x = torch.cat([torch.sigmoid(self.left(x)), self.right(x)], dim=1)
        return self.last(torch.flatten(nn.functional.max_pool2d(x, 2), 1))


SAMPLES = channels_last(torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1)))


@pytest.fixture(scope="module")
def graphs() -> tuple[Graph, Graph]:
    """Float, and int8."""
    module = Net().eval()
    floats = float_graph(trace(module, (1, 3, 8, 8)), module)
    return floats, quantized(floats, min_max(observe(FloatRunner(floats), SAMPLES).observation.activations))


def by_name(layers: tuple[LayerSqnr, ...]) -> dict[str, LayerSqnr]:
    return {layer.name: layer for layer in layers}


def output_db(floats: Graph, made: Graph) -> float:
    runners = FloatRunner(floats), IntegerRunner(made, made.outputs)
    wanted, got = (
        np.stack([runner.run((sample[None],))(floats.outputs[0]).copy() for sample in SAMPLES]) for runner in runners
    )
    return float(10 * np.log10(np.square(wanted).sum() / np.square(wanted - got).sum()))


def test_what_layers_add_alone_is_the_noise_of_the_whole(graphs: tuple[Graph, Graph]) -> None:
    layers = layer_sqnr(*graphs, SAMPLES)
    added = sum(10 ** (-layer.alone_db / 10) for layer in layers if layer.alone_db is not None)
    assert -10 * np.log10(added) == pytest.approx(output_db(*graphs), abs=1.5)
    assert sum(layer.share for layer in layers) == pytest.approx(1)
    assert layers[-1].so_far_db == pytest.approx(output_db(*graphs), abs=0.01)


def test_layers_that_only_move_values_add_nothing(graphs: tuple[Graph, Graph]) -> None:
    names = [layer.name for layer in layer_sqnr(*graphs, SAMPLES)]
    assert names[0] == "input" and {"first", "left", "right", "last"} <= {*names}
    kinds = {op.name: str(op.kind) for op in graphs[1].ops}
    assert not {"MAX_POOL_2D", "RESHAPE", "CONCATENATION"} & {kinds[name] for name in names[1:]}
    assert "QUANTIZE" in {kinds[name] for name in names[1:]}


def test_a_spoiled_layer_is_to_blame(graphs: tuple[Graph, Graph]) -> None:
    floats, made = graphs
    (layer,) = (op for op in made.ops if op.name == "right")
    weights = made.tensors[layer.inputs[1]]
    assert weights.data is not None
    tensors = list(made.tensors)
    tensors[layer.inputs[1]] = replace(weights, data=(weights.data // 16 * 16).astype(np.int8))
    before, after = (by_name(layer_sqnr(floats, one, SAMPLES)) for one in (made, made.with_tensors(tuple(tensors))))
    assert max(after.values(), key=lambda one: one.share).name == "right"
    assert before["right"].share < 0.5 < after["right"].share
    for name in ("input", "first", "left"):  # before it: nothing is different
        assert after[name].alone_db == before[name].alone_db and after[name].so_far_db == before[name].so_far_db
    for name in ("right", "last"):
        assert after[name].so_far_db < before[name].so_far_db - 3


def test_functions_that_int8_tabulates_are_layers_like_others() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3), nn.Mish(), nn.Conv2d(8, 8, 1), nn.GroupNorm(2, 8), nn.Flatten(), nn.Linear(288, 5)]
    module = nn.Sequential(*layers).eval()
    floats = float_graph(trace(module, (1, 3, 8, 8)), module)
    made = quantized(floats, min_max(observe(FloatRunner(floats), SAMPLES).observation.activations))
    assert len(made.tensors) > len(floats.tensors)
    layers_found = layer_sqnr(floats, made, SAMPLES)
    assert "TABLE" in {layer.kind for layer in layers_found}
    assert layers_found[-1].so_far_db == pytest.approx(output_db(floats, made), abs=0.01)
    added = sum(10 ** (-layer.alone_db / 10) for layer in layers_found if layer.alone_db is not None)
    assert -10 * np.log10(added) == pytest.approx(output_db(floats, made), abs=3)


def test_outputs_of_nothing_but_zeros_have_no_ratio() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    nn.init.constant_(module[0].bias, -100.0)
    floats = float_graph(trace(module, (1, 3, 8, 8)), module)
    made = quantized(floats, min_max(observe(FloatRunner(floats), SAMPLES).observation.activations))
    for layer in layer_sqnr(floats, made, SAMPLES):
        assert layer.alone_db is None and layer.share == 0


def test_noise_does_not_take_a_variance_below_zero() -> None:
    """The root of one would be no number, and with it every layer's share."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 3)).eval()
    module[0].bias.data.zero_()
    sizes = np.geomspace(0.001, 3, 16)[:, None]
    samples = (np.random.default_rng(0).normal(size=(16, 6)) * sizes).astype(np.float32)
    floats = float_graph(trace(module, (1, 6)), module)
    made = quantized(floats, min_max(observe(FloatRunner(floats), samples).observation.activations))
    shares = [layer.share for layer in layer_sqnr(floats, made, samples)]
    assert np.isfinite(shares).all() and sum(shares) == pytest.approx(1)
