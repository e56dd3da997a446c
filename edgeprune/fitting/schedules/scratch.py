from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.fitting.schedule import Thinning, schedule
from edgeprune.prune.surgery.thin import apply_widths


@schedule("scratch")
def scratch(thinning: Thinning) -> nn.Module:
    """The same widths with random weights, trained as long: the control for the value of the surviving weights.

    The lottery ticket's control. Of channels only their counts make the ticket, so any of them will do. Liu et al.,
    "Rethinking the Value of Network Pruning", ICLR 2019, arXiv:1810.05270; Frankle, Carbin, "The Lottery Ticket
    Hypothesis", ICLR 2019, arXiv:1803.03635.
    """
    module = apply_widths(thinning.original.module, thinning.original.groups, thinning.widths)
    reinitialize(module)
    return thinning.trained(module, thinning.job.options.epochs)


def reinitialize(module: nn.Module) -> None:
    """Every layer's parameters and statistics as when it was built, in place.

    Raises:
        ModelError: a parameter belongs to a module without reset_parameters().
    """
    for path, layer in module.named_modules():
        reset = getattr(layer, "reset_parameters", None)
        if callable(reset):
            reset()
        elif own := [name for name, value in layer.named_parameters(recurse=False) if isinstance(value, Tensor)]:
            raise ModelError(
                f"'{'.'.join(filter(None, (path, own[0])))}' cannot be reinitialized: {type(layer).__name__} has no "
                "reset_parameters()",
                hint="write one in its class, or leave the schedule 'scratch' away",
            )
