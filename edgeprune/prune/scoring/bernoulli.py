"""Beta-Bernoulli dropout: the probability that a channel is on, learned by variational inference."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.model.twin import twin
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.scoring.calibration_statistics import CalibrationData, endless, finite_loss
from edgeprune.prune.scoring.gates import gated

_STEPS = 60
_LR = 0.1
_PRIOR = 1e-4  # alpha over the number of channels
_TEMPERATURE = 0.1
_START = (3.0, 1.0)  # of the posterior's two parameters: a probability of 0.75
_EULER = 0.5772156649015329


@dataclass(frozen=True)
class Attack:
    """Projected gradient steps against the loss. reach: the farthest an input moves, in deviations of the batch;
    weight: of the vulnerability in the loss."""

    steps: int = 2
    reach: float = 0.1
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Posterior:
    """Kumaraswamy distributions of the probability that each unit is on; raw parameters go through softplus."""

    raw_a: Tensor
    raw_b: Tensor

    @staticmethod
    def of(units: int) -> Posterior:
        a, b = (torch.full((units,), float(torch.tensor(value).expm1().log())) for value in _START)
        return Posterior(a.requires_grad_(), b.requires_grad_())

    @property
    def a(self) -> Tensor:
        return functional.softplus(self.raw_a)

    @property
    def b(self) -> Tensor:
        return functional.softplus(self.raw_b)

    def mean(self) -> Tensor:
        """(units,): b * Beta(1 + 1 / a, b)."""
        a, b = self.a, self.b
        return (b.log() + torch.lgamma(1 + 1 / a) + torch.lgamma(b) - torch.lgamma(1 + 1 / a + b)).exp()

    def divergence(self, prior: float = _PRIOR) -> Tensor:
        """(units,) Kullback-Leibler divergence from Beta(prior, 1)."""
        a, b = self.a, self.b
        mean_log = (-_EULER - torch.digamma(b) - 1 / b) / a
        return (a - prior) * mean_log + (a * b / prior).log() - (b - 1) / b

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, units) relaxed Bernoulli draws, one probability for all."""
        uniform = torch.rand(len(self.a), generator=generator).clamp(1e-6, 1 - 1e-6)
        probability = (1 - uniform ** (1 / self.b)).clamp_min(1e-6) ** (1 / self.a)
        probability = probability.clamp(1e-6, 1 - 1e-6)
        noise = torch.rand(count, len(self.a), generator=generator).clamp(1e-6, 1 - 1e-6)
        return torch.sigmoid((probability.logit() + noise.logit()) / _TEMPERATURE)


def learned_probabilities(
    module: nn.Module, groups: ChannelGroups, calibration: CalibrationData, adversarial: Attack | None
) -> dict[str, Tensor]:
    """Per group (units,) expected probabilities, the weights frozen and batch norm in evaluation mode.

    Args:
        adversarial: None learns on the samples as they are.
    """
    copy = twin(module, lambda tensor: tensor, requires_grad=False)
    posteriors = {group.name: Posterior.of(group.size) for group in groups.groups}
    parameters = [raw for posterior in posteriors.values() for raw in (posterior.raw_a, posterior.raw_b)]
    optimizer = torch.optim.Adam(parameters, _LR)
    generator = torch.Generator().manual_seed(0)
    samples = sum(len(targets) for _, targets in calibration.batches())
    factors: dict[str, Tensor] = {}
    batches = endless(calibration)
    with gated(copy, groups, lambda: factors):
        for _ in range(_STEPS):
            inputs, targets = next(batches)
            factors.update({name: posterior.sample(len(inputs), generator) for name, posterior in posteriors.items()})
            loss = sum((posterior.divergence().sum() for posterior in posteriors.values()), torch.zeros(())) / samples
            if adversarial is None:
                loss = loss + finite_loss(calibration.loss(copy(inputs), targets))
            else:
                attacked = attack(copy, calibration, inputs, targets, adversarial)
                with _watched(copy, groups) as seen:
                    copy(inputs)
                    clean = list(seen)
                    seen.clear()
                    loss = loss + finite_loss(calibration.loss(copy(attacked), targets))
                    loss = loss + adversarial.weight * vulnerability(clean, seen)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return {name: posterior.mean().detach() for name, posterior in posteriors.items()}


def vulnerability(clean: list[Tensor], attacked: list[Tensor]) -> Tensor:
    """Mean over layers of the mean distance |.| between each one's inputs for a sample and for its adversarial twin."""
    if not clean:
        return torch.zeros(())
    return torch.stack([(one - other).abs().mean() for one, other in zip(clean, attacked, strict=True)]).mean()


def attack(module: nn.Module, calibration: CalibrationData, inputs: Tensor, targets: Tensor, how: Attack) -> Tensor:
    """Inputs moved against the network: signed gradient steps, never farther than `reach` deviations.

    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2017, arXiv:1706.06083.
    """
    reach = how.reach * float(inputs.std())
    moved = inputs.clone()
    for _ in range(how.steps):
        moved.requires_grad_()
        (gradient,) = torch.autograd.grad(calibration.loss(module(moved), targets), [moved])
        moved = (moved.detach() + 1.5 * reach / how.steps * gradient.sign()).clamp(inputs - reach, inputs + reach)
    return moved


class _watched:  # noqa: N801 - used like a function
    """Inside the block, the input of each mixing layer is appended to the list."""

    def __init__(self, module: nn.Module, groups: ChannelGroups):
        called = groups.traced.called
        self._layers = [
            module.get_submodule(called[op.name])
            for op in groups.traced.graph.ops
            if op.traits.mixes_channels and op.name in called and groups.units_in(op.inputs[0])
        ]
        self._handles: list[torch.utils.hooks.RemovableHandle] = []
        self._seen: list[Tensor] = []

    def __enter__(self) -> list[Tensor]:
        self._handles = [
            layer.register_forward_pre_hook(lambda _module, args: self._seen.append(args[0])) for layer in self._layers
        ]
        return self._seen

    def __exit__(self, *_error: object) -> None:
        for handle in self._handles:
            handle.remove()
