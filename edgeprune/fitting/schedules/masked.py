import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from edgeprune.fitting.schedule import Thinning, schedule
from edgeprune.fitting.training import CHECKPOINT_NAME, settings_of, train
from edgeprune.prune.gates import gated, straight_through
from edgeprune.prune.silence import silence
from edgeprune.prune.surgery import thin


@schedule("masked")
def masked(thinning: Thinning) -> nn.Module:
    """Channels masked, not removed: they go on learning, are scored anew after every epoch, and one may come back.

    A masked channel is not heard, and its filters get the gradient they would get if it were. In the last epoch (the
    only one, if there is one) the choice is final; then what is masked is removed, which changes nothing. He et al.,
    "Soft Filter Pruning for Accelerating Deep Convolutional Neural Networks", IJCAI 2018, arXiv:1808.06866; the
    gradient past the mask is Guo, Yao, Chen, "Dynamic Network Surgery for Efficient DNNs", NeurIPS 2016,
    arXiv:1608.04493.
    """
    job, original, epochs = thinning.job, thinning.original, thinning.job.options.epochs
    module = copy.deepcopy(original.module)
    choice = Choice(thinning, module, epochs)
    best_epoch = 0
    if epochs > 0:
        checkpoint = thinning.folder / CHECKPOINT_NAME
        checkpoint.unlink(missing_ok=True)  # it knows nothing of the choices: a training cut off starts again
        with gated(module, original.groups, choice.factors, straight_through):
            settings = settings_of(job, epochs)
            result = train(job, module, settings, original.module, thinning.stage, thinning.folder, choice.after_step)
        checkpoint.unlink(missing_ok=True)
        best_epoch = result.best_epoch
    keep = choice.at_end_of(best_epoch)
    silence(module, original.groups, keep)
    return thin(module, original.groups, keep)


class Choice:
    """Which channels stay, epoch by epoch."""

    def __init__(self, thinning: Thinning, module: nn.Module, epochs: int):
        self._thinning = thinning
        self._module = module
        self._steps = 0
        self._steps_per_epoch = settings_of(thinning.job, epochs).steps_per_epoch(len(thinning.job.splits.train))
        self._epochs = epochs
        self._made: list[dict[str, list[int]]] = []
        self._factors: dict[str, Tensor] = {}
        self._choose()

    def factors(self) -> Mapping[str, Tensor]:
        """Group -> (units,): 1 for what is heard."""
        return self._factors

    def at_end_of(self, epoch: int) -> dict[str, list[int]]:
        """Units that stay; 0 is before the first epoch. The last epoch ends as it began."""
        return self._made[min(epoch, len(self._made) - 1)]

    def after_step(self) -> None:
        """Chooses anew at the end of each epoch but the last."""
        self._steps += 1
        if self._steps % self._steps_per_epoch == 0 and self._steps < self._epochs * self._steps_per_epoch:
            self._choose()

    def _choose(self) -> None:
        groups = self._thinning.original.groups
        self._factors = {group.name: torch.ones(group.size) for group in groups.groups}  # all are heard while judged
        keep = self._thinning.best(copy.deepcopy(self._module).cpu().eval())
        self._made.append(keep)
        for name, units in keep.items():
            self._factors[name] = torch.zeros(len(self._factors[name])).index_fill(0, torch.tensor(units), 1.0)
