from torch import nn

from edgeprune.fitting.schedule import Thinning, schedule
from edgeprune.fitting.training import CHECKPOINT_NAME, settings_of, train
from edgeprune.model.twin import copied
from edgeprune.prune.surgery.soft_mask import FILTERS, soft_mask
from edgeprune.prune.surgery.thin import thin


@schedule("masked")
def masked(thinning: Thinning) -> nn.Module:
    """Filters zeroed, not removed: the whole network trains on, and after every epoch one may have come back.

    Scored again at the end of each epoch, the filters that do not stay are zero again. In the last epoch (the only one,
    if there is one) the choice is final and held at every step; then what is zero is removed. Behind a ReLU a zero
    filter has a gradient where its batch norm lifts it above zero; without batch norm it stays zero. He et al., "Soft
    Filter Pruning for Accelerating Deep Convolutional Neural Networks", IJCAI 2018, arXiv:1808.06866.
    """
    job, original, epochs = thinning.job, thinning.original, thinning.job.options.epochs
    module = copied(original.module)
    choice = Choice(thinning, module, epochs)
    best_epoch = 0
    if epochs > 0:
        checkpoint = thinning.folder / CHECKPOINT_NAME
        checkpoint.unlink(missing_ok=True)  # it does not hold the choices: an interrupted training starts again
        settings = settings_of(job, epochs)
        result = train(job, module, settings, original.module, thinning.stage, thinning.folder, choice.after_step)
        checkpoint.unlink(missing_ok=True)
        best_epoch = result.best_epoch
    return thin(module, original.groups, choice.at_end_of(best_epoch))


class Choice:
    """Which channels stay, epoch by epoch; the filters of the others are zero from when it is made."""

    def __init__(self, thinning: Thinning, module: nn.Module, epochs: int):
        self._thinning = thinning
        self._module = module
        self._steps = 0
        self._steps_per_epoch = settings_of(thinning.job, epochs).steps_per_epoch(len(thinning.job.splits.train))
        self._last_begins = (epochs - 1) * self._steps_per_epoch
        self._made: list[dict[str, list[int]]] = []
        self._choose()

    def at_end_of(self, epoch: int) -> dict[str, list[int]]:
        """Units that stay; 0 is before the first epoch. The last epoch ends as it began."""
        return self._made[min(epoch, len(self._made) - 1)]

    def after_step(self) -> None:
        """Chooses again at the end of each epoch but the last, whose choice is held."""
        self._steps += 1
        if self._steps > self._last_begins:
            soft_mask(self._module, self._thinning.original.groups, self._made[-1])
        elif self._steps % self._steps_per_epoch == 0:
            self._choose()

    def _choose(self) -> None:
        self._made.append(self._thinning.best(copied(self._module).cpu().eval()))
        soft_mask(self._module, self._thinning.original.groups, self._made[-1], FILTERS)
