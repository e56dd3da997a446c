"""PT2E's observers, replaced by ours, quantize along the axis and with the limits that the backend asks for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

pytest.importorskip("torchao", reason="edgeprune[executorch] is not installed")

from torchao.quantization.pt2e.observer import HistogramObserver, PerChannelMinMaxObserver
from torchao.quantization.pt2e.quantize_pt2e import prepare_pt2e
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation, QuantizationSpec, Quantizer

from edgeprune.export.pte.observers import Activation, OwnRanges, PerChannelWeights, observers_of

TRANSPOSED = torch.ops.aten.conv_transpose2d.input


class Backend(Quantizer):  # type: ignore[misc]
    """Quantizes transposed convolutions, whose output channels are their weights' second axis."""

    def annotate(self, model: Any) -> Any:
        activation = QuantizationSpec(
            torch.int8, HistogramObserver.with_args(eps=2**-12), -128, 127, torch.per_tensor_affine
        )
        weights = QuantizationSpec(
            torch.int8,
            PerChannelMinMaxObserver.with_args(eps=2**-12),
            -127,
            127,
            torch.per_channel_symmetric,
            ch_axis=1,
        )
        for node in model.graph.nodes:
            if node.target is TRANSPOSED:
                reads = {node.args[0]: activation, node.args[1]: weights}
                node.meta["quantization_annotation"] = QuantizationAnnotation(reads, activation, _annotated=True)
        return model

    def validate(self, model: Any) -> None: ...


def test_axis_limits_and_smallest_step_are_the_backend_s() -> None:
    x = torch.randn(1, 8, 4, 4)
    module = torch.export.export(nn.ConvTranspose2d(8, 24, 4).eval(), (x,)).module(check_guards=False)
    found = observers_of(prepare_pt2e(module, OwnRanges(Backend(), means_have_scales=True)))
    (weights,) = [one for one in found if isinstance(one, PerChannelWeights)]
    assert (weights.ch_axis, weights.quant_min, weights.quant_max) == (1, -127, 127)
    ends = [one for one in found if isinstance(one, Activation)]
    assert len(ends) == 2 and all((one.quant_min, one.quant_max) == (-128, 127) for one in ends)
    assert all(float(one.eps) == 2**-12 for one in found)
