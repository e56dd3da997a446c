from dataclasses import replace

from torch import nn

from edgeprune.fitting.rounds import thin_to
from edgeprune.fitting.schedule import Thinning, schedule


@schedule("one-shot")
def one_shot(thinning: Thinning) -> nn.Module:
    """All channels at once, then all of the training.

    The learning rate starts at its peak again: learning-rate rewinding. Renda, Frankle, Carbin, "Comparing Rewinding
    and Fine-tuning in Neural Network Pruning", ICLR 2020, arXiv:2003.02389.
    """
    job, original = thinning.job, thinning.original
    once = replace(job, options=replace(job.options, steps=1))
    return thin_to(once, original, thinning.widths, original.module, job.options.epochs, thinning.stage)[0].module
