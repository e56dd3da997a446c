"""A network's metric on a split, and its batch-norm statistics re-estimated."""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from edgeprune.errors import DataError, ModelError
from edgeprune.model.answers import Answer, joined, mapped, parts_of
from edgeprune.train.machine import device_of
from edgeprune.train.memory import arranged, fastest_order
from edgeprune.train.metrics import Metric
from edgeprune.train.splits import Split

_BATCH = 256


def outputs_of(module: nn.Module, split: Split) -> Answer:
    """What the network returns for a whole split: (N, ...) float32 on the CPU, in evaluation mode; the module's mode is
    restored."""
    was_training, device = module.training, device_of(module)
    module.eval()
    try:
        with torch.no_grad(), fastest_order(split, module) as order:
            batches = (arranged(split.real(part), order).to(device) for part in torch.split(split.inputs, _BATCH))
            answers = [mapped(_on_cpu, module(batch)) for batch in batches]
    finally:
        module.train(was_training)
    return joined(answers)


def evaluate(module: nn.Module, split: Split, metric: Metric) -> float:
    """The metric over a whole split.

    Raises:
        ModelError: an output is NaN or infinite.
        DataError: the metric itself is not finite.
    """
    outputs = outputs_of(module, split)
    if not all(bool(torch.isfinite(part).all()) for part in parts_of(outputs)):
        raise ModelError("the model outputs NaN or infinite values", hint="training diverged: lower lr in [training]")
    score = float(metric.score(outputs, split.targets))
    if not isfinite(score):
        raise DataError(
            f"the metric '{metric.name}' gives {score} for {len(split):,} samples of finite outputs",
            hint="look for a division by zero in it: a class without samples, targets that are all alike",
        )
    return score


def _on_cpu(part: Tensor) -> Tensor:
    return part.float().cpu()


def bn_reestimate(module: nn.Module, split: Split) -> None:
    """Sets every batch norm's mean and variance to the plain average over the split's batches, in place.

    After channels are removed the old statistics describe another network. Weights are not touched.
    """
    norms = [layer for layer in module.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    modes = {layer: layer.training for layer in module.modules()}
    module.eval()
    try:
        with torch.no_grad(), fastest_order(split, module) as order:
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # a cumulative average
                norm.train()
            for number, part in enumerate(torch.split(split.inputs, _BATCH)):
                if number == 0 or len(part) > 1:
                    module(arranged(split.real(part), order))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for layer, mode in modes.items():
            layer.training = mode
