"""Weight norm, spectral norm and other reparametrizations, which train a weight by other parameters, taken off.

What is thinned, trained on and exported is the weight itself.
"""

from __future__ import annotations

from torch import nn
from torch.nn.utils import parametrize, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from edgeprune.model.twin import twin


def with_plain_weights(module: nn.Module) -> nn.Module:
    """The module itself, or a copy in eval mode whose reparametrized weights are parameters of the same values."""
    if not any(_is_reparametrized(child) for child in module.modules()):
        return module
    plain = twin(module, lambda tensor: tensor.clone())
    for child in plain.modules():
        _take_off(child)
    return plain


def _hooks(child: nn.Module) -> list[WeightNorm | SpectralNorm]:
    """Of the older functions of torch, which compute the weight in front of each forward pass."""
    return [hook for hook in child._forward_pre_hooks.values() if isinstance(hook, WeightNorm | SpectralNorm)]


def _is_reparametrized(child: nn.Module) -> bool:
    return parametrize.is_parametrized(child) or bool(_hooks(child))


def _take_off(child: nn.Module) -> None:
    for hook in _hooks(child):
        (remove_weight_norm if isinstance(hook, WeightNorm) else remove_spectral_norm)(child, hook.name)
    if parametrize.is_parametrized(child):
        for name in list(child.parametrizations):  # type: ignore[arg-type]
            parametrize.remove_parametrizations(child, name, leave_parametrized=True)
