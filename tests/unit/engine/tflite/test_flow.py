"""Graphs whose tensors come from nowhere, twice or too late are refused, each for its own reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import Identity, emit
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.plan.validator import validate_plan
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from edgeprune.hardware.profile import Isa
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


@pytest.mark.parametrize("named", [0, 3, 4])
def test_what_is_written_anew_is_no_state_whatever_the_file_calls_it(named: int) -> None:
    """It was planned as one and in the place of another: no plan was proved."""
    graph = read_tflite(built(lambda model: setattr(model.graph.tensors[named], "isVariable", True)))
    assert not any(tensor.is_variable for tensor in graph.tensors)
    calls = lower(graph, Isa.REF, Optimize.BALANCED)
    validate_plan(graph, calls, make_plan(graph, calls))


def test_a_state_is_read_before_it_is_written_and_by_no_other_kind() -> None:
    def early(model: ModelBuilder) -> None:
        model.graph.tensors[3].isVariable = True
        model.graph.operators.reverse()

    with pytest.raises(ModelError, match="reads 't3' before it exists"):
        read_tflite(built(early))


@pytest.mark.parametrize("kind", ["HARD_SWISH", "LOG", "ABS"])
def test_a_function_of_bytes_without_a_scale_is_refused_with_what_it_lacks(kind: str) -> None:
    model = ModelBuilder()
    ends = model.input((1, 3)), model.tensor((1, 3))
    model.op(kind, ends[:1], ends[1:])
    model.output(ends[1])
    graph = read_tflite(model.build())
    calls = lower(graph, Isa.REF, Optimize.BALANCED)
    with pytest.raises(ModelError, match="has no scale") as refused:
        emit(graph, calls, make_plan(graph, calls), Identity("m", "0", "host", "c", "0"))
    assert refused.value.hint == "quantize the model to full int8"


def test_a_function_with_two_outputs_is_refused_in_words() -> None:
    model = ModelBuilder()
    ends = model.input((1, 3), dtype="float32"), model.tensor((1, 3), "float32"), model.tensor((1, 3), "float32")
    model.op("CEIL", ends[:1], ends[1:])
    model.output(*ends[1:])
    with pytest.raises(ModelError, match=r"CEIL 't1' .*: it has 2 outputs"):
        read_tflite(model.build())
