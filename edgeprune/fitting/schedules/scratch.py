from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.fitting.schedule import Thinning, schedule
from edgeprune.prune.surgery import apply_widths


@schedule("scratch")
def scratch(thinning: Thinning) -> nn.Module:
    """The same widths with weights drawn at random, trained as long: what the surviving weights are worth.

    The lottery ticket's control. Of channels only their numbers make the ticket, so any of them will do. Liu et al.,
    "Rethinking the Value of Network Pruning", ICLR 2019, arXiv:1810.05270; Frankle, Carbin, "The Lottery Ticket
    Hypothesis", ICLR 2019, arXiv:1803.03635.
    """
    module = apply_widths(thinning.original.module, thinning.original.groups, thinning.widths)
    draw_anew(module)
    return thinning.trained(module, thinning.job.options.epochs)


def draw_anew(module: nn.Module) -> None:
    """Every layer's parameters and statistics as when it was built, in place.

    Raises:
        ModelError: a parameter belongs to a module that does not know how to draw it.
    """
    for path, layer in module.named_modules():
        reset = getattr(layer, "reset_parameters", None)
        if callable(reset):
            reset()
        elif own := [name for name, value in layer.named_parameters(recurse=False) if isinstance(value, Tensor)]:
            raise ModelError(
                f"'{'.'.join(filter(None, (path, own[0])))}' cannot be drawn anew: {type(layer).__name__} has no "
                "reset_parameters()",
                hint="write one in its class, or leave the schedule 'scratch' away",
            )
