"""Muon on convolution kernels and SGD with momentum on everything else; AdamW where a network attends or recurs.

Muon steps along the nearest orthogonal matrix of the momentum, so that every direction of a kernel moves alike:
Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024, kellerjordan.github.io/posts/muon.
AdamW: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, arXiv:1711.05101. Plain momentum with one
learning rate for all breaks attention and recurrent layers, whose gradients differ by orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError

_MOMENTUM = 0.9
_WEIGHT_DECAY = 5e-4
_ADAMW_DECAY = 0.01
DEFAULT_LR = {"muon": 0.05, "sgd": 0.05, "adamw": 1e-3}
_ADAPTIVE = (nn.LayerNorm, nn.RMSNorm, nn.MultiheadAttention, nn.RNNBase, nn.RNNCellBase, nn.Embedding)


def optimizer_for(module: nn.Module, kind: str) -> str:
    """`muon`, `sgd` or `adamw`: what `auto` is for this network."""
    if kind != "auto":
        return kind
    return "adamw" if any(isinstance(child, _ADAPTIVE) for child in module.modules()) else "muon"


def make_optimizer(module: nn.Module, kind: str, lr: float) -> torch.optim.Optimizer:
    """kind: `muon`, `sgd` or `adamw`. Biases, norms and embeddings are not decayed; frozen parameters stay.

    Raises:
        ModelError: all parameters are frozen.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not trained:
        raise ModelError(
            "every parameter of the model is frozen (requires_grad is False), so nothing can be trained",
            hint="module.requires_grad_(True) in your build(), or --epochs 0",
        )
    if kind == "adamw":
        return _adamw(module, trained, lr)
    kernels = [parameter for parameter in trained if parameter.ndim >= 3 and parameter.shape[1] > 1]
    chosen = {id(parameter) for parameter in kernels} if kind == "muon" else set()
    rest = [parameter for parameter in trained if id(parameter) not in chosen]
    groups = [
        {
            "params": [parameter for parameter in rest if parameter.ndim > 1],
            "weight_decay": _WEIGHT_DECAY,
            "muon": False,
        },
        {"params": [parameter for parameter in rest if parameter.ndim <= 1], "weight_decay": 0.0, "muon": False},
        {"params": [parameter for parameter in kernels if id(parameter) in chosen], "weight_decay": 0.0, "muon": True},
    ]
    return MuonSgd([group for group in groups if group["params"]], lr)


def _adamw(module: nn.Module, trained: list[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    embeddings = {id(child.weight) for child in module.modules() if isinstance(child, nn.Embedding)}
    plain = [parameter for parameter in trained if parameter.ndim <= 1 or id(parameter) in embeddings]
    kept = {id(parameter) for parameter in plain}
    decayed = [parameter for parameter in trained if id(parameter) not in kept]
    groups = [{"params": decayed, "weight_decay": _ADAMW_DECAY}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr)


class MuonSgd(torch.optim.Optimizer):
    """Nesterov momentum; groups with `muon` are orthogonalized, the others decayed by `weight_decay`."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float):
        super().__init__(groups, {"lr": lr, "momentum": _MOMENTUM, "weight_decay": 0.0, "muon": False})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the gradients as they stand; `closure` is not used."""
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                gradient = parameter.grad.add(parameter, alpha=group["weight_decay"])
                buffer = self.state[parameter].setdefault("momentum", torch.zeros_like(gradient))
                buffer.mul_(momentum).add_(gradient)
                update = gradient.add(buffer, alpha=momentum)
                parameter.sub_(_orthogonal(update) if group["muon"] else update, alpha=lr)


def _orthogonal(update: Tensor) -> Tensor:
    """(O, ...) -> the same shape, singular values near 1 times sqrt(rows / columns) where there are more rows.

    Five steps of the quintic Newton-Schulz iteration with the post's coefficients.
    """
    matrix = update.flatten(1)
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp_min(1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
    orthogonal: Tensor = (x.T if tall else x) * scale
    return orthogonal.reshape(update.shape)
