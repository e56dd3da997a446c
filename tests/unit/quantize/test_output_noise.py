"""What a range does to the outputs, and the methods that are chosen for it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.export.tflite import channels_last, float_graph
from edgeprune.ir import Activation, Graph, OpKind
from edgeprune.model.trace import trace
from edgeprune.quantize.observe import Seen, observe
from edgeprune.quantize.output_noise import Fold, Way, best_ways, in_steps, ranges_by
from edgeprune.quantize.part_behind import part_behind
from edgeprune.quantize.quantized import Range, quantized
from edgeprune.quantize.ranges import Method, min_max
from edgeprune.quantize.runners import FloatRunner, IntegerRunner

RANGE = Range(-0.5, 2.0)


class TwoWays(nn.Module):
    """One feature of the first layer is larger than all others; the outputs read it or not."""

    def __init__(self, read: bool):
        super().__init__()
        self.first, self.last = nn.Linear(8, 8, bias=False), nn.Linear(8, 4, bias=False)
        with torch.no_grad():
            self.first.weight.copy_(torch.eye(8))
            self.first.weight[7, 7] = 3.0
            self.last.weight.copy_(torch.eye(8)[:4] + 0.1)
            self.last.weight[:, 7] = 1.0 if read else 0.0

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.first(x)))


def seen(module: nn.Module, samples: Tensor) -> tuple[Graph, Seen]:
    graph = float_graph(trace(module.eval(), (1, *samples.shape[1:])), module)
    return graph, observe(FloatRunner(graph), channels_last(samples))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def chosen(read: bool) -> Way:
    """For samples that reach farther than those the ranges are from."""
    samples = torch.rand(256, 8, generator=torch.Generator().manual_seed(0))
    graph, observed = seen(TwoWays(read), samples)
    fold = Fold(observed.observation.activations, channels_last(1.08 * samples))
    return best_ways(FloatRunner(graph), [fold])[(graph.ops[0].outputs[0],)]


def test_what_the_outputs_read_gets_room_and_what_they_do_not_gets_finer_steps() -> None:
    assert chosen(read=True).method is Method.HEADROOM
    assert chosen(read=False).share < 0.5  # of a range that one channel alone needs, which nothing reads


def test_one_far_sample_does_not_decide_alone() -> None:
    """It reaches three times as far as all others, which would pay for a range that holds it."""
    samples = torch.rand(256, 8, generator=torch.Generator().manual_seed(0))
    graph, observed = seen(TwoWays(read=True), samples)
    far = samples.clone()
    far[0] *= 3
    seen_of = observed.observation.activations
    ways = [
        best_ways(FloatRunner(graph), [Fold(seen_of, channels_last(one)) for one in folds])[(graph.ops[0].outputs[0],)]
        for folds in ((samples, far), (far, far))
    ]
    assert ways[0].share < ways[1].share


def test_steps_are_those_int8_holds() -> None:
    module = nn.ReLU()
    samples = normal(64, 50)
    graph, _ = seen(module, samples)
    ranges = {graph.inputs[0]: RANGE, graph.outputs[0]: RANGE}
    runner = IntegerRunner(quantized(graph, ranges), graph.outputs)
    for sample in channels_last(samples):
        got = runner.run((sample[None],))(graph.outputs[0])
        np.testing.assert_allclose(got, in_steps(np.maximum(sample[None], 0), RANGE), atol=1e-6)


class Joined(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two, self.last = nn.Conv2d(2, 3, 1), nn.Conv2d(3, 3, 1), nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = torch.relu(self.one(x))
        return self.last(torch.cat([one, self.two(one)], dim=1))


def test_what_is_behind_tensors_is_what_the_network_computes_from_them() -> None:
    """Of two that share a scale the second depends on the first: it is rounded where it is made."""
    module, samples = Joined().eval(), normal(4, 2, 5, 5)
    graph, _ = seen(module, samples)
    (join,) = (op for op in graph.ops if op.kind is OpKind.CONCATENATION)
    part = part_behind(graph, join.inputs, RANGE)
    assert part.sources == join.inputs[:1]
    runner = FloatRunner(graph)
    for sample in channels_last(samples):
        read = runner.run((sample[None],))
        values = {index: read(index).copy() for index in (*join.inputs, *graph.outputs)}
        one = in_steps(values[join.inputs[0]], RANGE)
        got = part.run({**values, join.inputs[0]: one})[graph.outputs[0]]
        first = torch.from_numpy(np.moveaxis(one, -1, 1))
        with torch.no_grad():
            second = torch.from_numpy(in_steps(module.two(first).numpy(), RANGE))
            wanted = module.last(torch.cat([first, second], dim=1)).numpy()
        np.testing.assert_allclose(np.moveaxis(got, -1, 1), wanted, atol=1e-5)


def test_tensors_of_one_scale_have_one_range() -> None:
    graph, observed = seen(Joined(), normal(64, 2, 5, 5))
    activations = observed.observation.activations
    ways = best_ways(FloatRunner(graph), [Fold(activations, observed.samples)])
    (join,) = (op for op in graph.ops if op.kind is OpKind.CONCATENATION)
    (members,) = (one for one in ways if join.outputs[0] in one)
    assert {*members} == {*join.inputs, *join.outputs}
    ranges = ranges_by(graph, dict.fromkeys(ways, Way(Method.LEAST_SQUARES)), activations, min_max(activations))
    assert len({ranges[index] for index in members}) == 1
    assert all(ranges[index].way.method is Method.LEAST_SQUARES for index in members)
    low = min(float(activations[index].low.min()) for index in members)
    assert low <= ranges[members[0]].range.low <= 0.3 * low


def test_no_room_is_made_where_a_relu6_cannot_reach() -> None:
    module = nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU6(), nn.MaxPool2d(2), nn.Conv2d(3, 2, 1))
    graph, observed = seen(module, normal(8, 2, 6, 6))
    activations = observed.observation.activations
    members, last = tuple(op.outputs[0] for op in graph.ops[:2]), graph.ops[-1].outputs
    assert graph.ops[0].activation is Activation.RELU6
    wide = Way(Method.HEADROOM, 50.0)
    ranges = ranges_by(graph, {members: wide, last: wide}, activations, min_max(activations))
    assert [ranges[index].range for index in members] == [Range(0.0, 6.0)] * 2
    assert ranges[last[0]].range.high > 6
