from torch import nn

from edgeprune.fitting.schedule import Thinning, schedule
from edgeprune.model.load import project_module_of
from edgeprune.prune.surgery.classes import keep_classes
from edgeprune.prune.surgery.thin import thin


@schedule("rewind", needs_early=True)
def rewind(thinning: Thinning) -> nn.Module:
    """The channels the trained network would keep, their weights reset to those of early in training.

    Needs those weights (`--rewind`). Frankle, Carbin, "The Lottery Ticket Hypothesis", ICLR 2019, arXiv:1803.03635; not
    quite to the start: Frankle et al., "Linear Mode Connectivity and the Lottery Ticket Hypothesis", ICML 2020,
    arXiv:1912.05671.
    """
    project, original = thinning.job.project, thinning.original
    keep = thinning.best(original.module)
    module = project_module_of(project, thinning.early)
    if project.task.classes is not None:
        module = keep_classes(module, project.model.sample_shape, project.task.classes)
    return thinning.trained(thin(module, original.groups, keep), thinning.job.options.epochs)
