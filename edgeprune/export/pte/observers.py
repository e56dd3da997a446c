"""Observers that PT2E quantizes with: ranges are given to them, and the network runs through them as it will compute.

Which tensors are quantized, and which share a scale, is the choice of the backend's quantizer; with which ranges is
ours (`calibrate.py`).
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchao.quantization.pt2e.observer import MinMaxObserver, PerChannelMinMaxObserver
from torchao.quantization.pt2e.quantizer import Quantizer, SharedQuantizationSpec
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY, QuantizationSpec

from edgeprune.quantize.quantized import Range

_KEPT_VALUES = 1 << 16  # of an activation, over all samples
_SEED = 0


class Mode(Enum):
    """What an observer does with a value that passes."""

    PASS = "passes it on"
    OBSERVE = "widens its range by it"
    TRACE = "keeps it, so that a gradient can be asked for"
    ROUND = "rounds it to its steps"
    SETTLED = "passes it on, its range no longer its own"


class Activation(MinMaxObserver):  # type: ignore[misc]
    """Of one scale, which several tensors may share.

    Attributes:
        mode: what it does.
        traced: the tensors that passed in mode TRACE.
    """

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        self.mode = Mode.PASS
        self.traced: list[Tensor] = []
        self._drawn: list[np.ndarray] = []
        self._rng = np.random.default_rng(_SEED)
        self.values_a_pass = _KEPT_VALUES

    def forward(self, x: Tensor) -> Tensor:
        if self.mode is Mode.OBSERVE:
            super().forward(x)
            values = x.detach().reshape(-1).numpy()
            few = len(values) <= self.values_a_pass
            drawn = values if few else values[self._rng.integers(0, len(values), self.values_a_pass)]
            self._drawn.append(drawn.astype(np.float32))
        elif self.mode is Mode.TRACE:
            self.traced.append(x)
        elif self.mode is Mode.ROUND:
            return self.rounded(x)
        return x

    @property
    def values(self) -> np.ndarray:
        """Some of what was observed, drawn at random."""
        return np.concatenate(self._drawn)

    @property
    def range(self) -> Range:
        return Range(float(self.min_val), float(self.max_val))

    @range.setter
    def range(self, chosen: Range) -> None:
        self.min_val.fill_(chosen.low)
        self.max_val.fill_(chosen.high)

    def rounded(self, x: Tensor) -> Tensor:
        scale, zero_point = self.calculate_qparams()
        return torch.fake_quantize_per_tensor_affine(x, float(scale), int(zero_point), self.quant_min, self.quant_max)


class _Weights:
    """Weights keep the steps that they had first, also where rounding moves their largest value."""

    mode = Mode.PASS

    def forward(self, x: Tensor) -> Tensor:
        if self.mode is Mode.OBSERVE:
            super().forward(x)  # type: ignore[misc]
        return self.rounded(x) if self.mode is Mode.ROUND else x

    def rounded(self, x: Tensor) -> Tensor:
        scales = self.scales_like(x)
        low, high = self.quant_min, self.quant_max  # type: ignore[attr-defined]
        return torch.clamp(torch.round(x / scales), low, high) * scales

    def scales_like(self, x: Tensor) -> Tensor:
        """The steps of weights x, to be divided by."""
        scale, _ = self.calculate_qparams()  # type: ignore[attr-defined]
        axis = getattr(self, "ch_axis", None)
        shape = [-1 if one == axis else 1 for one in range(x.ndim)]
        found: Tensor = scale if axis is None else scale.reshape(shape)
        return found


class TensorWeights(_Weights, MinMaxObserver):  # type: ignore[misc]
    """With one step for all."""


class PerChannelWeights(_Weights, PerChannelMinMaxObserver):  # type: ignore[misc]
    """With a step for each output channel. PT2E passes an axis only to classes whose name holds `PerChannel`."""


Observer = Activation | TensorWeights | PerChannelWeights


class OwnRanges(Quantizer):  # type: ignore[misc]
    """A backend's quantizer, its observers replaced by these.

    Args:
        means_have_scales: the backend's kernel of a mean over a picture converts between two scales.
    """

    def __init__(self, backend: Any, means_have_scales: bool):
        super().__init__()
        self._backend, self._means_have_scales = backend, means_have_scales
        self._made: dict[int, Any] = {}

    def transform_for_annotation(self, model: Any) -> Any:
        return self._backend.transform_for_annotation(model)

    def annotate(self, model: Any) -> Any:
        self._backend.annotate(model)
        for node in model.graph.nodes:
            annotation = node.meta.get(Q_ANNOTATION_KEY)
            if annotation is None:
                continue
            weights = _weights_of(node)
            annotation.input_qspec_map = {
                read: self._ours(spec, read in weights) for read, spec in annotation.input_qspec_map.items()
            }
            annotation.output_qspec = self._ours(annotation.output_qspec, False)
            is_mean = node.target is torch.ops.aten.adaptive_avg_pool2d.default
            if is_mean and self._means_have_scales and isinstance(annotation.output_qspec, SharedQuantizationSpec):
                annotation.output_qspec = self._own_of(model, node)
        return model

    def validate(self, model: Any) -> None:
        self._backend.validate(model)

    def _ours(self, spec: Any, is_weights: bool) -> Any:
        if type(spec) is not QuantizationSpec or spec.is_dynamic or spec.dtype is not torch.int8:
            return spec
        if id(spec) not in self._made:
            per_channel = spec.qscheme in (torch.per_channel_symmetric, torch.per_channel_affine)
            kind = (PerChannelWeights if per_channel else TensorWeights) if is_weights else Activation
            given = getattr(getattr(spec.observer_or_fake_quant_ctr, "p", None), "keywords", {})
            made = kind.with_args(**({"eps": given["eps"]} if "eps" in given else {}))
            self._made[id(spec)] = (spec, replace(spec, observer_or_fake_quant_ctr=made))
        return self._made[id(spec)][1]

    def _own_of(self, model: Any, mean: Any) -> Any:
        """The spec of any other activation."""
        for node in model.graph.nodes:
            annotation = node.meta.get(Q_ANNOTATION_KEY)
            for spec in () if annotation is None else (annotation.output_qspec, *annotation.input_qspec_map.values()):
                if type(spec) is QuantizationSpec and spec.qscheme is torch.per_tensor_affine:
                    return spec
        return mean.meta[Q_ANNOTATION_KEY].output_qspec


def _weights_of(node: Any) -> tuple[Any, ...]:
    """What a layer multiplies its input with."""
    name = str(node.target)
    return (node.args[1],) if ("conv" in name or "linear" in name) and len(node.args) > 1 else ()


def observers_of(prepared: Any) -> list[Observer]:
    """Each one once."""
    return list({id(one): one for one in prepared.modules() if isinstance(one, Observer)}.values())
