"""Ranges, weights and biases of a network that PT2E is about to quantize, chosen by steps like those of the `.tflite`.

As in `quantize/post_training.py`, on the backend's graph: an activation's range by what it does to the outputs, weights
rounded by what they are multiplied with, biases corrected for the rest. They are kept only where that is nearer to the
float network on the calibration samples themselves, where the `.tflite` is judged by cross-validation, than minimum and
maximum with everything rounded to nearest.

What a range does to the outputs is estimated to first order: the error it makes, times the gradient of the outputs
along directions drawn at random. One pass serves all ranges of all activations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgeprune.export.pte.layer_inputs import Layer, layers_of, moments_of
from edgeprune.export.pte.observers import Activation, Mode, Observer, observers_of
from edgeprune.quantize.quantized import Range
from edgeprune.quantize.ranges import Method, Values, range_by, worth_a_trial
from edgeprune.quantize.round_weights import rounded_in_turn, with_noise

_MOST_TRACED, _DIRECTIONS, _SEED = 32, 4, 0
_WORTH_IT = 0.95  # of the noise at most, for another range than minimum and maximum
_SILENT, _LEAST = 2.0**-20, 2.0**-8  # of the largest activation: no range worth a scale, and what it gets


@dataclass(frozen=True)
class _State:
    """What a choice consists of: ranges of activations, values of weights and biases."""

    ranges: tuple[Range, ...]
    parameters: Mapping[str, Tensor]


@torch.no_grad()
def calibrate(prepared: Any, samples: Sequence[Tensor]) -> None:
    """Leaves the ranges in the observers and the weights in the module, ready to be converted.

    Args:
        prepared: by PT2E with `OwnRanges`.
        samples: each as the network takes it.
    """
    _Calibration(prepared, samples).choose()


class _Calibration:
    def __init__(self, prepared: Any, samples: Sequence[Tensor]):
        self._module, self._samples = prepared, samples
        self._all: list[Observer] = observers_of(prepared)
        self._ends = [one for one in self._all if isinstance(one, Activation)]
        for one in self._ends:
            one.values_a_pass = max(1, one.values_a_pass // len(samples))
        self._wanted = [self._run(sample) for sample in samples]

    def choose(self) -> None:
        halves = (self._samples[::2], self._samples[1::2] or self._samples)
        self._observe(halves[0])
        methods = self._methods(halves[1])
        self._observe(halves[1])
        self._widen()
        full = [one.range for one in self._ends]
        plain = self._state()
        found = {self._near(): plain}
        self._round_weights()
        found.setdefault(self._near(), self._state())
        for one, method, range_ in zip(self._ends, methods, full, strict=True):
            if method is not Method.MIN_MAX:
                one.range = range_by(method, Values.of(one.values), range_)
        found.setdefault(self._near(), self._state())
        self._put(found[max(found)])
        self._mode(Mode.SETTLED)

    def _run(self, sample: Tensor) -> list[Tensor]:
        answers = self._module(sample)
        return [*answers] if isinstance(answers, tuple | list) else [answers]

    def _mode(self, mode: Mode) -> None:
        for one in self._all:
            one.mode = mode

    def _observe(self, samples: Sequence[Tensor]) -> None:
        self._mode(Mode.OBSERVE)
        for sample in samples:
            self._run(sample)
        self._mode(Mode.PASS)

    def _widen(self) -> None:
        """Activations that are next to nothing for every sample, and those that the samples never reach at all."""
        seen = [one for one in self._ends if np.isfinite(one.range.low)]
        largest = max((max(-one.range.low, one.range.high) for one in seen), default=0.0)
        for one in self._ends:
            if one not in seen or max(-one.range.low, one.range.high) < _SILENT * largest:
                one.range = Range(0.0, _LEAST * largest or 1.0)

    def _methods(self, samples: Sequence[Tensor]) -> list[Method]:
        """How to choose each activation's range, by what candidates do on samples other than those they are from."""
        tried = [worth_a_trial(Values.of(one.values), one.range) for one in self._ends]
        noise = [np.zeros(len(methods)) for methods in tried]
        generator = torch.Generator().manual_seed(_SEED)
        step = max(1, len(samples) // _MOST_TRACED)
        for sample in samples[::step]:
            for kept, added in zip(noise, self._noise_of(sample, tried, generator), strict=True):
                kept += added
        chosen = []
        for methods, values in zip(tried, noise, strict=True):
            best = int(values.argmin())
            chosen.append(methods[best] if values[best] < _WORTH_IT * values[0] else methods[0])
        return chosen

    @torch.enable_grad()
    def _noise_of(
        self, sample: Tensor, tried: Sequence[Sequence[Method]], generator: torch.Generator
    ) -> list[np.ndarray]:
        """Power of what each candidate changes at the outputs, in units of these."""
        for one in self._ends:
            one.mode, one.traced = Mode.TRACE, []
        outputs = self._run(sample.clone().requires_grad_())
        held = [tensor for one in self._ends for tensor in one.traced if tensor.requires_grad]  # not indices
        found = [np.zeros(len(methods)) for methods in tried]
        errors = [self._errors(one, methods) for one, methods in zip(self._ends, tried, strict=True)]
        for _ in range(_DIRECTIONS):
            along = [
                torch.randn(output.shape, generator=generator) / output.detach().square().mean().sqrt().clamp_min(1e-30)
                for output in outputs
            ]
            gradients = iter(torch.autograd.grad(outputs, held, along, retain_graph=True, allow_unused=True))
            for position, one in enumerate(self._ends):
                own = [next(gradients) if tensor.requires_grad else None for tensor in one.traced]
                for candidate, parts in enumerate(errors[position]):
                    change = sum(
                        float((part * gradient).sum())
                        for part, gradient in zip(parts, own, strict=True)
                        if gradient is not None
                    )
                    found[position][candidate] += change**2
        for one in self._ends:
            one.mode, one.traced = Mode.PASS, []
        return found

    @staticmethod
    def _errors(one: Activation, methods: Sequence[Method]) -> list[list[Tensor]]:
        """What each candidate range changes of the traced values."""
        full, values = one.range, Values.of(one.values)
        found = []
        with torch.no_grad():
            for method in methods:
                one.range = range_by(method, values, full)
                found.append([one.rounded(tensor) - tensor for tensor in one.traced])
        one.range = full
        return found

    def _round_weights(self) -> None:
        layers = layers_of(self._module)
        moments = moments_of(self._module, layers, self._samples)
        for layer in layers:
            _round_layer(layer, moments.get(layer.weight_name))

    def _near(self) -> float:
        """SQNR in dB, of the output that is farthest off."""
        self._mode(Mode.ROUND)
        noise, power = np.zeros(len(self._wanted[0])), np.zeros(len(self._wanted[0]))
        for sample, wanted in zip(self._samples, self._wanted, strict=True):
            for number, (output, exact) in enumerate(zip(self._run(sample), wanted, strict=True)):
                noise[number] += float((output - exact).square().sum())
                power[number] += float(exact.square().sum())
        self._mode(Mode.PASS)
        return float((10 * np.log10(np.maximum(power, 1e-30) / np.maximum(noise, 1e-30))).min())

    def _state(self) -> _State:
        held = {name: values.detach().clone() for name, values in self._module.state_dict().items()}
        return _State(tuple(one.range for one in self._ends), held)

    def _put(self, state: _State) -> None:
        for name, values in self._module.state_dict().items():
            values.copy_(state.parameters[name])
        for one, range_ in zip(self._ends, state.ranges, strict=True):
            one.range = range_


def _round_layer(layer: Layer, moments: Any) -> None:
    """Weights on their steps, by their inputs' covariance; the mean of the rest goes into the bias."""
    if moments is None:
        return
    scales = layer.scales
    wanted = layer.rows(layer.weight / scales).numpy().astype(np.float64)
    limit = int(layer.observer.quant_max)
    mean, covariance = moments.mean, moments.covariance
    if layer.bias is None:  # nothing else makes up for a mean
        covariance = covariance + mean[:, :, None] * mean[:, None, :]
    rows = rounded_in_turn(wanted, with_noise(covariance, layer.in_step), limit)
    steps = torch.from_numpy(rows).to(torch.float32).reshape(layer.weight.shape)
    layer.weight.copy_(steps * scales)
    if layer.bias is not None:
        error = np.einsum("goi,gi->go", rows - wanted, mean).reshape(-1)
        layer.bias.sub_(torch.from_numpy(error).to(torch.float32) * scales.reshape(-1))
