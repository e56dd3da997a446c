"""Constants that a sum adds have a scale as fine as the sum can show."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.export.tflite import channels_last, export_tflite, sqnr_db, torch_outputs
from edgeprune.ir import OpKind
from edgeprune.quantize.host import Kernels, dequantized_outputs


class Masked(nn.Module):
    """Causal attention of two heads; nothing in it but the mask is large."""

    def __init__(self, excluded: float):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(6, 8)
        self.register_buffer("mask", torch.full((12, 12), excluded).triu(1))

    def forward(self, x: Tensor) -> Tensor:
        heads = self.first(x).unflatten(2, (2, 4)).transpose(1, 2)
        weights = functional.softmax(heads @ heads.transpose(2, 3) / 2 + self.mask, -1)
        return (weights @ heads).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("excluded", [float("-inf"), -1e9, -1e4, -100.0])
def test_what_attention_must_not_see_stays_so_by_any_kernel(excluded: float) -> None:
    module = Masked(excluded).eval()
    samples = torch.randn(96, 12, 6, generator=torch.Generator().manual_seed(0))
    calibration, others = samples[:64], samples[64:]
    exported = export_tflite(module, calibration)
    graph = read_tflite(exported.data)
    (added,) = [op for op in graph.ops if op.kind is OpKind.ADD]
    result, mask = (graph.tensors[index].qparams for index in (added.outputs[0], added.inputs[1]))
    assert result is not None and mask is not None and mask.scale[0] < 2 * result.scale[0]
    (wanted,) = torch_outputs(module, others)
    for kernels in Kernels:
        (got,) = dequantized_outputs(exported.data, channels_last(others), kernels)
        assert sqnr_db(wanted, got) > 30, kernels
