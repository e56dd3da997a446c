"""Where float outputs are clamped, against PyTorch's own activations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from edgeprune.engine.kernels.floats.pair import RANGES
from edgeprune.ir import Activation

MOST = float(np.finfo(np.float32).max)
CURVES = {
    Activation.NONE: lambda x: x, Activation.RELU: functional.relu, Activation.RELU6: functional.relu6,
    Activation.RELU_N1_TO_1: functional.hardtanh,
}  # fmt: skip


@pytest.mark.parametrize("activation", list(RANGES))
def test_outputs_are_clamped_as_the_activation_does(activation: Activation) -> None:
    ends = CURVES[activation](torch.tensor([-MOST, MOST]))
    assert RANGES[activation] == tuple(ends.tolist())
