"""Which averages rows can be added up for."""

from __future__ import annotations

import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan.stage import find_flows
from edgeprune.engine.plan.stage.flow import sums_rows
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.random_nets import NetBuilder


@pytest.mark.parametrize(
    ("size", "kernel", "kind", "expected"),
    [(2, 2, "AVERAGE_POOL_2D", True), (3, 3, "AVERAGE_POOL_2D", True), (1, 1, "AVERAGE_POOL_2D", False),
     (4, 2, "AVERAGE_POOL_2D", False), (2, 2, "MAX_POOL_2D", False)],
)  # fmt: skip
def test_an_average_over_the_whole_image(size: int, kernel: int, kind: str, expected: bool) -> None:
    builder = NetBuilder(1)
    graph = read_tflite(builder.build(builder.pool(builder.input(1, size, size, 4), kind, kernel=kernel)))
    assert [sums_rows(graph, op) for op in graph.ops] == [expected]


def test_rows_are_added_up_at_the_end_of_a_flow_alone() -> None:
    """What reads the sum cannot start before the last row."""
    builder = NetBuilder(1)
    value = builder.pool(builder.conv(builder.input(1, 6, 6, 4), 8), "AVERAGE_POOL_2D", kernel=6)
    graph = read_tflite(builder.build(builder.conv(value, 4, kernel=1)))
    calls = lower(graph, Isa.REF, Optimize.BALANCED)
    flows = list(find_flows(graph, calls, Isa.REF, Optimize.BALANCED))
    assert [[layer.sums for layer in flow.layers] for flow in flows] == [[False], [False, True]]
