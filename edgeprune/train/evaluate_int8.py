"""The figures of an int8 file on a split, run on this machine."""

from __future__ import annotations

import numpy as np
import torch

from edgeprune.quantize.host import Kernels, dequantized_outputs
from edgeprune.train.metrics import Metric
from edgeprune.train.splits import Split


def channels_last(split: Split) -> np.ndarray:
    """A split's samples in the file's layout: float32 (N, H, W, C) or (N, F)."""
    samples = split.tensor().numpy()
    return np.ascontiguousarray(np.moveaxis(samples, 1, -1))


def evaluate_int8(tflite: bytes, split: Split, metric: Metric, kernels: Kernels = Kernels.FAST) -> float:
    """The metric of the int8 model over a split; of a model with one output."""
    (outputs,) = dequantized_outputs(tflite, channels_last(split), kernels)
    return float(metric.score(torch.from_numpy(outputs), split.targets))
