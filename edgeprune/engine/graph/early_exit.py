"""The operator by which a network is left early: EARLY_EXIT, a choice between its own output and the exit's.

A network with an exit has two outputs, its own and, from a layer half-way, the exit's: int8 (1, classes), one scale.
The exit's is used where its margin is large enough (`quantize/exit_rule.py`); layers that only the network's own output
needs do not run then.
"""

from __future__ import annotations

from dataclasses import replace

from edgeprune.errors import ModelError
from edgeprune.ir import DType, EarlyExitAttrs, Graph, Op, OpKind, Tensor

MARGINS = range(256)  # two int8 values never differ by more


def with_early_exit(graph: Graph, margin: int) -> Graph:
    """The graph with one output, chosen by an EARLY_EXIT operator at its end; what the exit needs runs first.

    Args:
        graph: its outputs are the network's own and the exit's.

    Raises:
        ModelError: other outputs than these, or an exit nothing is behind.
    """
    if len(graph.outputs) != 2:
        raise ModelError(f"a network with an early exit has 2 outputs, this one {len(graph.outputs)}")
    own, early = (graph.tensors[index] for index in graph.outputs)
    if own.dtype is not DType.INT8 or early.dtype is not DType.INT8 or own.shape != early.shape or len(own.shape) != 2:
        raise ModelError(f"the outputs of the network, {own.shape}, and of its exit, {early.shape}, are not alike")
    if own.qparams != early.qparams:
        raise ModelError(
            "the outputs of the network and of its early exit have different scales",
            hint="end the network in its logits: a softmax at its end has a scale of its own, and changes no decision",
        )
    if any(tensor.is_variable for tensor in graph.tensors):
        raise ModelError("a recurrent network cannot leave early", hint="its state must see every input")
    if margin not in MARGINS:
        raise ModelError(f"a margin of {margin} is outside 0..{MARGINS[-1]}")
    output = Tensor("answer", own.shape, own.dtype, own.qparams)
    choice = Op(OpKind.EARLY_EXIT, "early_exit", graph.outputs, (len(graph.tensors),), EarlyExitAttrs(margin=margin))
    late = _behind(graph, graph.outputs[1])
    if not late:
        raise ModelError("nothing of the network runs behind its early exit", hint="leave after an earlier layer")
    ops = [op for index, op in enumerate(graph.ops) if index not in late]
    ops += [op for index, op in enumerate(graph.ops) if index in late]
    return replace(graph, tensors=(*graph.tensors, output), ops=(*ops, choice), outputs=choice.outputs)


def early_exit_of(graph: Graph) -> int | None:
    """Position of the EARLY_EXIT operator; None without one."""
    return next((index for index, op in enumerate(graph.ops) if op.kind is OpKind.EARLY_EXIT), None)


def skipped(graph: Graph) -> frozenset[int]:
    """Positions of the operators that do not run for an input that leaves early; none without an exit."""
    choice = early_exit_of(graph)
    return frozenset() if choice is None else _behind(graph, graph.ops[choice].inputs[1]) - {choice}


def added(graph: Graph) -> frozenset[int]:
    """Positions of the operators the network would do without: the exit's own, and the choice; none without an exit."""
    choice = early_exit_of(graph)
    return frozenset() if choice is None else _behind(graph, graph.ops[choice].inputs[0])


def passing_by(graph: Graph) -> frozenset[int]:
    """Activations that what may be skipped reads from before: one, where the network is left between two blocks."""
    late = skipped(graph)
    read = {tensor for index in late for tensor in graph.ops[index].inputs if tensor >= 0}
    return frozenset(
        tensor for tensor in read if graph.producer.get(tensor) not in late and not graph.tensors[tensor].is_constant
    )


def _behind(graph: Graph, tensor: int) -> frozenset[int]:
    """Positions of the operators that `tensor` does not depend on."""
    needed, tensors = set[int](), [tensor]
    while tensors:
        maker = graph.producer.get(tensors.pop())
        if maker is not None and maker not in needed:
            needed.add(maker)
            tensors += graph.ops[maker].inputs
    return frozenset(range(len(graph.ops))) - needed
