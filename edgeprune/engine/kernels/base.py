"""One operator on a device: a C function call, the constants it reads, the scratch it needs.

`edgeprune.engine.kernels` holds one file per operator kind. Each lowers an `Op` of an int8 graph to a
`KernelCall`. The planner, the flash and latency models and the code generator all read the same call, so what is
predicted before training is what is linked after it. A call made from a predicted graph has shapes but no values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

Place = Literal["", "in place", "end to end"]
"""Output and input begin at one address; or one begins where the other ends; or neither."""


@dataclass(frozen=True, eq=False)
class Constant:
    """One array a kernel reads from flash.

    Attributes:
        role: `weights`, `bias`, `multiplier`, ...; its C name is `<layer>_<role>`.
        ctype: `int8_t`, `int32_t`, ...; or `ep_axis_t`, a struct of `values.size / count` integers.
        count: elements.
        element_bytes: bytes of one element.
        align_bytes: alignment the kernel needs.
        is_model_data: True for weights and biases, False for tables the engine adds.
        table_bytes: bytes of model data that are the engine's all the same: a stream of weights carries its layer's
            requantization between them.
        in_ram: copied there at start, so that reading it waits for no flash.
        values: makes the array (1-D; `count` long, or `count` structs one after the other); None when the graph holds
            no data.
    """

    role: str
    ctype: str
    count: int
    element_bytes: int
    align_bytes: int = 4
    is_model_data: bool = True
    values: Callable[[], np.ndarray] | None = None
    table_bytes: int = 0
    in_ram: bool = False

    @property
    def size_bytes(self) -> int:
        return self.count * self.element_bytes

    @property
    def model_bytes(self) -> int:
        """Bytes that hold the model's own weights and biases."""
        return self.size_bytes - self.table_bytes if self.is_model_data else 0


@dataclass(frozen=True)
class Overlap:
    """A promise that output 0 may share bytes with an activation input without any unread byte being overwritten.

    forward:  safe when `output_start + lead_bytes <= input_start`
    backward: safe when `output_end >= input_end + lead_bytes`
    same:     safe when `output_start == input_start`, and not otherwise; `lead_bytes` is 0
    A kernel that ascends element by element promises `forward` with 0, one that descends `backward` with 0.
    The planner uses a promise only where the input is not read again, and where the output shares bytes with several
    inputs it keeps to one direction for all of them; `Symbols` gives `emit` the chosen offsets.
    (Diagonal memory optimisation: Blacker, Bridges, Hadfield 2020, arXiv:2010.01668.)
    """

    input_index: int
    direction: str  # "forward" | "backward" | "same"
    lead_bytes: int


class Symbols(Protocol):
    """Names and addresses the emitter gives a call."""

    @property
    def layer(self) -> str:
        """C identifier of this layer, unique in the model."""

    def input(self, index: int) -> str:
        """C expression `const int8_t *` (or the tensor's type) for op input `index`."""

    def output(self, index: int) -> str:
        """C expression for op output `index`."""

    def state(self, index: int) -> str:
        """C expression, writable, for op input `index` that is state (`Tensor.is_variable`)."""

    def input_offset_bytes(self, index: int) -> int:
        """Arena offset of op input `index`."""

    def output_offset_bytes(self, index: int) -> int:
        """Arena offset of op output `index`."""

    def scratch(self) -> str:
        """C expression `void *` for this call's scratch; only where `scratch_bytes` > 0."""

    def constant(self, role: str) -> str:
        """C name of this call's constant."""


@dataclass(frozen=True)
class Work:
    """What a call has to do, in the terms kernel costs are stated in."""

    macs: int = 0
    outputs: int = 0
    features: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Placed:
    """An input that was written where it belongs in the output, between what others wrote: nothing is copied for it.

    Attributes:
        input_index: of the op.
        offset_bytes: of its first byte in the output.
        run_bytes: that lie together.
        step_bytes: from one such run to the next.
    """

    input_index: int
    offset_bytes: int
    run_bytes: int
    step_bytes: int


@dataclass(frozen=True)
class Shared:
    """C text at file scope that several calls may need word for word; it is emitted once.

    Attributes:
        text: C at file scope.
        code_bytes: the machine code it becomes, for the flash model.
        family: names the functions that differ from it in one constant only; "" for those that stand alone.
        within: the same function, under the same name, looped until its code takes at most so many bytes, or as few as
            it can; None where it has no straight code to loop.
    """

    text: str
    code_bytes: int
    family: str = ""
    within: Callable[[int], Shared] | None = field(default=None, compare=False)


@dataclass(frozen=True, eq=False)
class KernelCall:
    """One operator on one instruction set.

    Attributes:
        function: the C function at its heart; names its row in the latency model.
        sources: C files under `firmware/kernels`, relative, that define what the call needs.
        headers: headers under `firmware/include` the generated file includes.
        constants: arrays in flash, in the order they are emitted.
        scratch_bytes: arena bytes alive during this call only, 4-byte aligned start.
        overlaps: how the output may share bytes with inputs; empty means disjoint.
        is_view: nothing runs, `emit` is not called: the outputs, end to end, are the activation inputs' bytes, end to
            end (a reshape, or a concatenation or split along the outermost axis), or all inputs are `placed`.
        placed: inputs that lie in output 0 already; all of them in a view.
        spread: the same call with the pixels of its output this many bytes apart, for an output placed so; None where
            the kernel cannot.
        work: for the latency model.
        moves: boxes of bytes it moves, each a C call of its own; 0 for what is no copy.
        emit: C statements of the call, given the names.
        definitions: C text at file scope (parameter structs, specialised loops), given the names.
        shared: specialised functions that other calls may use too.
        others: the same call by other functions of their families (`agreement.py`); None where it has none.
        parts: calls this one is made of, and how often each runs; for the latency model.
        like: name of the earlier op whose constants and definitions this call uses, having none of its own.
        place: of its output beside its inputs, as the plan has it, where that saves an instruction; "" elsewhere.
    """

    function: str
    emit: Callable[[Symbols], str]
    sources: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    constants: tuple[Constant, ...] = ()
    scratch_bytes: int = 0
    overlaps: tuple[Overlap, ...] = ()
    is_view: bool = False
    placed: tuple[Placed, ...] = ()
    spread: Callable[[int], KernelCall | None] | None = None
    work: Work = Work()
    moves: int = 0
    definitions: Callable[[Symbols], str] | None = None
    shared: tuple[Shared, ...] = ()
    others: Callable[[], Others] | None = None
    parts: tuple[tuple[KernelCall, int], ...] = ()
    like: str | None = None
    place: Place = ""


Others = Mapping[tuple[Shared, ...], Callable[[], KernelCall | None]]
"""By the functions a call might use: what makes the call that does, or None where its values do not allow it."""
