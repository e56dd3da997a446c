"""UNIDIRECTIONAL_SEQUENCE_LSTM: random sizes, coupled gates, peepholes, projections, clips; states over inferences."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from edgeprune.hardware.profile import Isa
from edgeprune.hardware.registry import load_target
from tests.firmware.board_engine import run_on_board
from tests.firmware.cases import FEW, MANY, SCALES, SEEDS, ZEROS, Case, check, many
from tests.firmware.host_engine import IDENTITY, assert_same_bytes, place_disjoint, random_samples, run_litert
from tests.firmware.one_op import ModelBuilder


@st.composite
def lstms(draw: st.DrawFn) -> Case:
    batch, steps = draw(st.sampled_from([1, 1, 2])), draw(st.integers(1, 4))
    in_len, cell_len = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    projected, peephole, coupled = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    out_len = draw(st.integers(1, 6)) if projected else cell_len
    if peephole and (out_len > cell_len or batch > 1):
        projected, out_len = False, cell_len  # LiteRT reads other cells' values there
    time_major, clipped = draw(st.booleans()), draw(st.booleans())
    cell_power = draw(st.integers(-15, -9))
    in_scale, in_zero, state_zero, hidden_zero = draw(SCALES), draw(ZEROS), draw(ZEROS), draw(ZEROS)
    largest, seed = draw(st.sampled_from([127, 127, 40])), draw(SEEDS)

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)

        def weights(*shape: int) -> int:
            return b.tensor(
                shape, scale=float(rng.uniform(0.002, 0.03)), data=rng.integers(-largest, largest + 1, shape)
            )

        def optional(absent: bool, make: int) -> int:
            return -1 if absent else make

        lead = (steps, batch) if time_major else (batch, steps)
        state_scale = float(rng.uniform(0.004, 0.02))
        data = b.input((*lead, in_len), scale=in_scale, zero=in_zero)
        in_weights = [optional(coupled and gate == 0, weights(cell_len, in_len)) for gate in range(4)]
        state_weights = [optional(coupled and gate == 0, weights(cell_len, out_len)) for gate in range(4)]
        peepholes = [
            b.tensor((cell_len,), "int16", 2.0**-14, data=rng.integers(-32767, 32768, cell_len)) for _ in range(3)
        ]
        peepholes = [optional(not peephole or (coupled and gate == 0), peepholes[gate]) for gate in range(3)]
        biases = [
            optional(
                coupled and gate == 0, b.tensor((cell_len,), "int32", 1e-4, data=rng.integers(-5000, 5000, cell_len))
            )
            for gate in range(4)
        ]
        projection = optional(not projected, weights(out_len, cell_len))
        projection_bias = optional(
            not projected, b.tensor((out_len,), "int32", 1e-4, data=rng.integers(-500, 500, out_len))
        )
        state = b.tensor((batch, out_len), scale=state_scale, zero=state_zero, is_variable=True)
        cell = b.tensor((batch, cell_len), "int16", 2.0**cell_power, is_variable=True)
        output = b.tensor((*lead, out_len), scale=state_scale, zero=state_zero)
        options = schema.UnidirectionalSequenceLSTMOptionsT()
        options.fusedActivationFunction, options.timeMajor = schema.ActivationFunctionType.TANH, time_major
        options.cellClip = 3.0 * 2.0 ** (cell_power + 11) if clipped else 0.0
        options.projClip = 0.3 if clipped and projected else 0.0
        inputs = [data, *in_weights, *state_weights, *peepholes, *biases, projection, projection_bias, state, cell]
        b.op("UNIDIRECTIONAL_SEQUENCE_LSTM", [*inputs, -1, -1, -1, -1], [output], options)
        carried = [b.tensor((0,), "int16", 1.0) for _ in range(4)]
        hidden_scale = state_scale if not projected else float(rng.uniform(0.004, 0.02))
        carried.append(b.tensor((0,), "int8", hidden_scale, hidden_zero))
        b.graph.operators[-1].intermediates = carried
        b.output(output)

    return Case(
        f"{batch}x{steps}x{in_len} {cell_len} cells -> {out_len} projected={projected} peephole={peephole} "
        f"coupled={coupled} time_major={time_major} clipped={clipped} cell 2^{cell_power}", add,
    )  # fmt: skip


@FEW
@given(many(lstms()))
def test_lstm(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.parametrize("isa", [Isa.SCALAR, Isa.DSP])
@settings(parent=FEW, max_examples=1)
@given(cases=many(lstms()))
def test_lstm_by_blocks_of_rows(isa: Isa, cases: list[Case]) -> None:
    """Eight or six rows at a time, as plain C on this machine."""
    model = _together(cases)
    assert all(call.function == f"ep_lstm_{isa}" for call in lower(read_tflite(model), isa, Optimize.SPEED))
    assert_same_bytes(model, random_samples(model, 3, seed=1), isa=isa)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize("board", ["mps2-an385-armv6m", "mps2-an385", "mps2-an386", "mps3-an547"])
@settings(parent=FEW, max_examples=1)
@given(cases=many(lstms()))
def test_lstm_on_a_board(board: str, cases: list[Case]) -> None:
    model = _together(cases)
    graph, samples = read_tflite(model), random_samples(model, 3, seed=1)
    calls = lower(graph, load_target(board).cpu.isa, Optimize.SPEED)
    assert not any(call.function == "ep_lstm_ref" for call in calls)
    found = run_on_board(board, emit(graph, calls, place_disjoint(graph, calls), IDENTITY), calls, samples)
    assert found == [b"".join(output.tobytes() for output in outputs) for outputs in run_litert(model, samples)]


def _together(cases: list[Case]) -> bytes:
    builder = ModelBuilder()
    for case in cases:
        case.add(builder)
    return builder.build()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(lstms()))
def test_thousands_of_lstms(cases: list[Case]) -> None:
    check(cases)


@settings(parent=FEW, max_examples=1)
@given(lstms())
def test_an_output_without_scale_is_refused(case: Case) -> None:
    """LiteRT answers zeros (found by damaged files)."""
    builder = ModelBuilder()
    case.add(builder)
    graph = read_tflite(builder.build())
    output = graph.ops[0].outputs[0]
    tensors = list(graph.tensors)
    tensors[output] = replace(tensors[output], qparams=None)
    with pytest.raises(ModelError, match="its output has no scale"):
        lower(replace(graph, tensors=tuple(tensors)), Isa.REF, Optimize.BALANCED)
