"""Lazy layers (`nn.LazyLinear` and the like), whose weights have no shape before they were called once."""

from __future__ import annotations

from torch import nn
from torch.nn.parameter import is_lazy

from edgeprune.errors import ModelError


def refuse_lazy(module: nn.Module) -> None:
    """Raises ModelError where a layer was never called, so that its weights have no shape."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    unshaped = [name for name, tensor in tensors if is_lazy(tensor)]
    if unshaped:
        raise ModelError(
            f"{', '.join(unshaped[:3])}{', ...' if len(unshaped) > 3 else ''} of lazy layers have no shape yet",
            hint="call the network once on a sample in build(), before it returns it",
        )
