"""Channels concatenated by placement: convolutions write theirs side by side at once, with LiteRT's bytes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.movement.concatenation import place_channels
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, OpKind
from tests.firmware.board_engine import run_on_board
from tests.firmware.host_engine import IDENTITY, place_disjoint, random_samples, run_c, run_litert
from tests.firmware.random_nets import RELU, NetBuilder, Value


class _OneScale(NetBuilder):
    """Every tensor of an activation has the scale and zero point of the input, as what is concatenated must have."""

    def new(self, shape: tuple[int, ...], scale: float, zero: int) -> Value:
        return super().new(shape, self.common.scale, self.common.zero)


def branching_net(seed: int) -> bytes:
    """Three times two to four branches side by side: convolutions, a pool, or what was there before."""
    net = _OneScale(seed)
    rng = net.rng
    net.common = x = net.input(1, 8, 8, 4 * int(rng.integers(1, 4)))
    for _ in range(3):
        narrow = net.conv(x, 4 * int(rng.integers(1, 4)), 1)
        channels = [int(rng.choice([4, 8, 12, 5])) for _ in range(int(rng.integers(2, 5)))]
        kernels = [1, 3, *rng.choice([1, 3, 5], 2)]
        branches = [
            net.conv(narrow, count, int(kernel), act=RELU) for count, kernel in zip(channels, kernels, strict=False)
        ]
        if rng.random() < 0.5:
            branches.insert(int(rng.integers(3)), net.pool(x, "MAX_POOL_2D", 3, 1, same=True))
        if rng.random() < 0.3:
            branches.append(x)
        x = net.concat(branches, 3)
    return net.build(x)


def placed(model: bytes, isa: Isa, optimize: Optimize) -> tuple[Graph, tuple[KernelCall, ...]]:
    graph = clean(read_tflite(model))
    copying = lower(graph, isa, optimize)
    calls = place_channels(graph, copying)
    joins = [call for op, call in zip(graph.ops, calls, strict=True) if op.kind is OpKind.CONCATENATION]
    assert sum(len(call.placed) for call in joins) >= len(joins) == 3
    assert [call.function for call in calls if call.function == "ep_copy_ref"] == [
        call.function for call in joins if not call.is_view
    ]
    return graph, calls


@pytest.mark.parametrize(
    ("isa", "optimize"),
    [(Isa.SCALAR, Optimize.BALANCED), (Isa.DSP, Optimize.SPEED), (Isa.DSP, Optimize.BALANCED)],
)
@pytest.mark.parametrize("seed", range(2))
def test_host(seed: int, isa: Isa, optimize: Optimize) -> None:
    """Planned tightly, and with every tensor alone between poisoned bytes."""
    model = branching_net(seed)
    graph, calls = placed(model, isa, optimize)
    samples = random_samples(model, 2, seed)
    expected = run_litert(model, samples)
    disjoint = place_disjoint(graph, calls)
    for plan, gaps in ((make_plan(graph, calls), []), (disjoint, disjoint.gaps)):
        found = run_c(graph, emit(graph, calls, plan, IDENTITY), samples, gaps=gaps)
        for (ours,), (theirs,) in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize(
    ("isa", "board"), [(Isa.SCALAR, "mps2-an385"), (Isa.DSP, "mps2-an386"), (Isa.MVE, "mps3-an547")]
)
def test_emulated(isa: Isa, board: str) -> None:
    model = branching_net(5)
    graph, calls = placed(model, isa, Optimize.SPEED)
    samples = random_samples(model, 2, seed=5)
    found = run_on_board(board, emit(graph, calls, make_plan(graph, calls), IDENTITY), calls, samples)
    assert found == [outputs[0].tobytes() for outputs in run_litert(model, samples)]


def test_half_the_arena() -> None:
    """A whole of 64 channels made from 8: its parts no longer lie beside it."""
    net = _OneScale(0)
    net.common = x = net.input(1, 16, 16, 8)
    model = net.build(net.concat([net.conv(x, 32, 1), net.conv(x, 32, 3)], 3))
    graph, calls = placed_graph = (
        clean(read_tflite(model)),
        lower(clean(read_tflite(model)), Isa.DSP, Optimize.BALANCED),
    )
    copied = make_plan(*placed_graph).arena_bytes
    assert copied == 2 * 64 * 256
    assert make_plan(graph, place_channels(graph, calls)).arena_bytes < 0.62 * copied
