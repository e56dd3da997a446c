"""Graphs whose tensors come from nowhere, twice or too late are refused, each for its own reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from tests.firmware.one_op import ModelBuilder


def built(damage: Callable[[ModelBuilder], None] = lambda model: None) -> bytes:
    """Inputs 0 and 1, constant 2; RELU 0 -> 3, ADD 3 and 1 -> 4, output 4."""
    model = ModelBuilder()
    for _ in range(2):
        model.input((1, 3), scale=0.1)
    model.tensor((1, 3), scale=0.1, data=np.ones((1, 3)))
    for _ in range(2):
        model.tensor((1, 3), scale=0.1)
    model.op("RELU", [0], [3])
    model.op("ADD", [3, 1], [4], schema.AddOptionsT())
    model.output(4)
    damage(model)
    return model.build()


def _set(table: str, index: int, name: str, value: list[int]) -> Callable[[ModelBuilder], None]:
    return lambda model: setattr(getattr(model.graph, table)[index], name, value)


def _ends(name: str, value: list[int]) -> Callable[[ModelBuilder], None]:
    return lambda model: setattr(model.graph, name, value)


def _nobody_writes(model: ModelBuilder) -> None:
    model.graph.outputs = [model.tensor((1, 3), scale=0.1)]


def test_a_sound_graph_is_read() -> None:
    graph = read_tflite(built())
    assert len(graph.ops) == 2 and [graph.tensors[index].name for index in graph.outputs] == ["t4"]
    assert len(read_tflite(built(_set("operators", 1, "inputs", [3, 2]))).ops) == 2  # a constant exists by itself


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_ends("outputs", []), r"graph inputs .*, outputs \(\)"),
        (_ends("outputs", [5]), "of 5 tensors"),
        (_ends("outputs", [-1]), "of 5 tensors"),
        (_ends("outputs", [2]), "the output 't2' is a constant"),
        (_nobody_writes, "nothing writes the output 't5'"),
        (_ends("inputs", [0, 5]), "of 5 tensors"),
        (_ends("inputs", [0, 1, 0]), r"graph inputs \(0, 1, 0\)"),
        (_ends("inputs", [0, 1, 2]), "a graph input is a constant"),
        (_ends("inputs", [0]), "reads 't1' before it exists"),
        (_set("operators", 0, "inputs", [4]), "reads 't4' before it exists"),
        (_set("operators", 1, "outputs", [3]), "writes 't3', which exists already"),
        (_set("operators", 1, "outputs", [2]), "writes 't2', which exists already"),
        (_set("operators", 1, "outputs", [0]), "writes 't0', which exists already"),
        (_set("tensors", 3, "shape", [1, 0]), "has no elements"),
    ],
)
def test_each_fault_is_named(damage: Callable[[ModelBuilder], None], why: str) -> None:
    with pytest.raises(ModelError, match=why):
        read_tflite(built(damage))
