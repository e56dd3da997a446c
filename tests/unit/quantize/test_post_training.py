"""Post-training quantization is nearer to the float network than minimum and maximum on samples it never saw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edgeprune.export.tflite import channels_last, float_graph, sqnr_db, torch_outputs
from edgeprune.model.trace import trace
from edgeprune.quantize.observe import observe
from edgeprune.quantize.post_training import post_training
from edgeprune.quantize.quantized import quantized
from edgeprune.quantize.ranges import min_max
from edgeprune.quantize.runners import FloatRunner, IntegerRunner


def uneven() -> nn.Module:
    """Channels of very different size, each undone by the layer behind, as batch norms fold them."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 5),
    )  # fmt: skip
    factors = torch.logspace(-1.5, 0, 16)
    with torch.no_grad():
        module[0].weight.mul_(factors.view(-1, 1, 1, 1))
        module[0].bias.mul_(factors)
        module[2].weight.div_(factors.view(1, -1, 1, 1))
    return module.eval()


def dense() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4)).eval()


def near(module: nn.Module, samples: torch.Tensor) -> tuple[float, float]:
    """(min/max, ours) in dB on samples that are not among the 96 to calibrate on."""
    calibration, others = samples[:96], channels_last(samples[96:])
    graph = float_graph(trace(module, (1, *samples.shape[1:])), module)
    runner, inputs = FloatRunner(graph), channels_last(calibration)
    plain = quantized(graph, min_max(observe(runner, inputs, 0.5).observation.activations))
    ours = post_training(runner, inputs, shared_outputs=False)
    wanted = torch_outputs(module, samples)[0][96:]
    return sqnr_db(wanted, outputs(plain, others)), sqnr_db(wanted, outputs(ours.graph, others))


def outputs(graph: object, samples: np.ndarray) -> np.ndarray:
    runner = IntegerRunner(graph, graph.outputs)  # type: ignore[attr-defined, arg-type]
    return np.concatenate([runner.run((sample[None],))(graph.outputs[0]).copy() for sample in samples])  # type: ignore[attr-defined]


@pytest.mark.parametrize(("build", "shape"), [(uneven, (3, 10, 10)), (dense, (12,))])
def test_nearer_than_min_and_max_on_other_samples(build: object, shape: tuple[int, ...]) -> None:
    samples = torch.randn(400, *shape, generator=torch.Generator().manual_seed(5))
    plain, ours = near(build(), samples)  # type: ignore[operator]
    assert ours >= plain + 3


class Again(nn.Module):
    """One layer applied twice, to inputs of which the second have another mean."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.last = nn.Linear(16, 16), nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.layer(torch.relu(self.layer(x)))))


def test_weights_of_several_layers_are_rounded_by_what_all_of_them_read() -> None:
    module, samples = Again().eval(), torch.randn(64, 16, generator=torch.Generator().manual_seed(1))
    graph = float_graph(trace(module, (1, 16)), module)
    seen = observe(FloatRunner(graph), channels_last(samples)).observation
    (first, second) = (
        moments for position, moments in seen.inputs.items() if graph.ops[position].outputs != graph.outputs
    )
    with torch.no_grad():
        read = torch.cat([samples, torch.relu(module.layer(samples))])
    for moments in (first, second):
        np.testing.assert_allclose(moments.mean[0], read.mean(0), atol=1e-5)
        np.testing.assert_allclose(moments.covariance[0], np.cov(read.numpy().T, bias=True), atol=1e-4)


@pytest.mark.parametrize("size", [1e-30, 1e10, 1e25, 1e35])
def test_values_of_any_size_are_quantized(size: float) -> None:
    """Squares of the largest are beyond float32."""
    samples = channels_last(torch.randn(40, 12, generator=torch.Generator().manual_seed(1)) * size)
    module = nn.Sequential(nn.Linear(12, 8, bias=False), nn.ReLU(), nn.Linear(8, 4, bias=False)).eval()
    graph = float_graph(trace(module, (1, 12)), module)
    made = post_training(FloatRunner(graph), samples, shared_outputs=False).graph
    scales = [tensor.qparams.scale for tensor in made.tensors if tensor.qparams is not None]
    assert scales and all(np.isfinite(scale).all() for scale in scales)


def test_the_same_samples_give_the_same_file() -> None:
    samples = channels_last(torch.randn(40, 12, generator=torch.Generator().manual_seed(1)))
    graph = float_graph(trace(dense(), (1, 12)), dense())
    first, second = (post_training(FloatRunner(graph), samples, shared_outputs=False).graph for _ in range(2))
    for one, other in zip(first.tensors, second.tensors, strict=True):
        assert one.qparams == other.qparams
        assert one.data is None or np.array_equal(one.data, other.data)  # type: ignore[arg-type]


def test_masked_weights_stay_zero_and_shared_ones_shared() -> None:
    torch.manual_seed(0)
    masked, clustered = nn.Linear(32, 16), nn.Linear(16, 16)
    with torch.no_grad():
        masked.weight.mul_((torch.rand(16, 32) < 0.5).float())
        clustered.weight.copy_(torch.randn(4)[torch.randint(4, (16, 16))])
    module = nn.Sequential(masked, nn.ReLU(), clustered).eval()
    samples = channels_last(torch.randn(64, 32, generator=torch.Generator().manual_seed(1)))
    made = post_training(FloatRunner(float_graph(trace(module, (1, 32)), module)), samples, shared_outputs=False).graph
    first, second = (made.tensors[op.inputs[1]].data for op in made.ops)
    assert first is not None and not first[masked.weight.detach().numpy() == 0].any()
    assert second is not None and all(len(np.unique(row)) <= 4 for row in second)


class Growing(nn.Module):
    """Sums whose exponential grows with what few samples show: 24 do not show how far."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layer, self.last = nn.Linear(12, 24), nn.Linear(24, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.last(torch.expm1(self.layer(x)))
        return made


def test_room_for_what_few_samples_do_not_show_pays_on_others() -> None:
    samples = torch.randn(424, 12, generator=torch.Generator().manual_seed(5))
    module = Growing().eval()
    graph = float_graph(trace(module, (1, 12)), module)
    runner, inputs, others = FloatRunner(graph), channels_last(samples[:24]), channels_last(samples[24:])
    plain = quantized(graph, min_max(observe(runner, inputs, 0.5).observation.activations))
    ours = post_training(runner, inputs, shared_outputs=False)
    wanted = torch_outputs(module, samples)[0][24:]
    assert sqnr_db(wanted, outputs(ours.graph, others)) > sqnr_db(wanted, outputs(plain, others)) + 1
