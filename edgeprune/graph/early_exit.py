"""Leaving a network early: the rule, and the operator that carries it.

A network with an exit gives two answers, its own and, from a layer half-way, the exit's: int8 (1, classes), one scale.
The exit's stands where its largest value leads the second largest by at least a margin; what only the network's own
answer needs then never runs. In real numbers the margin times the scale is the logarithm of how much likelier the
best class is than the next: the score margin of Park et al., "Big/Little Deep Neural Network for Ultra Low Power
Inference", CODES+ISSS 2015, in place of the entropy of Teerapittayanon et al., "BranchyNet", ICPR 2016,
arXiv:1709.01686. It needs no exponential, so that every device and this machine decide alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgeprune.errors import ModelError
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor

MARGINS = range(256)  # two int8 values are never further apart


def margins(exit_answers: np.ndarray) -> np.ndarray:
    """How far the largest value leads the second largest; 0 where they are equal.

    Args:
        exit_answers: int8 (N, classes), two classes or more.

    Returns:
        int64 (N,), 0..255.
    """
    ordered = np.sort(exit_answers.astype(np.int64), axis=1)
    difference: np.ndarray = ordered[:, -1] - ordered[:, -2]
    return difference


def leaves(exit_answers: np.ndarray, margin: int) -> np.ndarray:
    """bool (N,): the inputs that leave at the exit."""
    early: np.ndarray = margins(exit_answers) >= margin
    return early


def answers(own: np.ndarray, exit_answers: np.ndarray, margin: int) -> np.ndarray:
    """What the device answers.

    Args:
        own, exit_answers: int8 (N, classes), both of every input.
    """
    return np.where(leaves(exit_answers, margin)[:, None], exit_answers, own)


def choose_margin(
    own: np.ndarray, exit_answers: np.ndarray, lost_points: Callable[[np.ndarray], float], allowed_points: float
) -> int | None:
    """The least margin that loses no more than is allowed, of those that occur.

    Args:
        own, exit_answers: int8 (N, classes) of samples that decide, not of those that judge.
        lost_points: what these answers (N, classes) lose against `own`.

    Returns:
        None where every margin at which an input leaves costs more.
    """
    for margin in sorted(set(margins(exit_answers).tolist())):
        if lost_points(answers(own, exit_answers, margin)) <= allowed_points + 1e-9:
            return int(margin)
    return None


def with_early_exit(graph: Graph, margin: int) -> Graph:
    """The graph with one output, chosen by an EARLY_EXIT operator at its end; what the exit needs runs first.

    Args:
        graph: its outputs are the network's own answer and the exit's.

    Raises:
        ModelError: other outputs than these, or an exit nothing is behind.
    """
    if len(graph.outputs) != 2:
        raise ModelError(f"a network with an early exit has 2 outputs, this one {len(graph.outputs)}")
    own, early = (graph.tensors[index] for index in graph.outputs)
    if own.dtype is not DType.INT8 or early.dtype is not DType.INT8 or own.shape != early.shape or len(own.shape) != 2:
        raise ModelError(f"the answers of the network, {own.shape}, and of its exit, {early.shape}, are not alike")
    if own.qparams != early.qparams:
        raise ModelError(
            "the answers of the network and of its early exit have different scales",
            hint="end the network in its logits: a softmax at its end has a scale of its own, and changes no decision",
        )
    if any(tensor.is_variable for tensor in graph.tensors):
        raise ModelError("a recurrent network cannot leave early", hint="its state must see every input")
    if margin not in MARGINS:
        raise ModelError(f"a margin of {margin} is outside 0..{MARGINS[-1]}")
    answer = Tensor("answer", own.shape, own.dtype, own.qparams)
    choice = Op(OpKind.EARLY_EXIT, "early_exit", graph.outputs, (len(graph.tensors),), {"margin": margin})
    late = _behind(graph, graph.outputs[1])
    if not late:
        raise ModelError("nothing of the network runs behind its early exit", hint="leave after an earlier layer")
    ops = [op for index, op in enumerate(graph.ops) if index not in late]
    ops += [op for index, op in enumerate(graph.ops) if index in late]
    return replace(graph, tensors=(*graph.tensors, answer), ops=(*ops, choice), outputs=choice.outputs)


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
