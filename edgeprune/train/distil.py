"""Learning from the original network instead of from the labels alone."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from edgeprune.train.objective import Objective

_TEMPERATURE = 4.0


def distillation_loss(outputs: Tensor, teacher: Tensor, targets: Tensor, objective: Objective) -> Tensor:
    """What a student pays for answering otherwise than its teacher.

    Classification: the Kullback-Leibler divergence of the softened answers at temperature 4, times 16; the labels are
    not looked at (Hinton, Vinyals, Dean 2015, arXiv:1503.02531). Anything else: the task's own loss plus the mean
    square distance from the teacher's outputs.

    Args:
        outputs, teacher: (B, K) logits, or (B, ...) values.
        targets: as the task's loss takes them.
    """
    if objective.loss_name != "cross_entropy":
        return objective.loss(outputs, targets) + functional.mse_loss(outputs, teacher)
    soft_student = functional.log_softmax(outputs / _TEMPERATURE, dim=1)
    soft_teacher = functional.log_softmax(teacher / _TEMPERATURE, dim=1)
    divergence = functional.kl_div(soft_student, soft_teacher, reduction="batchmean", log_target=True)
    return divergence * _TEMPERATURE**2
