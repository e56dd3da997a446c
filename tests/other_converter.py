"""The int8 file that litert-torch and ai-edge-quantizer make of a network: what ours is compared with."""

from __future__ import annotations

from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.export import other_converter


class OtherConverter(other_converter.OtherConverter):
    """As a user has it, but for what it raises where it cannot."""

    def int8_file(self, module: nn.Module, samples: Tensor) -> bytes:
        """Raises ValueError where the network cannot be converted."""
        try:
            return super().int8_file(module, samples)
        except ModelError as problem:
            raise ValueError(problem.message) from problem
