"""Learning from the original network instead of from the labels alone."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from edgeprune.model.answers import Answer, parts_of
from edgeprune.train.objective import Objective

_TEMPERATURE = 4.0
_LABELS = 2.0
_SHORT = 100  # steps


def label_weight(steps: int) -> float:
    """Of the task's own loss beside the divergence, for a training of so many steps.

    A short training is what a small data set has, and its teacher was seldom trained to the end: labels take a student
    past it. In a long one they say less than a teacher does (ResNet-8 on CIFAR-10, 351 steps: 0.3 points).
    """
    return _LABELS * min(1.0, _SHORT / steps)


def distillation_loss(
    outputs: Answer, teacher: Answer, targets: Tensor, objective: Objective, own_weight: float
) -> Tensor:
    """Loss of a student against its teacher's outputs.

    Classification: the Kullback-Leibler divergence of the softened outputs at temperature 4, times 16, the mean over
    the places of a class map (Hinton, Vinyals, Dean 2015, arXiv:1503.02531), and the task's own loss by `own_weight`.
    Anything else: the task's own loss plus the mean square distance from the teacher's outputs, each of several.

    Args:
        outputs, teacher: (B, K) logits, or (B, ...) values, of the same structure.
        targets: as the task's loss takes them.
        own_weight: see `label_weight`.
    """
    if objective.loss_name != "cross_entropy":
        pairs = zip(parts_of(outputs), parts_of(teacher), strict=True)
        return objective.loss(outputs, targets) + sum(functional.mse_loss(*pair) for pair in pairs)
    soft_student = functional.log_softmax(outputs / _TEMPERATURE, dim=1)
    soft_teacher = functional.log_softmax(teacher / _TEMPERATURE, dim=1)
    divergence = functional.kl_div(soft_student, soft_teacher, reduction="batchmean", log_target=True)
    distance: Tensor = divergence * _TEMPERATURE**2 / outputs[0, 0].numel()
    return distance + own_weight * objective.loss(outputs, targets)
