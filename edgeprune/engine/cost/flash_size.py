"""Flash of a whole image at any widths, from one link of the same network.

Kernels, start-up and console do not change with channel counts as long as the same kernels are chosen; the model's
arrays and the functions specialised for its layers do, and their sizes are known exactly. So one linked image is enough
to predict all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgeprune.engine.kernels.base import KernelCall


def constant_bytes(calls: Sequence[KernelCall]) -> dict[str, int]:
    """Flash of the model's arrays as linked, each padded to its alignment.

    Returns:
        `weights` (weights and biases) and `tables` (added by the engine).
    """
    parts = {"weights": 0, "tables": 0}
    for call in calls:
        for constant in call.constants:
            align = max(constant.align_bytes, constant.element_bytes)
            padded = -(-constant.size_bytes // align) * align
            tables = padded - constant.model_bytes if constant.table_bytes or not constant.is_model_data else 0
            parts["tables"] += tables
            parts["weights"] += padded - tables
    return parts


def specialised_bytes(calls: Sequence[KernelCall]) -> int:
    """Code of the functions generated for particular layers; layers that share one count it once."""
    return sum(shared.code_bytes for shared in {shared for call in calls for shared in call.shared})


@dataclass(frozen=True)
class EngineBaseline:
    """One linked image less the parts that change with channel counts, and RAM measured on its board.

    Attributes:
        flash_parts: bytes by part as linked: of `model` what is not specialised, of its constants what is not an array:
            the layers' parameter `structs`.
        data_bytes: variables and console buffers.
        stack_bytes: high-water mark on the board, console included.
        rates: instructions of kernels whose cost is in no table, from the same run (`engine/cost/latency.py`).
    """

    flash_parts: Mapping[str, int]
    data_bytes: int
    stack_bytes: int
    rates: Mapping[str, float] = field(default_factory=dict)

    @staticmethod
    def of(
        flash_parts: Mapping[str, int], calls: Sequence[KernelCall], data_bytes: int, stack_bytes: int
    ) -> EngineBaseline:
        """A link with these calls; `flash_parts` holds the model's arrays and structs under `constants`."""
        rest = dict(flash_parts)
        rest["structs"] = rest.pop("constants") - sum(constant_bytes(calls).values())
        rest["model"] -= specialised_bytes(calls)
        return EngineBaseline(rest, data_bytes, stack_bytes)

    def flash_with(self, calls: Sequence[KernelCall]) -> dict[str, int]:
        """Bytes by part of an image with these calls, of the same kernels as the baseline's."""
        model = self.flash_parts["model"] + specialised_bytes(calls)
        return dict(self.flash_parts) | constant_bytes(calls) | {"model": model}
