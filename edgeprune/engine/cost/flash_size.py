"""Flash of a whole image at any widths, from one link of the same network.

Start-up and console do not change with channel counts; the model's arrays and the functions specialised for its layers
do, and their sizes are known exactly. Where other kernels are chosen, or a slice that was a view becomes a copy, what
such a call takes is measured in compiled objects (`deploy/call_sizes.py`). So one linked image is enough to predict all
others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edgeprune.engine.cost.cycle_rates import CycleRates
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


def spare_ram_bytes(calls: Sequence[KernelCall]) -> int:
    """RAM of the constants that are copied there at start."""
    held = [call for call in calls if any(constant.in_ram for constant in call.constants)]
    return sum(constant_bytes(held).values())


def specialised_bytes(calls: Sequence[KernelCall]) -> int:
    """Code of the functions generated for particular layers; layers that share one count it once."""
    return sum(shared.code_bytes for shared in {shared for call in calls for shared in call.shared})


_BEFORE_PLACE = "; "
_FEW = 8  # calls: two or four bytes each where they are in another place than those that were measured


def form_of(call: KernelCall) -> str:
    """What decides how much code and how many structs a call is: its kernels, the arrays it reads, what it copies, and
    where its output was placed."""
    moves = (f"{call.moves} moves",) if call.moves else ()
    form = " ".join((call.function, *call.sources, *(constant.role for constant in call.constants), *moves))
    return f"{form}{_BEFORE_PLACE}{call.place}" if call.place else form


def _anywhere(form: str) -> str:
    """The form without the place of the output."""
    return form.partition(_BEFORE_PLACE)[0]


def forms_of(calls: Sequence[KernelCall]) -> dict[str, int]:
    """Form -> how many of the calls that run have it."""
    return dict(Counter(form_of(call) for call in calls if not call.is_view))


_LOOP_BYTES = 24
"""Of an `ep_model_invoke` that calls layers in a loop."""


@dataclass(frozen=True)
class CallSize:
    """Flash of one call.

    Attributes:
        code_bytes: of its function, specialised ones apart.
        call_bytes: of calling it, or of its body there, in an `ep_model_invoke` that is a straight line.
        struct_bytes: of its parameters, and of its place in the table of layers.
        kernels: bytes of each function and table of the shipped kernels that it needs, by name.
    """

    code_bytes: float = 0
    call_bytes: float = 0
    struct_bytes: float = 0
    kernels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class EngineBaseline:
    """One linked image less the parts that change with channel counts, and RAM measured on its board.

    Attributes:
        flash_parts: bytes by part as linked: of `model` what is not specialised, of its constants what is not an array:
            the layers' parameter `structs`.
        data_bytes: variables, without constants that were copied to RAM.
        console_bytes: buffers of the console, which a firmware of the user's own has not.
        stack_bytes: high-water mark on the board, console included.
        rates: instructions of kernels whose cost is in no table, from the same run (`engine/cost/latency.py`).
        forms: of its calls, and how many of each; empty where nothing was linked.
        loops: whether its layers are called in a loop, as they are where some are repeated (`codegen/emit.py`).
        sizes: by form, of its calls and of others.
        cycles: of its kernels by the slow form; None where the core has no timing tables.
    """

    flash_parts: Mapping[str, int]
    data_bytes: int
    stack_bytes: int
    rates: Mapping[str, float] = field(default_factory=dict)
    forms: Mapping[str, int] = field(default_factory=dict)
    loops: bool = False
    sizes: Mapping[str, CallSize] = field(default_factory=dict)
    cycles: CycleRates | None = None
    console_bytes: int = 0

    @staticmethod
    def of(
        flash_parts: Mapping[str, int],
        calls: Sequence[KernelCall],
        data_bytes: int,
        stack_bytes: int,
        sizes: Mapping[str, CallSize] | None = None,
        console_bytes: int = 0,
    ) -> EngineBaseline:
        """A link with these calls; `flash_parts` holds the model's arrays and structs under `constants`.

        Args:
            data_bytes: of the link, constants that were copied to RAM among them.
        """
        rest = dict(flash_parts)
        rest["structs"] = rest.pop("constants") - sum(constant_bytes(calls).values())
        rest["model"] -= specialised_bytes(calls)
        data_bytes -= spare_ram_bytes(calls)
        return EngineBaseline(
            rest, data_bytes, stack_bytes, forms=forms_of(calls), loops=_repeats(calls), sizes=sizes or {},
            console_bytes=console_bytes,
        )  # fmt: skip

    @staticmethod
    def recorded(noted: Mapping[str, Any]) -> EngineBaseline:
        """From `asdict` of one, kept as JSON."""
        sizes = {form: CallSize(**size) for form, size in noted["sizes"].items()}
        cycles = None if noted["cycles"] is None else CycleRates.of_noted(noted["cycles"])
        return EngineBaseline(**{**noted, "sizes": sizes, "cycles": cycles})

    def linked_again(
        self, flash_parts: Mapping[str, int], calls: Sequence[KernelCall], sizes: Mapping[str, CallSize]
    ) -> EngineBaseline:
        """The flash of another link, with what was measured before."""
        other = EngineBaseline.of(flash_parts, calls, self.data_bytes, self.stack_bytes, sizes)
        return replace(self, flash_parts=other.flash_parts, forms=other.forms, loops=other.loops, sizes=other.sizes)

    def lacking(self, calls: Sequence[KernelCall]) -> set[str]:
        """Forms of calls that the link had none of; none where nothing was linked. A few calls whose output lies in
        another place than in the link do not count."""
        if not self.forms:
            return set()
        new = {form: count for form, count in forms_of(calls).items() if form not in self.forms}
        alike = {_anywhere(form) for form in self.forms}
        return {form for form, count in new.items() if count > _FEW or _anywhere(form) not in alike}

    def flash_with(self, calls: Sequence[KernelCall]) -> dict[str, int]:
        """Bytes by part of an image with these calls; forms whose size nobody measured count as nothing."""
        parts, forms = dict(self.flash_parts), forms_of(calls)
        parts["model"] += specialised_bytes(calls)
        if self.forms:
            new, old = self._calls_take(forms, _repeats(calls)), self._calls_take(self.forms, self.loops)
            for part, size_bytes in new.items():
                parts[part] += round(size_bytes - old[part])
        return parts | constant_bytes(calls)

    def _calls_take(self, forms: Mapping[str, int], in_a_loop: bool) -> dict[str, float]:
        """Bytes by part of so many calls; kernels that several need count once."""
        alike = {_anywhere(form): size for form, size in self.sizes.items()}
        sizes = [
            (count, self.sizes.get(form) or alike.get(_anywhere(form), CallSize())) for form, count in forms.items()
        ]
        kernels = {name: size_bytes for _, size in sizes for name, size_bytes in size.kernels.items()}
        invoke = _LOOP_BYTES if in_a_loop else sum(count * size.call_bytes for count, size in sizes)
        return {
            "kernels": sum(kernels.values()),
            "model": sum(count * size.code_bytes for count, size in sizes) + invoke,
            "structs": sum(count * size.struct_bytes for count, size in sizes),
        }


def _repeats(calls: Sequence[KernelCall]) -> bool:
    return any(call.like is not None for call in calls)
