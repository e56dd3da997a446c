"""LiteRT's reference kernels on files with an operator they lack."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.export.tflite import channels_last, export_tflite
from edgeprune.quantize.host import Kernels, all_int8_outputs, quantized_inputs
from edgeprune.quantize.reference import reference_interpreter
from tests.firmware.one_op import ModelBuilder


class Branches(nn.Module):
    """Two ELUs side by side, an operator between two more, and a value that passes all of them by."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.one, self.other = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.elu = nn.ELU()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x)
        y = self.elu(self.one(x)) + self.elu(self.other(x))
        return self.elu(torch.tanh(self.elu(y))) + x, y


def test_pieces_give_what_the_whole_gives() -> None:
    samples = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    data = export_tflite(Branches().eval(), samples).data
    assert type(reference_interpreter(data)).__name__ == "_InPieces"
    inputs = quantized_inputs(data, channels_last(samples))
    reference, fast = (all_int8_outputs(data, inputs, kernels) for kernels in Kernels)
    for one, other in zip(reference, fast, strict=True):
        assert one.shape == other.shape
        assert np.abs(one.astype(int) - other).max() <= 2


def test_other_files_are_run_whole() -> None:
    data = export_tflite(nn.Linear(3, 2), torch.randn(8, 3)).data
    assert type(reference_interpreter(data)).__name__ == "Interpreter"


def test_a_later_version_than_the_reference_kernels_state() -> None:
    """As TensorFlow writes DEPTH_TO_SPACE of int8."""
    b, options = ModelBuilder(), schema.DepthToSpaceOptionsT()
    data, made = b.input((1, 2, 2, 8), scale=0.1), b.tensor((1, 4, 4, 2), scale=0.1)
    options.blockSize = 2
    b.op("DEPTH_TO_SPACE", [data], [made], options)
    b.output(made)
    b.model.operatorCodes[0].version = 2
    inputs = np.arange(32, dtype=np.int8).reshape(1, 2, 2, 8)
    (found,) = all_int8_outputs(b.build(), inputs, Kernels.REFERENCE)
    pixels = inputs.reshape(1, 2, 2, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(1, 4, 4, 2)
    np.testing.assert_array_equal(found, pixels)
    b.model.operatorCodes[0].version = 1 << 30
    with pytest.raises(ModelError):
        all_int8_outputs(b.build(), inputs, Kernels.REFERENCE)


def test_a_broken_file_is_refused() -> None:
    with pytest.raises(ModelError):
        all_int8_outputs(b"no model" * 20, np.zeros((1, 3), np.int8), Kernels.REFERENCE)
