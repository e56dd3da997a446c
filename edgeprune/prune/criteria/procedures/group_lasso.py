from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgeprune.model.twin import twin
from edgeprune.prune.coupling.channels import ChannelGroups, Role
from edgeprune.prune.scoring.calibration_statistics import CalibrationData, endless, finite_loss
from edgeprune.prune.scoring.criterion import procedure

_STEPS = 60
_LR = 0.01
_SHRINKING = 0.5  # of a group's mean norm over all steps, where the loss has no gradient against it


@procedure("group-lasso")
def group_lasso(module: nn.Module, groups: ChannelGroups, calibration: CalibrationData) -> dict[str, Tensor]:
    """Norm of each filter after training under a group LASSO, which shrinks filters that the loss does not depend on.

    Steps of gradient descent on the samples, each followed by the penalty's proximal step, which takes the same length
    off every channel's filters (all layers that make it counted as one) and stops at zero.

    Wen et al., "Learning Structured Sparsity in Deep Neural Networks", NIPS 2016, arXiv:1608.03665; the proximal step:
    Yuan, Lin, "Model selection and estimation in regression with grouped variables", JRSS B 2006.

    Args:
        module, groups: the network; a copy is trained, batch norm in evaluation mode.
        calibration: samples and loss to train on.

    Returns:
        group -> (channels,) norms >= 0; the lowest goes first.
    """
    copy = twin(module, lambda tensor: tensor.clone(), requires_grad=True)
    parameters = dict(copy.named_parameters())
    held = dict(copy.named_buffers()) | parameters  # fixed filters too
    makers = {
        group.name: [
            (held[piece.parameter], piece.axis, torch.from_numpy(piece.indices).long())
            for piece in group.slices
            if piece.role is Role.MAKES
        ]
        for group in groups.groups
    }
    steps = {name: _SHRINKING * float(norms(pieces).mean()) / _STEPS for name, pieces in makers.items()}
    batches = endless(calibration)
    for _ in range(_STEPS):
        inputs, targets = next(batches)
        loss = finite_loss(calibration.loss(copy(inputs), targets))
        gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(parameters.values(), gradients, strict=True):
                if gradient is not None:
                    parameter.sub_(gradient, alpha=_LR)
            for name, pieces in makers.items():
                shrink(pieces, steps[name])
    return {name: norms(pieces) for name, pieces in makers.items()}


Pieces = Sequence[tuple[Tensor, int, Tensor]]


def norms(pieces: Pieces) -> Tensor:
    """(units,) Euclidean norms over all pieces (tensor, axis, (units, positions))."""
    squares = [
        tensor.detach().movedim(axis, 0)[indices.flatten()].reshape(len(indices), -1).square().sum(1)
        for tensor, axis, indices in pieces
    ]
    return torch.stack(squares).sum(0).sqrt()


def shrink(pieces: Pieces, length: float) -> None:
    """The proximal step of `length` times the sum of norms, in place: each unit's vector gets shorter by `length`."""
    factors = (1 - length / norms(pieces).clamp_min(1e-12)).clamp_min(0.0)
    with torch.no_grad():
        for tensor, axis, indices in pieces:
            along = torch.ones(tensor.shape[axis])
            along[indices] = factors[:, None].expand_as(indices)
            shape = [1] * tensor.dim()
            shape[axis] = -1
            tensor.mul_(along.reshape(shape))
