import torch
from torch import Tensor, nn

from edgeprune.model.twin import twin
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.scoring.calibration_statistics import CalibrationData, endless, finite_loss
from edgeprune.prune.scoring.criterion import procedure
from edgeprune.prune.scoring.gates import gated

_STEPS = 60
_LR = 0.02
_START = 0.5
_SHARE = 0.5  # target of the gates' mean in the penalty
_STRENGTH = 0.5


@procedure("learned-gates")
def learned_gates(module: nn.Module, groups: ChannelGroups, calibration: CalibrationData) -> dict[str, Tensor]:
    """A gate between 0 and 1 on every channel, learned with frozen weights.

    Works on randomly initialized weights as well: the resulting widths can be trained from scratch. The loss is joined
    by the squared distance of the gates' mean from a half, which makes channels compete. Batch norms use their batch's
    statistics, as untrained ones have none of their own.

    Wang et al., "Pruning from Scratch", AAAI 2020, arXiv:1909.12579.

    Args:
        module, groups: the network.
        calibration: samples and loss the gates are learned on.

    Returns:
        group -> (channels,) gates in 0..1; the lowest goes first.
    """
    copy = twin(module, lambda tensor: tensor.clone(), requires_grad=False)
    for layer in copy.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.train()
    gates = {group.name: torch.full((group.size,), _START, requires_grad=True) for group in groups.groups}
    optimizer = torch.optim.Adam(gates.values(), _LR)
    batches = endless(calibration)
    with gated(copy, groups, lambda: gates):
        for _ in range(_STEPS):
            inputs, targets = next(batches)
            loss = finite_loss(calibration.loss(copy(inputs), targets))
            mean = torch.cat(list(gates.values())).mean()
            optimizer.zero_grad()
            (loss + _STRENGTH * (mean - _SHARE).square()).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            with torch.no_grad():
                for gate in gates.values():
                    gate.clamp_(0.0, 1.0)
    return {name: gate.detach() for name, gate in gates.items()}
