"""The diagonal of the loss's Gauss-Newton matrix, from each sample's own gradients of the outputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from edgeprune.model.twin import twin
from edgeprune.prune.scoring.calibration_statistics import Batch, CalibrationData, Loss, finite_loss, require_non_empty

_DRAWS = 8  # of a sample; as many outputs and fewer are gone through one by one
_MOST_OUTPUTS = 256  # of a sample: the loss's curvature by its outputs is a matrix of so many rows
_CHUNK = 16  # samples at a time


class NoGaussNewton(Exception):
    """The outputs are no single tensor of few values a sample, the loss does not bend along them (mean absolute error),
    or the module cannot be run a sample at a time."""


def gauss_newton(module: nn.Module, calibration: CalibrationData, seed: int) -> dict[str, Tensor]:
    """Curvature of the mean loss by every parameter, in eval mode, what bends outputs themselves left out.

    With J the outputs' Jacobian of a sample and A A' its loss's Hessian by the outputs, the diagonal of J' A A' J: the
    sum of squares of J' A, column by column, or of J' A v over random signs v, whose mean it is. Each sample draws its
    own, so the noise falls with their number (Schraudolph, "Fast curvature matrix-vector products for second-order
    gradient descent", Neural Computation 2002; LeCun's Optimal Brain Damage leaves out the same term).

    Raises:
        NoGaussNewton: see there.
        DataError: no batches, or a loss that is not finite.
    """
    copy = twin(module, lambda tensor: tensor, requires_grad=True)
    parameters = {name: parameter.detach() for name, parameter in copy.named_parameters()}
    totals = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    generator = torch.Generator().manual_seed(seed)
    count = 0

    def along(given: dict[str, Tensor], sample: Tensor, direction: Tensor) -> Tensor:
        outputs: Tensor = functional_call(copy, given, (sample[None],))
        return (outputs.flatten() * direction).sum()

    gradients_of = vmap(grad(along), in_dims=(None, 0, 0), chunk_size=_CHUNK)
    for inputs, targets in calibration.batches():
        roots = _roots(copy, (inputs, targets), calibration.loss)
        if not roots.any():
            raise NoGaussNewton("the loss is straight along its outputs")
        for directions in _directions(roots, generator):
            try:
                found = gradients_of(parameters, inputs, directions)
            except (RuntimeError, NotImplementedError, ValueError) as problem:
                raise NoGaussNewton(str(problem)) from problem
            for name, gradient in found.items():
                totals[name] += gradient.detach().square().sum(0)
        count += 1
    require_non_empty(count)
    return {name: total / count for name, total in totals.items()}


def _directions(roots: Tensor, generator: torch.Generator) -> list[Tensor]:
    """(samples, outputs) each; the squares of what follows them add up to the diagonal, in the mean."""
    samples, outputs, _ = roots.shape
    if outputs <= _DRAWS:
        return list(roots.unbind(2))
    signs = torch.randint(0, 2, (_DRAWS, samples, outputs, 1), generator=generator).to(roots) * 2 - 1
    return list((roots @ signs).squeeze(3) / _DRAWS**0.5)


def _roots(module: nn.Module, batch: Batch, loss: Loss) -> Tensor:
    """(samples, outputs, outputs): A of each sample, A A' being the batch's loss's Hessian by its outputs.

    Where the loss curves down along some of them, that part counts as flat.
    """
    inputs, targets = batch
    with torch.no_grad():
        made = module(inputs)
    if not isinstance(made, Tensor) or len(made) != len(inputs) or made[0].numel() > _MOST_OUTPUTS:
        raise NoGaussNewton("no single tensor of few values a sample")
    outputs = made.detach().requires_grad_()
    value = finite_loss(loss(outputs, targets))
    (slopes,) = torch.autograd.grad(value, outputs, create_graph=True)
    flat = slopes.flatten(1)
    rows = [
        torch.autograd.grad(flat[:, row].sum(), outputs, retain_graph=True, allow_unused=True)[0]
        for row in range(flat.shape[1] if flat.requires_grad else 0)
    ]
    known = [torch.zeros_like(flat) if row is None else row.flatten(1) for row in rows]
    hessian = torch.stack(known, 1) if known else flat.new_zeros(len(flat), flat.shape[1], flat.shape[1])
    values, vectors = torch.linalg.eigh(((hessian + hessian.transpose(1, 2)) / 2).double())
    roots: Tensor = (vectors * values.clamp_min(0).sqrt()[:, None, :]).to(outputs)
    return roots
