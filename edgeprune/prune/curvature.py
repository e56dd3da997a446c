"""The diagonal of the loss's Hessian, from products of the Hessian with random signs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeprune.errors import DataError
from edgeprune.model.twin import twin
from edgeprune.prune.evidence import Evidence, finite_loss

PROBES = 8  # of each batch


def curvature(module: nn.Module, evidence: Evidence, probes: int = PROBES) -> dict[str, Tensor]:
    """Second derivative of the mean loss by every parameter, in eval mode, estimated without bias. The module stays.

    The mean of v * (H v) over vectors of random signs: exact where H has only a diagonal, else its other entries are
    noise that falls with the number of probes (Bekas, Kokiopoulou, Saad, "An estimator for the diagonal of a matrix",
    Applied Numerical Mathematics 2007).

    Raises:
        DataError: no batches, or a loss that is no number.
    """
    copy = twin(module, lambda tensor: tensor, requires_grad=True)
    parameters = dict(copy.named_parameters())
    found = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    generator = torch.Generator().manual_seed(0)
    count = 0
    for inputs, targets in evidence.batches():
        loss = finite_loss(evidence.loss(copy(inputs), targets))
        slopes = torch.autograd.grad(loss, list(parameters.values()), create_graph=True, allow_unused=True)
        bent = {
            name: slope
            for name, slope in zip(parameters, slopes, strict=True)
            if slope is not None and slope.requires_grad
        }
        for _ in range(probes if bent else 0):
            signs = [torch.randint(0, 2, slope.shape, generator=generator).to(slope) * 2 - 1 for slope in bent.values()]
            products = torch.autograd.grad(
                list(bent.values()),
                [parameters[name] for name in bent],
                signs,
                retain_graph=True,
                allow_unused=True,
            )
            for name, sign, product in zip(bent, signs, products, strict=True):
                if product is not None:
                    found[name] += sign * product.detach()
        count += 1
    if count == 0:
        raise DataError("no samples to judge channels by", "give at least one batch")
    return {name: total / (count * probes) for name, total in found.items()}
