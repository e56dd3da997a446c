"""A plan that takes kernels at their word: outputs share bytes with inputs as far as `KernelCall.overlaps` allows."""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.engine.kernels.base import KernelCall
from edgeprune.ir import Graph
from tests.firmware.host_engine import GAP_BYTES, Disjoint


def place_overlapped(graph: Graph, calls: Sequence[KernelCall]) -> Disjoint:
    """For independent operators, each of one type: outputs overlap input 0 to the byte, other inputs lie elsewhere."""
    offsets: dict[int, int] = {}
    scratch: dict[int, int] = {}
    gaps: list[tuple[int, int]] = []
    end = GAP_BYTES
    for index, (op, call) in enumerate(zip(graph.ops, calls, strict=True)):
        source, result = op.inputs[0], op.outputs[0]
        in_bytes, out_bytes = graph.tensors[source].size_bytes, graph.tensors[result].size_bytes
        shift = _output_shift(call, in_bytes, out_bytes)
        start = end + -end % 4
        offsets[source] = start + max(0, -shift)
        offsets[result] = start + max(0, shift)
        end = max(offsets[source] + in_bytes, offsets[result] + out_bytes)
        gaps.append((end, GAP_BYTES))
        end += GAP_BYTES
        for other in op.inputs[1:]:
            if other >= 0 and not graph.tensors[other].is_constant:
                offsets[other] = end
                end += graph.tensors[other].size_bytes + GAP_BYTES
                gaps.append((end - GAP_BYTES, GAP_BYTES))
        if call.scratch_bytes:
            end += -end % 4
            scratch[index] = end
            gaps.append((end + call.scratch_bytes, GAP_BYTES))
            end += call.scratch_bytes + GAP_BYTES
    return Disjoint(offsets, scratch, end, gaps)


def _output_shift(call: KernelCall, in_bytes: int, out_bytes: int) -> int:
    """Output's start minus input 0's start."""
    for overlap in (overlap for overlap in call.overlaps if overlap.input_index == 0):
        if overlap.direction == "same":
            return 0
        if overlap.direction == "forward":
            return min(-overlap.lead_bytes, in_bytes)
        if overlap.direction == "backward":
            return max(in_bytes + overlap.lead_bytes - out_bytes, -out_bytes)
    return in_bytes
