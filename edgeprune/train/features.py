"""Distillation of features: training a network towards the original's features, whatever the widths of both.

The similarities between the samples of a batch are compared, not the features themselves: a thinned network has other
channels, and no layer has to be added to match them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.train.machine import full_precision

_LAYERS = (nn.Linear, nn.modules.conv._ConvNd)


def similarity_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Distance between the sample similarities of two networks over a batch: 0 where they agree.

    The products of every sample's features with every other's, each row scaled to length 1; the mean over rows of the
    square distance between both networks' rows. Tung, Mori, "Similarity-Preserving Knowledge Distillation", ICCV 2019,
    arXiv:1907.09682, whose own loss is this one over the batch size.

    Args:
        student, teacher: (B, ...) features of the same samples, each of its own shape.
    """
    rows = [functional.normalize(f @ f.T, dim=1) for f in (student.float().flatten(1), teacher.float().flatten(1))]
    return (rows[0] - rows[1]).square().sum(1).mean()


@contextmanager
def feature_loss_of(student: nn.Module, teacher: nn.Module, sample: Tensor) -> Iterator[Callable[[], Tensor]]:
    """Inside the block, a call gives `similarity_loss` of both networks' last inputs there, the mean over places.

    The places are the inputs of the last layer that reads features of each size (height and width), where the student
    still has that layer under that name.

    Args:
        sample: (1, ...) as both networks read it.
    """
    theirs, mine = dict(teacher.named_modules()), dict(student.named_modules())
    names = [name for name in _last_of_each_size(teacher, sample) if isinstance(mine.get(name), _LAYERS)]
    inputs: dict[tuple[str, bool], Tensor] = {}

    def noting(name: str, is_student: bool) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def note(_module: nn.Module, args: tuple[Any, ...]) -> None:
            inputs[name, is_student] = args[0]

        return note

    def feature_loss() -> Tensor:
        with full_precision(sample.device):  # rows of nearly equal values: bfloat16 cannot resolve their differences
            losses = [similarity_loss(inputs[name, True], inputs[name, False]) for name in names]
        inputs.clear()
        return torch.stack(losses).mean() if losses else torch.zeros(())

    with ExitStack() as hooks:
        for name in names:
            for module, is_student in ((mine[name], True), (theirs[name], False)):
                hooks.callback(module.register_forward_pre_hook(noting(name, is_student)).remove)
        yield feature_loss


def _last_of_each_size(module: nn.Module, sample: Tensor) -> Sequence[str]:
    by_size: dict[tuple[int, ...], str] = {}

    def reading(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def read(_module: nn.Module, args: tuple[Any, ...]) -> None:
            if args[0] is not sample:
                by_size[tuple(args[0].shape[2:])] = name

        return read

    was_training = module.training
    module.eval()
    with ExitStack() as hooks, torch.no_grad():
        for name, layer in module.named_modules():
            if isinstance(layer, _LAYERS):
                hooks.callback(layer.register_forward_pre_hook(reading(name)).remove)
        module(sample)
    module.train(was_training)
    return list(by_size.values())
