"""Independent layers side by side, outputs over inputs as far as the kernels promise: each gives LiteRT's bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.ir import Graph
from tests.firmware.board_engine import run_on_board
from tests.firmware.host_engine import IDENTITY, Values, run_c, run_litert
from tests.firmware.overlapped import place_overlapped


def assert_host_bytes(model: bytes, graph: Graph, calls: Sequence[KernelCall], samples: Sequence[Values]) -> None:
    """Compiled for this machine, under sanitizers."""
    plan = place_overlapped(graph, calls)
    outputs = run_c(graph, emit(graph, calls, plan, IDENTITY), samples, gaps=plan.gaps)
    for ours, theirs in zip(outputs, run_litert(model, samples), strict=True):
        for op, a, b in zip(graph.ops, ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=op.name)


def assert_board_bytes(
    board: str, model: bytes, graph: Graph, calls: Sequence[KernelCall], samples: Sequence[Values]
) -> None:
    """On an emulated board."""
    files = emit(graph, calls, place_overlapped(graph, calls), IDENTITY)
    for ours, theirs in zip(run_on_board(board, files, calls, samples), run_litert(model, samples), strict=True):
        at = 0
        for op, call, output in zip(graph.ops, calls, theirs, strict=True):
            expected = np.ascontiguousarray(output).tobytes()
            assert ours[at : at + len(expected)] == expected, f"{op.name} by {call.function}"
            at += len(expected)
        assert at == len(ours)
