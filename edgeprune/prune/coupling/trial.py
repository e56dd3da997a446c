"""Whether the user's code follows its tensors' sizes: the network is thinned to half, shapes only, and traced again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeprune.errors import ModelError
from edgeprune.ir import Graph, OpKind, SliceAttrs
from edgeprune.model.record import ForwardError
from edgeprune.model.trace import TracedModel, trace
from edgeprune.prune.coupling.own_sizes import same_numbers
from edgeprune.prune.surgery.thin import cut
from edgeprune.prune.widths.predicted_graph import int8_form, predicted_graph

if TYPE_CHECKING:
    from edgeprune.prune.coupling.channels import ChannelGroups


def blamed_operators(traced: TracedModel, groups: ChannelGroups, risky: Sequence[str]) -> list[str]:
    """The risky operators to read differently; none when the trial came out as predicted.

    Raises:
        ModelError: thinning breaks the forward pass and no reshape or slice is to blame.
    """
    widths = {group.name: (group.size + 1) // 2 for group in groups.groups}
    keep = {name: range(width) for name, width in widths.items()}
    try:
        thinned = trace(cut(traced.skeleton, groups, keep), traced.example_shapes)
    except ForwardError as error:
        blamed = _on_line(traced, risky, error.where)
        reason: ModelError = error
    else:
        if groups.sizes and not same_numbers(traced.recording, thinned.recording):
            raise ModelError("a size that follows its channels is a number forward() computes with")
        layer = _first_mismatch(predicted_graph(traced, groups, widths), int8_form(thinned.graph, thinned.int16))
        if layer is None:
            return []
        blamed = _before(traced, risky, _position(traced, layer))
        reason = ModelError(
            f"thinned to half, {layer} comes out with another shape than its channels predict",
            hint="a hard-coded size in forward() is the usual cause",
        )
    if not blamed:
        raise reason
    return blamed


def failing_groups(traced: TracedModel, groups: ChannelGroups) -> dict[str, str]:
    """Groups that forward() cannot lose a half of -> why; all of them where it fails only without several."""
    failed, whole = dict[str, str](), {group.name: range(group.size) for group in groups.groups}
    for group in groups.groups:
        try:
            trace(
                cut(traced.skeleton, groups, {**whole, group.name: range((group.size + 1) // 2)}), traced.example_shapes
            )
        except ForwardError as error:
            failed[group.name] = f"forward() fails with fewer of them, at {error.where}"
    return failed or dict.fromkeys(whole, "forward() fails with fewer channels")


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


def _position(traced: TracedModel, layer: str) -> int:
    """Of a converted graph's operator, or the one it was taken out of, in the traced graph."""
    names = [op.name for op in traced.graph.ops]
    return next(index for index, name in enumerate(names) if name == layer or layer.startswith(f"{name}."))


def _first_mismatch(predicted: Graph, traced: Graph) -> str | None:
    """Name of the first operator whose output differs. Pure views come and go with axes of length 1."""
    ours = [op for op in predicted.ops if op.kind is not OpKind.RESHAPE]
    theirs = [op for op in traced.ops if op.kind is not OpKind.RESHAPE]
    for op, other in zip(ours, theirs, strict=False):
        if op.kind is not other.kind or predicted.output_of(op).shape != traced.output_of(other).shape:
            return op.name
        if isinstance(op.attrs, SliceAttrs) and op.attrs != other.attrs:
            return op.name  # as many channels, but others
    if len(ours) != len(theirs) or _output_shapes(predicted) != _output_shapes(traced):
        return predicted.ops[-1].name
    return None


def _output_shapes(graph: Graph) -> list[tuple[int, ...]]:
    return [graph.tensors[tensor].shape for tensor in graph.outputs]
