"""Networks that return several tensors: taken apart and put together in one order."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.model.answers import joined, mapped, parts_of, rebuilt
from edgeprune.model.trace import trace

Boxes = namedtuple("Boxes", ["where", "what"])


@dataclass(frozen=True)
class Output:
    logits: Any
    hidden: Any = None


A, B, C = torch.zeros(2, 1), torch.ones(2, 3), torch.full((2, 2), 2.0)
ANSWERS: list[Any] = [
    A,
    (A, B),
    [A, [B, C]],
    {"classes": A, "boxes": (B, C)},
    Boxes(A, {"deep": [B, None, C]}),
    OrderedDict(z=A, a=B),
    Output(A, (B, None, C)),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_put_together_as_it_was(answer: Any) -> None:
    parts = parts_of(answer)
    again = rebuilt(answer, [part + 1 for part in parts])
    assert type(again) is type(answer)
    assert all(torch.equal(one, other + 1) for one, other in zip(parts_of(again), parts, strict=True))
    assert [part.data_ptr() for part in parts_of(answer)] == [part.data_ptr() for part in parts], "left as it was"


def test_batches_are_joined_and_functions_reach_every_part() -> None:
    both = joined([{"a": A, "b": B}, {"a": A + 1, "b": B + 1}])
    assert {name: tuple(part.shape) for name, part in both.items()} == {"a": (4, 1), "b": (4, 3)}
    assert float(mapped(Tensor.double, both)["a"].sum()) == 2.0


def test_a_string_is_no_answer() -> None:
    with pytest.raises(ModelError, match="returns a str"):
        parts_of({"name": "cat"})


def test_outputs_of_the_graph_are_in_the_order_of_the_parts() -> None:
    class TwoHeads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(4, 3), nn.Linear(4, 5)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            two = self.two(x)
            return {"one": self.one(x), "two": two}

    traced = trace(TwoHeads(), (1, 4))
    shapes = [tuple(part.shape) for part in parts_of(traced.recording.answer)]
    assert shapes == [traced.graph.tensors[index].shape for index in traced.graph.outputs] == [(1, 3), (1, 5)]
