"""Samples of an `.npz` suit the model, or are refused with what is wrong; what was clipped is said."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import DataError, VerificationError
from edgeprune.tasks.samples import Samples, samples_for
from tests.firmware.random_nets import NetBuilder

INPUTS = np.random.default_rng(0).integers(-128, 128, (20, 16), np.int8)


@pytest.fixture(scope="module")
def subject() -> Any:
    net = NetBuilder(1)
    data = net.build(net.dense(net.input(1, 16), 4))
    return SimpleNamespace(
        name="dense.tflite", tflite=data, model=SimpleNamespace(graph=read_tflite(data)), samples=None, exit_margin=None
    )


def read(subject: Any, folder: Path, arrays: dict[str, np.ndarray], count: int = 100) -> Samples:
    path = folder / "data.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return samples_for(subject, count, path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": INPUTS, "y": np.zeros(7, np.int64)}, "'y' has 7 targets for 20 samples"),
        ({"x": INPUTS, "y": np.array(3)}, "'y' is a single value"),
        ({"x": np.array(3)}, "'x' is a single value"),
        ({"x": INPUTS[:0]}, "'x' holds no sample"),
        ({"x": INPUTS[:, :8]}, r"'x' is \(20, 8\), the model takes \(N, 16\)"),
        ({"x": INPUTS.astype(np.int16)}, "'x' is int16, the model takes int8"),
        ({"x": INPUTS > 0}, "'x' is bool, the model takes int8"),
        ({"x": np.where(INPUTS > 0, np.nan, 1.0)}, r"of 320 values of 'x' are NaN or infinite"),
        ({"z": INPUTS}, "holds no 't0', only z"),
    ],
)
def test_what_does_not_suit_is_refused(subject: Any, tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(DataError, match=words) as refused:
        read(subject, tmp_path, arrays)
    assert refused.value.hint


def test_real_values_are_quantized_and_what_is_clipped_is_said(subject: Any, tmp_path: Path) -> None:
    port = subject.model.graph.tensors[subject.model.graph.inputs[0]]
    scale, zero = port.qparams.scale[0], port.qparams.zero_point[0]
    real = (INPUTS.astype(np.float64) - zero) * scale
    inside = read(subject, tmp_path, {"x": real, "y": np.arange(20)})
    assert np.array_equal(inside.inputs[0], INPUTS) and inside.notes == ()
    real[:5] = 1e6  # a quarter, as where pixels of 0 to 255 meet a model of 0 to 1
    clipped = read(subject, tmp_path, {"x": real}, 10)
    assert (clipped.inputs[0][:5] == 127).all()
    reach = f"{(-128 - zero) * scale:.4g} to {(127 - zero) * scale:.4g}"
    assert clipped.notes == (f"50.0% of 'x' are beyond what the input can hold, {reach}, and clipped",)


def test_outputs_of_another_size_than_the_file_states_are_named(subject: Any, tmp_path: Path) -> None:
    samples = read(subject, tmp_path, {"x": INPUTS})
    with pytest.raises(VerificationError, match="3 B came back for a sample, and the file's outputs are 4 B"):
        samples.outputs_of(np.zeros((20, 3), np.uint8))
