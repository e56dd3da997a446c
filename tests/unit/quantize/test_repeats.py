"""Layers called again and again: one weight in the file, one scale a role, one set of constants in the image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgeprune.budget import Optimize
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.cost.flash_size import constant_bytes
from edgeprune.export.tflite import ExportedTflite, export_tflite
from edgeprune.hardware.profile import Isa
from edgeprune.hardware.registry import load_target
from edgeprune.ir import OpKind
from tests.checked_module import check_engine, check_module

STEPS = (1, 6, 6)


class Again(nn.Module):
    """A convolution applied four times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        for _ in range(4):
            x = self.body(x).relu()
        return x.mean((2, 3))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.rnn, self.head = kind(6, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


class ByHand(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTMCell(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = c = torch.zeros(x.shape[0], 8)
        for t in range(x.shape[1]):
            h, c = self.cell(x[:, t], (h, c))
        return self.head(h)


def exported(module: nn.Module, shape: tuple[int, ...]) -> ExportedTflite:
    torch.manual_seed(0)
    return export_tflite(module.eval(), torch.randn(24, *shape[1:]))


def constants_of(file: ExportedTflite) -> int:
    model = compile_model(file.stripped, load_target("cortex-m4"), CompileOptions(Optimize.BALANCED))
    return sum(constant_bytes(model.calls).values())


def test_a_convolution_applied_four_times_is_stored_once() -> None:
    file = exported(Again(), (1, 1, 8, 8))
    weights = {op.inputs[1] for op in file.graph().ops if op.kind is OpKind.CONV_2D}
    assert len(weights) == 2
    assert constants_of(file) < 1.6 * (8 * 9 * 8 + 9 * 8 + 16 * 8)
    assert file.sqnr_db > 30


def test_the_steps_of_a_recurrent_layer_share_their_constants() -> None:
    for module, most in ((Recurrent(nn.GRU), 4200), (ByHand(), 3500)):
        file = exported(module, STEPS)
        assert constants_of(file) < most
        assert file.sqnr_db > 30
        check_engine(file.stripped, torch.randn(2, *STEPS[1:]), Isa.DSP)


@pytest.mark.slow
def test_repeated_layers_are_predicted_as_they_are_exported() -> None:
    check_module(Recurrent(nn.GRU).eval(), STEPS)
    check_module(Again().eval(), (1, 1, 8, 8))
