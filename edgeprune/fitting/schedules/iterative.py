from dataclasses import replace

from torch import nn

from edgeprune.fitting.rounds import thin_to
from edgeprune.fitting.schedule import Thinning, schedule

_ITERATIONS = 3


@schedule("iterative")
def iterative(thinning: Thinning) -> nn.Module:
    """In three steps (fewer where there are fewer epochs), scored again and trained after each.

    A step that loses too much is undone and taken in two. Han et al., "Learning both Weights and Connections for
    Efficient Neural Networks", NeurIPS 2015, arXiv:1506.02626.
    """
    job, original = thinning.job, thinning.original
    steps = min(_ITERATIONS, max(1, job.options.epochs))
    stepwise = replace(job, options=replace(job.options, steps=steps))
    return thin_to(stepwise, original, thinning.widths, original.module, job.options.epochs, thinning.stage)[0].module
