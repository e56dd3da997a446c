import math
from functools import partial

from torch import nn

from edgeprune.fitting.schedule import Thinning, schedule
from edgeprune.fitting.training import settings_of
from edgeprune.fitting.windows import WINDOW, train_window, windows
from edgeprune.model.twin import copied
from edgeprune.prune.scoring.layers import plain_layers
from edgeprune.prune.surgery.soft_mask import soft_mask
from edgeprune.prune.surgery.thin import thin

_SHARE = 1 / 3  # of the training, for the windows


@schedule("window")
def window(thinning: Thinning) -> nn.Module:
    """A window of three layers slides over the network: its first is thinned, all three are trained to
    reproduce their outputs.

    Each of these sub-networks is trained alone, on the outputs of the thinned layers before it, towards the original's
    outputs where the window ends; labels are not used. That takes a third of the training, the whole network the
    rest. Blocks in turn towards the original's: Wang et al., "Progressive Blockwise Knowledge Distillation for Neural
    Network Acceleration", IJCAI 2018; the windows here overlap.
    """
    job, original = thinning.job, thinning.original
    module, chosen = copied(original.module).eval(), thinning.best(original.module)
    spans = windows([layer.op.name for layer in plain_layers(module, original.traced)])
    early_epochs = math.ceil(job.options.epochs * _SHARE)
    samples = len(job.splits.train)
    steps = early_epochs * settings_of(job, early_epochs).steps_per_epoch(samples) // max(1, len(spans))
    keep: dict[str, list[int]] = {}
    with job.progress.task(f"{thinning.stage}: windows of {WINDOW} layers", len(spans)) as task:
        for number, span in enumerate(spans):
            met = span if number == len(spans) - 1 else span[:1]
            keep |= {name: units for name, units in chosen.items() if name in met}
            hold = partial(soft_mask, module, original.groups, dict(keep))
            hold()
            train_window(span, module, original, keep, job.splits.train, steps, hold)
            task.advance(detail=span[-1])
    return thinning.trained(thin(module, original.groups, chosen), job.options.epochs - early_epochs)
