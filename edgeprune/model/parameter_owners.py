"""Which modules own a network's parameters and buffers."""

from __future__ import annotations

from torch import Tensor, nn

Owners = list[tuple[nn.Module, str]]  # every (owner, attribute) a tensor is registered at; a tied one has several


def parameter_owners(module: nn.Module) -> dict[str, Owners]:
    """Name as in `named_parameters()` or `named_buffers()` -> its owners."""
    by_tensor: dict[int, Owners] = {}
    for child in module.modules():
        for store in (child._parameters, child._buffers):
            for leaf, tensor in store.items():
                if tensor is not None:
                    by_tensor.setdefault(id(tensor), []).append((child, leaf))
    return {name: by_tensor[id(tensor)] for name, tensor in [*module.named_parameters(), *module.named_buffers()]}


def put(owners: Owners, values: Tensor) -> None:
    """Replaces a tensor by values of any shape wherever it is registered."""
    old = getattr(*owners[0])
    if isinstance(old, nn.Parameter):
        parameter = nn.Parameter(values, old.requires_grad)
        for owner, leaf in owners:
            owner._parameters[leaf] = parameter
    else:
        for owner, leaf in owners:
            owner._buffers[leaf] = values
