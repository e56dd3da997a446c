"""A real network on every board and under both compilers: the bytes of LiteRT's reference interpreter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.device.board import open_board
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.firmware import FirmwareSources, build_firmware
from edgeprune.toolchain.toolchain import find_toolchain

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "mlperf-tiny"


@pytest.fixture(scope="module")
def keywords():
    """(model bytes, one input, LiteRT's output) of the KWS benchmark network."""
    if not FOLDER.is_dir():
        pytest.skip("the MLPerf Tiny models are not beside the repository")
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    model = (FOLDER / "kws01_int8.tflite").read_bytes()
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    sample = np.random.default_rng(7).integers(-128, 128, entry["shape"]).astype(np.int8)
    interpreter.set_tensor(entry["index"], sample)
    interpreter.invoke()
    return model, sample.tobytes(), interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tobytes()


@pytest.mark.parametrize(
    ("board", "compiler"),
    [
        ("mps2-an385", "gcc"), ("mps2-an386", "gcc"), ("mps2-an500", "gcc"), ("mps2-an505", "gcc"),
        ("mps3-an547", "gcc"), ("netduinoplus2", "gcc"), ("mps2-an386", "zig"), ("mps3-an547", "zig"),
    ],
)  # fmt: skip
def test_keyword_spotting_gives_the_hosts_bytes(board, compiler, keywords, tmp_path):
    model, sample, expected = keywords
    target = load_target(board)
    compiled = compile_model(model, target, CompileOptions(Optimize.SPEED, "kws01", "test"))
    sources = FirmwareSources(compiled.sources(), compiled.kernel_sources, compiled.input_bytes, Optimize.SPEED)
    firmware = build_firmware(sources, target, tmp_path, toolchain=find_toolchain(compiler))
    with open_board(target, firmware.elf, firmware.build_id) as console:
        assert console.infer(sample) == expected
        timings, memory = console.layers(1), console.memory()
    assert len(timings.layer_ticks) == len(compiled.running)
    assert memory.arena_bytes == compiled.plan.arena_bytes
    assert memory.arena_bytes <= firmware.size.ram_parts["arena"] <= memory.arena_bytes + 3
    assert firmware.size.ram_parts["console"] >= compiled.input_bytes  # which it keeps a copy of
    data_bytes = firmware.size.ram_parts["data"] + firmware.size.ram_parts["console"]
    assert memory.data_bytes <= data_bytes <= memory.data_bytes + 3
    assert memory.stack_all_bytes < target.reserve.stack_bytes
