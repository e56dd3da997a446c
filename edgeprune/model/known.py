"""Values that a recording knows before the network runs: those that no input has a part in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from edgeprune.model.literal import computed
from edgeprune.model.recording import Call


class Known:
    """What a module's parameters and buffers and the numbers in its code decide alone.

    Args:
        module: with values, of the structure that is recorded.
    """

    def __init__(self, module: nn.Module):
        self._own = dict([*module.named_parameters(), *module.named_buffers()])
        self._values: dict[int, Tensor] = {}
        self._makers: dict[int, Call] = {}
        self._count = 0

    def of(
        self, value: int, calls: Sequence[Call], parameters: Mapping[int, str], constants: Mapping[int, Tensor]
    ) -> Tensor | None:
        """A recorded value on the CPU; None where an input has a part in it."""
        for call in calls[self._count :]:
            self._makers |= dict.fromkeys(call.outputs, call)
        self._count = len(calls)
        for index in set(parameters) - self._values.keys():
            self._values[index] = self._own[parameters[index]].detach().cpu()
        self._values |= {index: held for index, held in constants.items() if held.device.type == "cpu"}
        return self._values.get(value) if self._find(value) else None

    def _find(self, value: int) -> bool:
        if value in self._values:
            return True
        call = self._makers.get(value)
        if call is None or not all([self._find(read) for read in call.read]):
            return False
        with torch.no_grad():
            self._values.update(zip(call.outputs, computed(call, self._values), strict=True))
        return True
