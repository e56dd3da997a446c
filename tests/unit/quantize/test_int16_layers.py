"""int16 activations in some layers between int8 ones: from the trace to bytes, and which layers are worth it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edgeprune.export.mixed import int16_choice
from edgeprune.export.tflite import export_tflite
from edgeprune.ir import DType, OpKind
from edgeprune.model.noted.int16_layers import int16_layers, note_int16_layers
from edgeprune.model.trace import trace
from tests.checked_module import check_module
from tests.random_modules import random_module

_KINDS = (
    OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D, OpKind.FULLY_CONNECTED, OpKind.ADD, OpKind.MUL, OpKind.MEAN,
    OpKind.RESHAPE, OpKind.PAD, OpKind.CONCATENATION, OpKind.LOGISTIC, OpKind.TANH,
)  # fmt: skip


@pytest.mark.parametrize("seed", [1, 10])
def test_any_layers_may_have_int16_activations(seed: int) -> None:
    """Predicted as exported, also thinned; our bytes are LiteRT's."""
    module, shape = random_module(seed)
    rng = np.random.default_rng(seed)
    layers = [op.name for op in trace(module, shape).graph.ops if op.kind in _KINDS and rng.random() < 0.4]
    note_int16_layers(module, layers)
    checked = check_module(module, shape, seed)
    assert checked.operators[OpKind.QUANTIZE] >= 2


class Wide(nn.Module):
    """A sum whose terms all but cancel: what is left of it is less than a step of int8."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.back, self.head = nn.Conv2d(2, 8, 3, padding=1), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 4, 1)
        with torch.no_grad():
            self.back.weight.copy_(-torch.eye(8)[:, :, None, None] * 0.98)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.head(torch.relu(x + self.back(x)))


def wide() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return Wide().eval(), torch.randn(32, 2, 8, 8)


def test_layers_to_blame_get_int16_and_the_outputs_come_nearer() -> None:
    module, samples = wide()
    choice = int16_choice(module, samples)
    assert choice.layers and choice.mixed_db >= choice.int8_db + 1
    assert not int16_layers(module)  # a trial leaves no note
    note_int16_layers(module, choice.layers)
    made = export_tflite(module, samples)
    assert made.sqnr_db == pytest.approx(choice.mixed_db)
    graph = made.graph()
    types = {graph.tensors[index].dtype for op in graph.ops for index in op.outputs}
    assert types == {DType.INT8, DType.INT16}
    assert {graph.tensors[index].dtype for index in (*graph.inputs, *graph.outputs)} == {DType.INT8}
    assert any(layer.name in choice.layers for layer in made.layer_sqnr(samples))


def test_nothing_is_chosen_where_int16_gains_nothing() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(8, 4)).eval()  # its ends alone are rounded, and those stay int8
    choice = int16_choice(module, torch.randn(16, 8))
    assert choice.layers == () and choice.mixed_db == choice.int8_db
