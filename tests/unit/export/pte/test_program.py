"""Reading `.pte` files; those beside this file are a small network's, by ExecuTorch 1.5.1."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from edgeprune.errors import ModelError
from edgeprune.export.pte.program import PteTensor, read_pte

HERE = Path(__file__).parent


def content(name: str) -> bytes:
    return (HERE / f"{name}.pte").read_bytes()


def test_a_program_of_xnnpack() -> None:
    program = read_pte(content("xnnpack"), "xnnpack.pte")
    assert program.delegates == ("XnnpackBackend",) and program.size_bytes == len(content("xnnpack"))
    inside = [(one.name, one.precision) for one in program.operators]
    assert {("conv2d", "int8"), ("global_avg_pooling2d", "int8"), ("fully_connected", "int8")} <= set(inside)
    assert {precision for _, precision in inside} == {"int8", "moves"} and program.float_operators == ()
    assert program.inputs == (PteTensor("float32", (1, 3, 8, 8), (0, 1, 2, 3)),)
    # The delegate's copies of 8x3x3x3 and 4x8 weights are in it; what it plans holds its input and output.
    assert program.delegate_bytes > 8 * 27 + 4 * 8
    assert sum(program.planned_bytes) >= 4 * (3 * 64 + 4)


def test_the_step_of_an_output_is_the_one_its_values_lie_on() -> None:
    """Of the conversion to floats that XNNPACK ends with; a whole number is its own step."""
    (real,), (whole,) = (read_pte(content(name), name).outputs for name in ("xnnpack", "cortex-m"))
    assert real.step is not None and (real.dtype, whole.dtype, whole.step) == ("float32", "int8", 1.0)
    payload = content("xnnpack")
    assert struct.pack("<f", real.step) in payload and 0 < real.step < 0.1


def test_a_program_for_cortex_m() -> None:
    program = read_pte(content("cortex-m"), "cortex-m.pte")
    assert program.delegates == () and program.delegate_bytes == 0
    assert {one.runs_on for one in program.operators} == {"cortex_m kernels (CMSIS-NN)"}
    assert program.operators[0].name == "cortex_m::quantized_conv2d"
    assert program.inputs[0].dtype == "int8" and program.inputs[0].order == (0, 2, 3, 1)
    assert program.settings["input0_scale"] > 0 and -128 <= program.settings["input0_zp"] <= 127
    assert program.constant_bytes > 8 * 27 + 4 * 8
    assert sum(program.planned_bytes) >= 3 * 64 + 8 * 64


@pytest.mark.parametrize("name", ["xnnpack", "cortex-m"])
def test_a_file_that_is_cut_off_is_refused_wherever_it_ends(name: str) -> None:
    whole = content(name)
    for size in range(0, len(whole) - 64, 61):
        with pytest.raises(ModelError, match="not a whole ExecuTorch program"):
            read_pte(whole[:size], "cut.pte")


def test_offsets_that_point_back_do_not_hang() -> None:
    """Every offset of a table of tables turned to its own beginning."""
    whole = content("cortex-m")
    for at in range(40, 1200, 4):
        damaged = whole[:at] + (0).to_bytes(4, "little") + whole[at + 4 :]
        try:
            read_pte(damaged, "damaged.pte")
        except ModelError as refused:
            assert refused.hint


def test_another_kind_of_file_is_told() -> None:
    with pytest.raises(ModelError, match=r"text\.pte is not a whole ExecuTorch program: it does not begin as one"):
        read_pte(b"no program " * 20, "text.pte")
