"""Flash of a whole image at any widths, from one link of the same network.

Kernels, start-up, console and the generated calls do not change with channel counts; the model's arrays do, and their
sizes are known exactly. So one linked image gives all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeprune.kernels.base import KernelCall


def constant_bytes(calls: Sequence[KernelCall]) -> dict[str, int]:
    """Flash of the model's arrays, padding included: `weights` (and biases), `tables` (what the engine adds)."""
    parts = {"weights": 0, "tables": 0}
    for call in calls:
        for constant in call.constants:
            align = max(constant.align_bytes, 1)
            padded = -(-constant.size_bytes // align) * align
            parts["weights" if constant.is_model_data else "tables"] += padded
    return parts


@dataclass(frozen=True)
class EngineBaseline:
    """One linked image less its model's arrays, and what its board showed.

    Attributes:
        flash_parts: bytes by part as linked, `constants` replaced by what of it no formula explains.
        data_bytes: variables and console buffers.
        stack_bytes: high-water mark on the board, console included.
    """

    flash_parts: Mapping[str, int]
    data_bytes: int
    stack_bytes: int

    @staticmethod
    def of(
        flash_parts: Mapping[str, int], calls: Sequence[KernelCall], data_bytes: int, stack_bytes: int
    ) -> EngineBaseline:
        """flash_parts: of the link, with the model's arrays under `constants`."""
        explained = sum(constant_bytes(calls).values())
        rest = {name: size for name, size in flash_parts.items() if name != "constants"}
        return EngineBaseline(rest | {"padding": flash_parts["constants"] - explained}, data_bytes, stack_bytes)

    def flash_with(self, calls: Sequence[KernelCall]) -> dict[str, int]:
        """Bytes by part of an image with these calls of the same kinds."""
        return dict(self.flash_parts) | constant_bytes(calls)
