"""Layers run row by row give LiteRT's bytes, however many of them: under sanitizers on the host, planned tightly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.plan.stage import find_flows, plan_ram_first, with_stage
from edgeprune.engine.plan.stage.call import out_row_bytes
from edgeprune.engine.plan.stage.flow import simulate
from edgeprune.engine.plan.stage.layout import lay_out
from edgeprune.engine.plan.stage.validator import validate_stage
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import PlanError
from edgeprune.hardware.profile import Isa
from tests.firmware.host_engine import IDENTITY, random_samples, run_c, run_litert
from tests.firmware.random_nets import NONE, RELU, NetBuilder, Value

CHECKED = 3  # flows of each net
KWS = Path(__file__).resolve().parents[3] / "shared" / "data" / "mlperf-tiny" / "kws01_int8.tflite"


def rows_net(seed: int) -> bytes:
    """Convolutions, pools and residuals with any stride and border, ended by an average over the image or not."""
    net = NetBuilder(seed)
    rng = net.rng
    height, width = (int(size) for size in rng.integers(9, 24, 2))
    x = net.input(1, height, height if rng.random() < 0.5 else width, int(rng.integers(1, 5)))

    def window(x: Value) -> Value:
        kernel, stride, same = int(rng.integers(1, 4)), int(rng.integers(1, 3)), bool(rng.random() < 0.7)
        if rng.random() < 0.5:
            return net.conv(x, int(rng.integers(2, 9)), kernel, stride, same)
        return net.depthwise(x, 3, stride, same)

    def residual(x: Value) -> Value:
        return net.add(net.conv(net.depthwise(x), x.shape[3], 3, act=NONE), x, RELU)

    def shortcut(x: Value) -> Value:
        body = net.conv(net.conv(x, 6, 3, 2), 8, 3, act=NONE)
        return net.add(body, net.conv(x, 8, 1, 2, act=NONE))

    steps = [window, window, residual, shortcut, lambda x: net.pool(x, "MAX_POOL_2D", 2, int(rng.integers(1, 3)))]
    for _ in range(5):
        if min(x.shape[1:3]) >= 6:
            x = steps[int(rng.integers(len(steps)))](x)
    return net.build(net.pool(x, "AVERAGE_POOL_2D", x.shape[1] if x.shape[1] == x.shape[2] else 2, 1))


@pytest.mark.parametrize("isa", [Isa.REF, Isa.DSP])
@pytest.mark.parametrize("seed", range(4))
def test_any_number_of_layers(seed: int, isa: Isa) -> None:
    model = rows_net(seed)
    samples = random_samples(model, 2, seed=seed)
    expected = run_litert(model, samples)
    graph = clean(read_tflite(model))
    calls = lower(graph, isa, Optimize.BALANCED)
    flows = list(find_flows(graph, calls, isa, Optimize.BALANCED))
    assert len(flows) >= 2
    picked = np.unique(np.linspace(0, len(flows) - 1, CHECKED).round().astype(int))
    for flow in (flows[index] for index in picked):
        staged = with_stage(graph, calls, flow)
        found = run_c(graph, emit(*staged, make_plan(*staged), IDENTITY), samples)
        for ours, theirs in zip(found, expected, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(a, b, err_msg=f"{len(flow.layers)} layers")


def test_the_checker_notices_a_buffer_moved_and_an_output_too_near() -> None:
    graph = clean(read_tflite(rows_net(0)))
    calls = lower(graph, Isa.DSP, Optimize.BALANCED)
    flow = next(flow for flow in find_flows(graph, calls, Isa.DSP, Optimize.BALANCED) if len(flow.layers) > 2)
    row_bytes = out_row_bytes(graph, flow)
    held = simulate(flow, row_bytes)
    layout = lay_out(flow, held)
    validate_stage(flow, layout, row_bytes, held.lead_bytes)
    with pytest.raises(PlanError, match="cover input row"):
        validate_stage(flow, layout, row_bytes, held.lead_bytes - 1)
    squeezed = replace(layout, edge_offset_bytes=(layout.edge_offset_bytes[-1],) * len(flow.edges))
    with pytest.raises(PlanError, match="is not there when it is read"):
        validate_stage(flow, squeezed, row_bytes, held.lead_bytes)
    with pytest.raises(PlanError, match="leaves scratch"):
        validate_stage(flow, replace(layout, scratch_bytes=layout.scratch_bytes - 4), row_bytes, held.lead_bytes)


@pytest.mark.skipif(not KWS.is_file(), reason="../shared is not there")
def test_keyword_spotting_in_seven_kilobytes() -> None:
    graph = clean(read_tflite(KWS.read_bytes()))
    staged = plan_ram_first(graph, Isa.DSP, Optimize.SPEED)
    calls = lower(graph, Isa.DSP, Optimize.BALANCED)
    assert staged.plan.arena_bytes <= 7_000 < make_plan(graph, calls).arena_bytes
    assert sum(call.work.macs for call in staged.calls) == sum(call.work.macs for call in calls)  # nothing twice
