"""Resource variables keep their values from one inference to the next, and begin as the file says."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.graph.states import with_states_in_place
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, OpKind
from edgeprune.quantize.host import reference_sequence
from edgeprune.quantize.reference import reference_interpreter
from tests.firmware.board_engine import run_on_board
from tests.firmware.files_of_others.stateful_nets import StatefulNet, random_stream
from tests.firmware.host_engine import IDENTITY, place_disjoint, random_samples, run_c
from tests.firmware.random_nets import Value

CALLS = 6
FAULTS = Path(__file__).resolve().parents[4] / "shared" / "data" / "faults"
needs_faults = pytest.mark.skipif(not FAULTS.is_dir(), reason="no ../shared/data/faults beside the repository")


def assert_sequence(model: bytes, in_place: bool) -> Graph:
    """The engine's outputs, call after call, are LiteRT's."""
    graph = clean(read_tflite(model))
    graph = with_states_in_place(graph) if in_place else graph
    calls, samples = lower(graph, Isa.DSP, Optimize.SPEED), random_samples(model, CALLS, seed=3)
    disjoint = place_disjoint(graph, calls)
    apart = run_c(graph, emit(graph, calls, disjoint, IDENTITY), samples, gaps=disjoint.gaps)
    planned = run_c(graph, emit(graph, calls, make_plan(graph, calls), IDENTITY), samples)
    for ours in (apart, planned):
        for one, other in zip(ours, reference_sequence(model, samples), strict=True):
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)
    return graph


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("begins", [False, True])
def test_streams(in_place: bool, begins: bool) -> None:
    for seed in range(3):
        assert_sequence(random_stream(seed, begins), in_place)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_streams() -> None:
    for seed in range(10, 60):
        assert_sequence(random_stream(seed, begins=seed % 2 == 0), in_place=seed % 4 < 2)


def test_a_stream_is_read_and_written_where_it_lies() -> None:
    b = StatefulNet(1)
    graph = assert_sequence(b.build(b.conv(b.streamed(b.input(1, 1, 5, 4), 2, "rows"), 6)), in_place=True)
    assert [op.kind for op in graph.ops] == [OpKind.CONCATENATION, OpKind.STRIDED_SLICE, OpKind.CONV_2D]


def test_what_is_read_before_a_change_stays() -> None:
    b = StatefulNet(2)
    x = b.input(1, 2, 3, 4)
    like = Value(-1, x.shape, x.scale, x.zero)
    handle = b.variable("v", like)
    before = b.read(handle, like)
    b.assign(handle, x)
    model = b.build(b.add(b.reshape(before, 1, 2, 3, 4), b.read(handle, like)))
    assert OpKind.READ_VARIABLE in [op.kind for op in assert_sequence(model, in_place=True).ops]


def test_kept_beside_a_file_they_are_as_inside_it() -> None:
    """Our stand-in for variables that LiteRT does not begin, on files that it does run."""
    from edgeprune.quantize import reference
    from edgeprune.quantize.states_outside import StatesOutside

    model = random_stream(7)
    inside, beside = reference_interpreter(model), StatesOutside(model, reference._interpreter)
    for sample in random_samples(model, CALLS, seed=1):
        outputs = []
        for interpreter in (inside, beside):
            for port, values in zip(interpreter.get_input_details(), sample, strict=True):
                interpreter.set_tensor(port["index"], values)
            interpreter.invoke()
            outputs.append([interpreter.get_tensor(port["index"]).copy() for port in interpreter.get_output_details()])
        for one, other in zip(*outputs, strict=True):
            np.testing.assert_array_equal(one, other)


@needs_faults
@pytest.mark.parametrize("in_place", [False, True])
def test_file_of_others(in_place: bool) -> None:
    assert_sequence((FAULTS / "resource_state.tflite").read_bytes(), in_place)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
def test_on_a_board() -> None:
    model = random_stream(3)
    samples, graph = random_samples(model, CALLS, seed=1), with_states_in_place(clean(read_tflite(model)))
    calls = lower(graph, Isa.DSP, Optimize.SPEED)
    found = run_on_board("mps2-an386", emit(graph, calls, make_plan(graph, calls), IDENTITY), calls, samples)
    assert found == [b"".join(part.tobytes() for part in outputs) for outputs in reference_sequence(model, samples)]
