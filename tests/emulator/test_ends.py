"""`run`, `verify` and `profile` of models with several inputs and outputs, of any type, and with state."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.command_line import run_edgeprune
from tests.firmware.files_of_others.stateful_nets import random_stream
from tests.firmware.one_op import ModelBuilder

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
TARGET = ("--target", "mps2-an386", "--json")


def three_ends() -> bytes:
    """uint8 and float32 in; int8 and float32 out."""
    b = ModelBuilder()
    bytes_in, floats_in = b.input((1, 6), dtype="uint8", scale=0.02, zero=128), b.input((1, 6), dtype="float32")
    one, other = b.tensor((1, 6), scale=0.02), b.tensor((1, 6), scale=0.03, zero=4)
    total, real = b.tensor((1, 6), scale=0.05, zero=-3), b.tensor((1, 6), "float32")
    b.op("QUANTIZE", [bytes_in], [one], schema.QuantizeOptionsT())
    b.op("QUANTIZE", [floats_in], [other], schema.QuantizeOptionsT())
    b.op("ADD", [one, other], [total], schema.AddOptionsT())
    b.op("DEQUANTIZE", [total], [real], schema.DequantizeOptionsT())
    b.output(total, real)
    return b.build()


def edgeprune(*arguments: str) -> Any:
    done = run_edgeprune(*arguments, *TARGET, cwd=Path())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_several_ends_by_name(tmp_path: Path) -> None:
    model, samples = tmp_path / "ends.tflite", tmp_path / "samples.npz"
    model.write_bytes(three_ends())
    rng = np.random.default_rng(0)
    np.savez(samples, t0=rng.random((3, 6)).astype(np.float32), t1=rng.normal(0, 1, (3, 1, 6)).astype(np.float32))
    assert edgeprune("verify", str(model), "--samples", str(samples))["verified_samples"] == 3
    found = edgeprune("run", str(model), "--samples", "2", "--data", str(samples))["outputs"]
    assert list(found) == ["t4", "t5"] and len(found["t4"]) == 2
    np.testing.assert_allclose(found["t4"], found["t5"], atol=1e-5)
    assert edgeprune("profile", str(model), "--ram-first")["total_instructions"] > 0


def test_a_sequence_of_a_model_with_state(tmp_path: Path) -> None:
    model = tmp_path / "stream.tflite"
    model.write_bytes(random_stream(3))
    assert edgeprune("verify", str(model), "--samples", "5", "--ram-first")["verified_samples"] == 5
