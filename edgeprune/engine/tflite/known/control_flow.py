"""IF and WHILE whose conditions are known when the file is read: the branch that runs, and the turns one by one.

A static plan has one straight line of operators. What is chosen while the model runs has no place in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from edgeprune.engine.tflite.flatfile import BROKEN_HINT
from edgeprune.engine.tflite.source import Source
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import Tensor

OPTIONS = {"IF": "IfOptions", "WHILE": "WhileOptions"}
"""Kinds of operators that run other subgraphs, and the class of their options."""

MOST_TURNS = 512
_UNROLL = "unroll the loop: a recurrent layer with unroll=True, or one exported as UNIDIRECTIONAL_SEQUENCE_LSTM"
_ONE_BRANCH = "export one branch alone: what is chosen while the model runs has no place in a static plan"

Indices = tuple[int, ...]


class Inline(Protocol):
    """Puts a subgraph's operators where another stands."""

    def __call__(self, source: Source, subgraph: int, given: Indices, name: str) -> Indices:
        """Its outputs, as `given` tensors make them; `name` goes in front of its own names."""

    def tensor(self, index: int) -> Tensor: ...

    def operators(self) -> int:
        """How many there are by now, those that are constant left out."""


def _known(source: Source, tensor: Tensor, hint: str) -> bool:
    """The value of a condition."""
    if tensor.data is None:
        raise UnsupportedOp(f"{source.where}: its condition is computed while the model runs", hint)
    if tensor.data.size != 1:
        raise ModelError(f"{source.where}: a condition of shape {tensor.shape}", BROKEN_HINT)
    return bool(tensor.data.reshape(-1)[0])


def branch(source: Source, inputs: Indices, inline: Inline) -> Indices:
    """What the branch gives that an IF runs."""
    options = source.options
    chosen = _known(source, source.input(0), _ONE_BRANCH)
    subgraph = options.ThenSubgraphIndex() if chosen else options.ElseSubgraphIndex()
    return inline(source, subgraph, inputs[1:], source.name)


def turns(source: Source, inputs: Indices, inline: Inline) -> Indices:
    """What a WHILE's last turn gives."""
    options, values = source.options, inputs
    for turn in range(MOST_TURNS + 1):
        before = inline.operators()
        (condition, *more) = inline(source, options.CondSubgraphIndex(), values, f"{source.name}/while_{turn}")
        if more:
            raise ModelError(f"{source.where}: {1 + len(more)} conditions", BROKEN_HINT)
        going = _known(source, inline.tensor(condition), _UNROLL)
        if inline.operators() != before:
            raise UnsupportedOp(f"{source.where}: its condition reads what is computed while the model runs", _UNROLL)
        if not going:
            return values
        values = inline(source, options.BodySubgraphIndex(), values, f"{source.name}/{turn}")
    raise UnsupportedOp(f"{source.where}: more than {MOST_TURNS} turns", "export the loop's operators with fewer steps")


RUNS: Mapping[str, Callable[[Source, Indices, Inline], Indices]] = {"IF": branch, "WHILE": turns}
