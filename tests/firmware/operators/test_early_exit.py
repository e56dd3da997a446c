"""A network with an early exit: the C leaves where the rule in numpy does, with the bytes LiteRT computes there."""

from __future__ import annotations

import re

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import Identity, emit
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_graph
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.graph.early_exit import early_exit_of, skipped, with_early_exit
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from edgeprune.hardware.registry import load_target
from edgeprune.quantize.exit_rule import combined_outputs, leaves, margins
from tests.firmware.host_engine import random_samples, run_c, run_litert
from tests.firmware.random_nets import NetBuilder, Value

IDENTITY = Identity("test", "0123456789abcdef", "host", "pytest", "0")
CLASSES, SAMPLES = 5, 40


def answer_of(net: NetBuilder, x: Value, scale: float = 2.0) -> Value:
    """The image averaged in 2x2 cells, into a dense layer of this scale."""
    pooled = net.pool(x, "AVERAGE_POOL_2D", x.shape[1] // 2, x.shape[1] // 2)
    answer = net.dense(net.reshape(pooled, 1, int(np.prod(pooled.shape))), CLASSES)
    quantization = net.model.graph.tensors[answer.index].quantization
    quantization.scale, quantization.zeroPoint = [scale], [-4]
    return answer


def exit_net(seed: int = 3, alike: bool = True) -> bytes:
    """Two convolutions, then two branches joined; the exit behind the second convolution stands last in the file."""
    net = NetBuilder(seed)
    half = net.conv(net.conv(net.input(1, 12, 12, 3), 8), 6, stride=1)
    wide, narrow = net.conv(half, 12, stride=2), net.conv(half, 4, stride=2)
    own = answer_of(net, net.conv(net.concat([wide, narrow], 3), 8))
    return net.build(own, answer_of(net, half, 2.0 if alike else 1.9))


def compiled(model: bytes, margin: int, target: str = "cortex-m4", ram_first: bool = False) -> CompiledModel:
    graph = with_early_exit(clean(read_tflite(model)), margin)
    return compile_graph(graph, load_target(target), CompileOptions(Optimize.SPEED, ram_first=ram_first), IDENTITY)


def typical_margin(model: bytes) -> int:
    """What half of random inputs reach."""
    return int(np.median(margins(host_answers(model)[1])))


def host_answers(model: bytes) -> tuple[np.ndarray, np.ndarray]:
    found = run_litert(model, random_samples(model, SAMPLES, seed=1))
    own, early = (np.concatenate([sample[index] for sample in found]) for index in (0, 1))
    return own, early


def test_margins_and_answers_worked_out_by_hand() -> None:
    early = np.array([[-128, 127, 3], [5, 5, -7], [9, -1, 4]], np.int8)
    own = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.int8)
    assert margins(early).tolist() == [124, 0, 5]
    assert leaves(early, 5).tolist() == [True, False, True]
    assert combined_outputs(own, early, 5).tolist() == [[-128, 127, 3], [4, 5, 6], [9, -1, 4]]


@pytest.mark.parametrize("ram_first", [False, True])
@pytest.mark.parametrize("target", ["cortex-m3", "cortex-m4"])
def test_the_device_outputs_what_the_host_computes(target: str, ram_first: bool) -> None:
    model = exit_net()
    margin = typical_margin(model)
    own, early = host_answers(model)
    assert 8 < leaves(early, margin).sum() < SAMPLES - 8 and not np.array_equal(own, early)
    made = compiled(model, margin, target, ram_first)
    files = emit(made.graph, made.calls, made.plan, IDENTITY)
    ours = run_c(made.graph, files, random_samples(model, SAMPLES, seed=1))
    np.testing.assert_array_equal(np.concatenate([sample[0] for sample in ours]), combined_outputs(own, early, margin))


def test_an_input_that_leaves_runs_nothing_behind_the_exit() -> None:
    """Every layer behind the exit traps: inputs that leave still answer, one that stays does not."""
    model = exit_net()
    margin = typical_margin(model)
    early = host_answers(model)[1]
    made = compiled(model, margin)
    files = emit(made.graph, made.calls, made.plan, IDENTITY)
    trapped = {f"layer_{index:02}_" for index in skipped(made.graph)}
    files["model.c"] = re.sub(
        r"(static void (layer_\d\d_)\w+\(void\)\n\{\n)",
        lambda found: found[1] + ("    __builtin_trap();\n" if found[2] in trapped else ""),
        files["model.c"],
    )
    assert files["model.c"].count("__builtin_trap") >= 5
    samples, gone = random_samples(model, SAMPLES, seed=1), leaves(early, margin)
    leaving = [sample for sample, leaves_here in zip(samples, gone, strict=True) if leaves_here]
    staying = [sample for sample, leaves_here in zip(samples, gone, strict=True) if not leaves_here]
    ours = run_c(made.graph, files, leaving, ("-O1",))
    np.testing.assert_array_equal(np.concatenate([sample[0] for sample in ours]), early[gone])
    with pytest.raises(AssertionError):
        run_c(made.graph, files, staying[:1], ("-O1",))


@pytest.mark.parametrize("margin", [0, 255])
def test_the_ends_of_the_scale(margin: int) -> None:
    """At 0 everybody leaves, also where two classes are equal."""
    equal = np.zeros((1, CLASSES), np.int8)
    assert leaves(equal, margin).all() == (margin == 0)


def test_what_the_exit_needs_runs_first() -> None:
    graph = with_early_exit(clean(read_tflite(exit_net())), 9)
    late = skipped(graph)
    assert early_exit_of(graph) == len(graph.ops) - 1
    assert sorted(late) == list(range(len(graph.ops) - 1 - len(late), len(graph.ops) - 1)) and len(late) >= 5


def test_what_cannot_leave_early_is_refused() -> None:
    with pytest.raises(ModelError, match="different scales") as refused:
        with_early_exit(clean(read_tflite(exit_net(alike=False))), 9)
    assert "logits" in str(refused.value.hint)
    net = NetBuilder(1)
    x = net.conv(net.input(1, 8, 8, 3), 4)
    own = answer_of(net, x)
    with pytest.raises(ModelError, match="has 2 outputs, this one 1"):
        with_early_exit(clean(read_tflite(net.build(own))), 9)
