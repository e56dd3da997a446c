"""Whether the user's code follows its tensors' sizes: the network is thinned to half, shapes only, and traced again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeprune.errors import ModelError
from edgeprune.ir import Graph, OpKind
from edgeprune.model.record import ForwardError
from edgeprune.model.trace import TracedModel, trace
from edgeprune.prune.surgery import cut
from edgeprune.prune.widths import predicted_graph

if TYPE_CHECKING:
    from edgeprune.prune.channels import ChannelGroups


def blamed_operators(traced: TracedModel, groups: ChannelGroups, risky: Sequence[str]) -> list[str]:
    """The risky operators to read differently; none when the trial came out as predicted.

    Raises:
        ModelError: thinning breaks the forward pass and no reshape or slice is to blame.
    """
    widths = {group.name: (group.size + 1) // 2 for group in groups.groups}
    keep = {name: range(width) for name, width in widths.items()}
    try:
        found = trace(cut(traced.skeleton, groups, keep), traced.example_shapes)
    except ForwardError as error:
        blamed = _on_line(traced, risky, error.where)
        reason: ModelError = error
    else:
        mismatch = _first_mismatch(predicted_graph(traced, groups, widths), found.graph)
        if mismatch is None:
            return []
        blamed = _before(traced, risky, mismatch)
        layer = traced.graph.ops[mismatch].name
        reason = ModelError(
            f"thinned to half, {layer} comes out with another shape than its channels predict",
            hint="a size written as a number in forward() is the usual cause",
        )
    if not blamed:
        raise reason
    return blamed


def _on_line(traced: TracedModel, risky: Sequence[str], where: str) -> list[str]:
    """The risky operators written on that line; where there are none, the last one before it."""
    same = [name for name in risky if traced.where[name] == where]
    lines = [traced.where[op.name] for op in traced.graph.ops]
    last = max((position for position, line in enumerate(lines) if line == where), default=len(lines))
    return same or _before(traced, risky, last)


def _before(traced: TracedModel, risky: Sequence[str], position: int) -> list[str]:
    earlier = [op.name for op in traced.graph.ops[: position + 1] if op.name in risky]
    if not earlier:
        return []
    return [name for name in risky if traced.where[name] == traced.where[earlier[-1]]]


def _first_mismatch(predicted: Graph, found: Graph) -> int | None:
    """Position of the first operator whose output differs. Pure views come and go with axes of length 1."""
    ours = [(position, op) for position, op in enumerate(predicted.ops) if op.kind is not OpKind.RESHAPE]
    theirs = [op for op in found.ops if op.kind is not OpKind.RESHAPE]
    for (position, op), other in zip(ours, theirs, strict=False):
        if op.kind is not other.kind or predicted.output_of(op).shape != found.output_of(other).shape:
            return position
    if len(ours) != len(theirs) or _output_shapes(predicted) != _output_shapes(found):
        return len(predicted.ops) - 1
    return None


def _output_shapes(graph: Graph) -> list[tuple[int, ...]]:
    return [graph.tensors[tensor].shape for tensor in graph.outputs]
