"""What layers and the user's modules repeat of their parameters' shapes, after channels were removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from edgeprune.prune.coupling.channels import OwnSizes

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def refresh(module: nn.Module) -> None:
    """Sets the attributes that repeat a parameter's shape; in place."""
    if isinstance(module, nn.modules.conv._ConvTransposeNd):
        module.in_channels = module.weight.shape[0]
        module.out_channels = module.weight.shape[1] * module.groups
    elif isinstance(module, nn.modules.conv._ConvNd):
        if 1 < module.groups == module.in_channels:
            module.groups = module.groups * module.weight.shape[0] // module.out_channels
        module.out_channels = module.weight.shape[0]
        module.in_channels = module.weight.shape[1] * module.groups
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, nn.modules.batchnorm._BatchNorm):
        known = module.weight if module.weight is not None else module.running_mean
        if known is not None:
            module.num_features = known.shape[0]
    elif isinstance(module, nn.PReLU):
        module.num_parameters = module.weight.shape[0]
    elif isinstance(module, nn.GroupNorm | nn.modules.instancenorm._InstanceNorm):
        _refresh_norm(module)
    elif isinstance(module, nn.Embedding):
        module.num_embeddings, module.embedding_dim = module.weight.shape
    elif isinstance(module, nn.RNNBase):
        of_state, of_input = module.get_parameter("weight_hh_l0"), module.get_parameter("weight_ih_l0")
        module.hidden_size, module.input_size = of_state.shape[0] // _GATES[module.mode], of_input.shape[1]
        module._flat_weights = [getattr(module, name) for name in module._flat_weights_names]
    elif isinstance(module, nn.RNNCellBase):
        module.hidden_size, module.input_size = module.weight_hh.shape[1], module.weight_ih.shape[1]


def _refresh_norm(module: nn.GroupNorm | nn.modules.instancenorm._InstanceNorm) -> None:
    """Whole groups are removed: each keeps its channels."""
    known = module.weight if module.weight is not None else getattr(module, "running_mean", None)
    if known is None:
        return
    if isinstance(module, nn.GroupNorm):
        module.num_groups = module.num_groups * known.shape[0] // module.num_channels
        module.num_channels = known.shape[0]
    else:
        module.num_features = known.shape[0]


def set_sizes(module: nn.Module, sizes: OwnSizes, widths: Mapping[str, int]) -> None:
    """Sets the attributes of the user's own modules that count channels; in place."""
    for (path, name), size in sizes.items():
        setattr(module.get_submodule(path), name, size.at(widths))
