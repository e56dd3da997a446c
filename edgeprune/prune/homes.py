"""Where parameters and buffers live in a module."""

from __future__ import annotations

from torch import Tensor, nn

Home = list[tuple[nn.Module, str]]  # every (owner, attribute) a tensor is registered at; a tied one has several


def homes_of(module: nn.Module) -> dict[str, Home]:
    """Name as in `named_parameters()` or `named_buffers()` -> its home."""
    places: dict[int, Home] = {}
    for child in module.modules():
        for store in (child._parameters, child._buffers):
            for leaf, tensor in store.items():
                if tensor is not None:
                    places.setdefault(id(tensor), []).append((child, leaf))
    return {name: places[id(tensor)] for name, tensor in [*module.named_parameters(), *module.named_buffers()]}


def put(home: Home, values: Tensor) -> None:
    """Puts other values, of any shape, in a tensor's place, wherever it is registered."""
    old = getattr(*home[0])
    if isinstance(old, nn.Parameter):
        parameter = nn.Parameter(values, old.requires_grad)
        for owner, leaf in home:
            owner._parameters[leaf] = parameter
    else:
        for owner, leaf in home:
            owner._buffers[leaf] = values
