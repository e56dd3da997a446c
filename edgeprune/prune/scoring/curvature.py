"""Second derivatives of the loss by every parameter: Gauss-Newton's where they can be had, else by random signs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeprune.model.twin import twin
from edgeprune.prune.scoring.calibration_statistics import CalibrationData, finite_loss, require_non_empty
from edgeprune.prune.scoring.gauss_newton import NoGaussNewton, gauss_newton

_PROBES = 64  # of each batch: two draws of 8 agreed about nothing


def curvature(module: nn.Module, calibration: CalibrationData, seed: int = 0) -> dict[str, Tensor]:
    """The diagonal of the mean loss's curvature, in eval mode.

    Raises:
        DataError: no batches, or a loss that is not finite.
    """
    try:
        return gauss_newton(module, calibration, seed)
    except NoGaussNewton:
        return by_signs(module, calibration, _PROBES, seed)


def by_signs(module: nn.Module, calibration: CalibrationData, probes: int, seed: int) -> dict[str, Tensor]:
    """The Hessian's own diagonal, estimated without bias.

    The mean of v * (H v) over vectors of random signs: exact where H has only a diagonal, else its other entries are
    noise that falls with the number of probes (Bekas, Kokiopoulou, Saad, "An estimator for the diagonal of a matrix",
    Applied Numerical Mathematics 2007).

    Args:
        probes: of each batch.

    Raises:
        DataError: no batches, or a loss that is not finite.
    """
    copy = twin(module, lambda tensor: tensor, requires_grad=True)
    parameters = dict(copy.named_parameters())
    totals = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    generator = torch.Generator().manual_seed(seed)
    count = 0
    for inputs, targets in calibration.batches():
        loss = finite_loss(calibration.loss(copy(inputs), targets))
        gradients = torch.autograd.grad(loss, list(parameters.values()), create_graph=True, allow_unused=True)
        curved = {
            name: gradient
            for name, gradient in zip(parameters, gradients, strict=True)
            if gradient is not None and gradient.requires_grad
        }
        for _ in range(probes if curved else 0):
            signs = [torch.randint(0, 2, one.shape, generator=generator).to(one) * 2 - 1 for one in curved.values()]
            products = torch.autograd.grad(
                list(curved.values()),
                [parameters[name] for name in curved],
                signs,
                retain_graph=True,
                allow_unused=True,
            )
            for name, sign, product in zip(curved, signs, products, strict=True):
                if product is not None:
                    totals[name] += sign * product.detach()
        count += 1
    require_non_empty(count)
    return {name: total / (count * probes) for name, total in totals.items()}
