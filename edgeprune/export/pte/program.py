"""An ExecuTorch program (`.pte`) read from its file, without ExecuTorch: operators, delegates, planned memory, sizes.

Format: ExecuTorch 1.5, schema/program.fbs; a header ("eh00") behind the identifier tells where segments begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edgeprune.errors import ModelError
from edgeprune.export.pte import xnnpack
from edgeprune.export.pte.operators import Operator
from edgeprune.files.bounded import Unreadable
from edgeprune.files.flatbuffer import FlatBytes, Table

_IDENTIFIER, _HEADER = b"ET", b"eh00"
_HEADER_AT, _HEAD_BYTES = 8, 40
_METHOD = "forward"
_INT, _DOUBLE, _TENSOR = 2, 4, 5  # KernelTypes
_KERNEL, _DELEGATE = 1, 2  # InstructionArguments
_SEGMENT = 1  # DataLocation
_TYPES = {0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 7: "float64",
          11: "bool", 15: "bfloat16"}  # fmt: skip
_WHOLE = frozenset({"uint8", "int8", "int16", "int32", "int64"})
_CONVERSIONS = ("quantize_per_tensor", "dequantize_per_tensor", "quantize_per_channel", "dequantize_per_channel")
_MOVES = frozenset({"view_copy", "permute_copy", "clone", "_to_dim_order_copy", "_clone_dim_order", "squeeze_copy",
                    "unsqueeze_copy", "transpose", "alias_copy", "expand_copy"})  # fmt: skip
_LIBRARIES = {"cortex_m": "cortex_m kernels (CMSIS-NN)", "quantized_decomposed": "quantized kernels"}


@dataclass(frozen=True)
class PteTensor:
    """An input or output.

    Attributes:
        order: its axes from the outermost in memory to the innermost.
        step: between neighbouring values of an output; None where its values lie on no grid that is known.
    """

    dtype: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    step: float | None = None


@dataclass(frozen=True)
class Program:
    """What a `.pte` file states.

    Attributes:
        size_bytes: of the whole file.
        constant_bytes: weights and other constants that kernels read; delegate_bytes: what delegates keep.
        planned_bytes: memory that is planned ahead for all tensors kernels read and write, by arena; a delegate's own
            memory is not in it.
        delegates: ids, as often as each is called.
        settings: numbers stored as methods of their own: scales and zero points of int8 ends.
    """

    size_bytes: int
    constant_bytes: int
    delegate_bytes: int
    planned_bytes: tuple[int, ...]
    inputs: tuple[PteTensor, ...]
    outputs: tuple[PteTensor, ...]
    operators: tuple[Operator, ...]
    delegates: tuple[str, ...]
    settings: Mapping[str, float]

    @property
    def float_operators(self) -> tuple[Operator, ...]:
        return tuple(operator for operator in self.operators if operator.precision == "float")


def read_pte(data: bytes, name: str) -> Program:
    """The program.

    Args:
        name: of the file, for the error.

    Raises:
        ModelError: no such file, or a damaged one.
    """
    try:
        return _Reader(data).program()
    except Unreadable as problem:
        hint = "export it again, or fetch it again"
        raise ModelError(f"{name} is not a whole ExecuTorch program: {problem}", hint=hint) from problem


@dataclass(frozen=True)
class _Segments:
    """base: where they begin in the file; places: offset and size of each."""

    base: int
    places: tuple[tuple[int, int], ...]


class _Reader:
    def __init__(self, data: bytes):
        if len(data) < _HEAD_BYTES or data[4:6] != _IDENTIFIER:
            raise Unreadable("it does not begin as one")
        self._data = data
        size, base = len(data), 0
        if data[_HEADER_AT : _HEADER_AT + 4] == _HEADER:
            size, base = (int.from_bytes(data[at : at + 8], "little") for at in (16, 24))
        if not _HEAD_BYTES <= size <= len(data) or base > len(data):
            raise Unreadable(f"its header claims {size:,} B and segments from byte {base:,}; it has {len(data):,} B")
        self._root = FlatBytes(data[:size]).root()
        places = tuple((part.number(0, "<Q"), part.number(1, "<Q")) for part in self._root.tables(4))
        for offset, length in places:
            if base + offset + length > len(data):
                raise Unreadable(f"a segment ends at byte {base + offset + length:,} of {len(data):,}")
        self._segments = _Segments(base, places)
        self._inline = [part.content(0) for part in self._root.tables(3)]

    def program(self) -> Program:
        plans = {plan.text(0): plan for plan in self._root.tables(1)}
        plan = plans.get(_METHOD)
        if plan is None:
            raise Unreadable(f"it has no method '{_METHOD}', only {', '.join(sorted(plans)[:8]) or 'none'}")
        values = list(plan.tables(2))
        tensors = {index: _tensor(value) for index, value in enumerate(values) if value.number(0, "<B") == _TENSOR}
        delegates = [(part.text(0), self._payload(part)) for part in plan.tables(7)]
        named = {part.number(1, "<I") for part in self._root.tables(7)}
        constants = self._root.table(5)
        in_segments = sum(size for number, (_, size) in enumerate(self._segments.places) if number in named)
        operators, called = _operators(plan, tensors, delegates)
        steps = _steps(plan, delegates)
        return Program(
            size_bytes=len(self._data),
            constant_bytes=0 if constants is None else self._segment_size(constants),
            delegate_bytes=sum(len(payload) for _, payload in delegates) + in_segments,
            planned_bytes=plan.numbers(8, "<q")[1:],
            inputs=_ends(plan.numbers(3), tensors),
            outputs=tuple(
                replace(end, step=1.0 if end.dtype in _WHOLE else steps.get(index))
                for index, end in zip(plan.numbers(4), _ends(plan.numbers(4), tensors), strict=True)
            ),
            operators=operators,
            delegates=called,
            settings={name: value for name, other in plans.items() for value in _setting(other)},
        )

    def _segment_size(self, part: Table) -> int:
        if not part.numbers(1, "<Q"):
            return 0
        return self._place(part.number(0, "<I"))[1]

    def _payload(self, delegate: Table) -> bytes:
        where = delegate.table(1)
        if where is None:
            return b""
        index = where.number(1, "<I")
        if where.number(0, "<b") == _SEGMENT:
            offset, size = self._place(index)
            start = self._segments.base + offset
            return self._data[start : start + size]
        if index >= len(self._inline):
            raise Unreadable(f"delegate data {index} is not there, {len(self._inline)} are")
        return self._inline[index]

    def _place(self, index: int) -> tuple[int, int]:
        if index >= len(self._segments.places):
            raise Unreadable(f"segment {index} is not there, {len(self._segments.places)} are")
        return self._segments.places[index]


def _tensor(value: Table) -> PteTensor:
    held = value.table(1)
    if held is None:
        raise Unreadable("a tensor is missing")
    number = held.number(0, "<b")
    return PteTensor(_TYPES.get(number, f"type {number}"), held.numbers(2), tuple(held.content(3)))


def _ends(indices: tuple[int, ...], tensors: Mapping[int, PteTensor]) -> tuple[PteTensor, ...]:
    missing = [index for index in indices if index not in tensors]
    if missing:
        raise Unreadable(f"value {missing[0]} at its ends is no tensor")
    return tuple(tensors[index] for index in indices)


def _operators(
    plan: Table, tensors: Mapping[int, PteTensor], delegates: list[tuple[str, bytes]]
) -> tuple[tuple[Operator, ...], tuple[str, ...]]:
    """What runs in order, inside delegates too where we know their format, and the delegates called."""
    names = [part.text(0) for part in plan.tables(6)]
    found: list[Operator] = []
    called = []
    for chain in plan.tables(5):
        for instruction in chain.tables(2):
            kind, call = instruction.number(0, "<B"), instruction.table(1)
            if call is None or kind not in (_KERNEL, _DELEGATE):
                continue
            index = call.number(0)
            if not 0 <= index < len(names if kind == _KERNEL else delegates):
                raise Unreadable(f"it calls operator or delegate {index}, which is not there")
            if kind == _KERNEL:
                found.append(_kernel(names[index], [tensors[arg] for arg in call.numbers(1) if arg in tensors]))
                continue
            backend, payload = delegates[index]
            called.append(backend)
            inside = xnnpack.operators_of(payload) if backend == xnnpack.BACKEND else ()
            found += inside or [Operator("(not read)", backend, "unknown")]
    return tuple(found), tuple(called)


def _steps(plan: Table, delegates: list[tuple[str, bytes]]) -> dict[int, float | None]:
    """Index of a value that XNNPACK gives -> the step between its neighbouring values, where it was int8 last."""
    found: dict[int, float | None] = {}
    for chain in plan.tables(5):
        for instruction in chain.tables(2):
            call = instruction.table(1)
            if instruction.number(0, "<B") != _DELEGATE or call is None:
                continue
            backend, payload = delegates[call.number(0)]
            if backend == xnnpack.BACKEND and payload:
                given = call.numbers(1)
                steps = xnnpack.output_steps(payload)
                found |= {given[at]: step for at, step in steps.items() if at < len(given)}
    return found


def _kernel(name: str, tensors: list[PteTensor]) -> Operator:
    library, _, plain = name.rpartition("::")
    types = {tensor.dtype for tensor in tensors}
    if plain in _CONVERSIONS or plain in _MOVES:
        precision = "moves"
    elif any("float" in dtype for dtype in types):
        precision = "float"
    else:
        precision = "int8" if "int8" in types else "integers"
    return Operator(name, _LIBRARIES.get(library, "portable kernels"), precision)


def _setting(plan: Table) -> list[float]:
    """The one number that a method without inputs or operators gives."""
    outputs, values = plan.numbers(4), list(plan.tables(2))
    if plan.numbers(3) or len(outputs) != 1 or not 0 <= outputs[0] < len(values):
        return []
    kind, held = values[outputs[0]].number(0, "<B"), values[outputs[0]].table(1)
    if held is None or kind not in (_INT, _DOUBLE):
        return []
    return [float(held.number(0, "<q")) if kind == _INT else held.real(0)]
