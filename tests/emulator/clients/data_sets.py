"""Data sets laid out as MLCommons lays out its own, and what LiteRT makes of each window of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.ir import Tensor
from edgeprune.quantize.host import Kernels, all_int8_outputs

STRIDE_VALUES = 16


def write_labels(folder: Path, rows: list[str]) -> None:
    (folder / "y_labels.csv").write_text("".join(f"{row}\n" for row in rows))


def stored(folder: Path, samples: np.ndarray, labels: np.ndarray, classes: int) -> list[np.ndarray]:
    """A file a sample, its bytes as they are; the windows in the order a runner sends them."""
    folder.mkdir(parents=True)
    for number, sample in enumerate(samples):
        (folder / f"{number}.bin").write_bytes(sample.tobytes())
    write_labels(folder, [f"{number}.bin, {classes}, {label}" for number, label in enumerate(labels)])
    return list(samples)


def stored_series(folder: Path, series: list[np.ndarray], window_values: int, labels: list[int]) -> list[np.ndarray]:
    """Files of float32 that are sent window by window, as for anomaly detection."""
    folder.mkdir(parents=True)
    windows = []
    for number, values in enumerate(series):
        (folder / f"{number}.bin").write_bytes(values.tobytes())
        starts = range(0, len(values) - window_values + 1, STRIDE_VALUES)
        windows += [values[start : start + window_values] for start in starts]
    ends = f"{4 * window_values}, {4 * STRIDE_VALUES}"
    write_labels(folder, [f"{number}.bin, 2, {label}, {ends}" for number, label in enumerate(labels)])
    return windows


def of_pixels(windows: list[np.ndarray]) -> np.ndarray:
    """What the benchmark's reference firmware fills an int8 input with."""
    return (np.stack(windows).astype(np.int16) - 128).astype(np.int8)


def of_floats(windows: list[np.ndarray], end: Tensor) -> np.ndarray:
    """Quantized as the benchmark's reference firmware does, halves away from zero."""
    assert end.qparams is not None
    steps = np.stack(windows) / np.float32(end.qparams.scale[0])
    whole = np.trunc(steps)
    rounded = whole + np.where(np.abs(steps - whole) >= 0.5, np.sign(steps), 0)
    return np.clip(rounded + end.qparams.zero_point[0], -128, 127).astype(np.int8)


def outputs(tflite: bytes, inputs: np.ndarray) -> np.ndarray:
    """(windows, values) float32 of LiteRT's reference interpreter, dequantized."""
    graph = read_tflite(tflite)
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    answers = all_int8_outputs(tflite, inputs.reshape(-1, *shape), Kernels.REFERENCE)[0]
    end = graph.tensors[graph.outputs[0]].qparams
    assert end is not None
    real = (answers.astype(np.float32) - np.float32(end.zero_point[0])) * np.float32(end.scale[0])
    return real.reshape(len(inputs), -1)
