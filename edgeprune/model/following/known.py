"""Values that a recording knows before the network runs: those that no input has a part in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from edgeprune.model.literal import computed
from edgeprune.model.recording import Call

_HELD = "_edgeprune_values"


class _Values(dict[str, Tensor]):
    """Parameters and buffers by name; copies of a module share them."""

    def __deepcopy__(self, _memo: object) -> _Values:
        return self


def keep_values(skeleton: nn.Module, module: nn.Module) -> None:
    """Lets a copy without values be recorded in its turn."""
    skeleton.__dict__[_HELD] = _values_of(module)


def _values_of(module: nn.Module) -> _Values:
    kept: _Values = module.__dict__.get(_HELD, _Values())
    own = [*module.named_parameters(), *module.named_buffers()]
    values = {name: kept.get(name, tensor) if tensor.is_meta else tensor.detach() for name, tensor in own}
    return _Values({name: value for name, value in values.items() if not value.is_meta})


class Known:
    """What a module's parameters and buffers and the numbers in its code decide alone.

    Args:
        module: with values, of the structure that is recorded; or what `keep_values` made of one.
    """

    def __init__(self, module: nn.Module):
        self._own = _values_of(module)
        self._values: dict[int, Tensor] = {}
        self._makers: dict[int, Call] = {}
        self._fixed: set[int] = set()  # no input has a part in them
        self._of_parameters: set[int] = set()
        self._count = 0

    def of(
        self, value: int, calls: Sequence[Call], parameters: Mapping[int, str], constants: Mapping[int, Tensor]
    ) -> Tensor | None:
        """A recorded value on the CPU; None where an input has a part in it."""
        self._follow(calls, parameters, constants)
        if value not in self._fixed:
            return None
        self._compute(value)
        return self._values[value]

    def is_zero(
        self, value: int, calls: Sequence[Call], parameters: Mapping[int, str], constants: Mapping[int, Tensor]
    ) -> bool:
        """Whether it is nothing but zeros, whatever is trained."""
        held = self.of(value, calls, parameters, constants)
        return held is not None and value not in self._of_parameters and not bool(held.any())

    def _follow(self, calls: Sequence[Call], parameters: Mapping[int, str], constants: Mapping[int, Tensor]) -> None:
        for index in parameters.keys() - self._of_parameters:
            self._of_parameters.add(index)
            if parameters[index] in self._own:
                self._values[index] = self._own[parameters[index]].cpu()
        self._values |= {index: held for index, held in constants.items() if held.device.type == "cpu"}
        self._fixed |= self._values.keys()
        for call in calls[self._count :]:
            self._makers |= dict.fromkeys(call.outputs, call)
            if self._fixed.issuperset(call.read):
                self._fixed.update(call.outputs)
            if not self._of_parameters.isdisjoint(call.read):
                self._of_parameters.update(call.outputs)
        self._count = len(calls)

    def _compute(self, value: int) -> None:
        if value in self._values:
            return
        call = self._makers[value]
        for read in call.read:
            self._compute(read)
        with torch.no_grad(), torch._C.DisableTorchFunction(), _disable_current_modes():  # it may be recorded just now
            self._values.update(zip(call.outputs, computed(call, self._values), strict=True))
