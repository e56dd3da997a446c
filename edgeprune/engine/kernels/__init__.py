"""Operators become kernel calls: `lower(graph, isa, optimize)`, one call per operator.

`linear/`, `movement/`, `pointwise/` and `reduction/` hold plain C that suits all, a file an operator or a few that
differ in a line; its `KERNELS` lists them, and is looked up by that name; `floats/` and `integers/` have those for
float32 and int32 as they are. `scalar/`, `dsp/`, `mve/` and `vector/` hold the faster kernels of an instruction set,
listed in the folder's `KERNELS`. They are tried first, in order: one that does not suit the trade, the shapes or the
values returns None. Before them come those of packages of others (`edgeprune.kernels`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache

from edgeprune.budget import Optimize
from edgeprune.catalogue import modules_of, plugged_in
from edgeprune.engine.kernels import dsp, mve, scalar, vector
from edgeprune.engine.kernels.agreement import agreed
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.linear.compressed import compress
from edgeprune.engine.kernels.linear.some_channels import cut_by_channels
from edgeprune.engine.kernels.number_formats import refuse_other_formats
from edgeprune.engine.kernels.operands import activation_type, place
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind

__all__ = [
    "check_supported", "fast_call", "has_fast", "lower", "own_isas", "plain_types", "problems_of",
    "with_provable_scales",
]  # fmt: skip

Candidate = Callable[[Graph, Op, Isa, Optimize], KernelCall | None]
Plain = Callable[[Graph, Op, Isa, Optimize], KernelCall]

ByType = Mapping[DType, Mapping[OpKind, tuple[Candidate, ...]]]
"""Candidates of an instruction set by the type of the activations they take."""

_SCALAR: ByType = {DType.INT8: scalar.KERNELS}
_DSP: ByType = {DType.INT8: dsp.KERNELS, DType.INT16: dsp.KERNELS16}
_MVE: ByType = {DType.INT8: mve.KERNELS}
_VECTOR: ByType = {DType.INT8: vector.KERNELS}
_FAST: Mapping[Isa, tuple[tuple[Isa, ByType], ...]] = {
    Isa.SCALAR: ((Isa.SCALAR, _SCALAR),),
    Isa.DSP: ((Isa.DSP, _DSP),),
    Isa.MVE: ((Isa.MVE, _MVE), (Isa.DSP, _DSP)),  # a core with the vectors has the DSP extension, too
    Isa.VECTOR: ((Isa.VECTOR, _VECTOR),),
}


@cache
def _plain() -> Mapping[OpKind, Plain]:
    """The kernel in plain C of every kind of operator."""
    plain: dict[OpKind, Plain] = {}
    for family in ("linear", "movement", "pointwise", "reduction"):
        for module in modules_of(f"edgeprune.engine.kernels.{family}"):
            kernels: Mapping[OpKind, Plain] = getattr(module, "KERNELS", {})
            assert not plain.keys() & kernels.keys(), f"{module.__name__}: an operator has two kernels in plain C"
            plain |= kernels
    return plain


@cache
def _numbers(family: str) -> Mapping[OpKind, Plain]:
    """The kernels in plain C for operators on numbers as they are: `floats` or `integers`."""
    found: dict[OpKind, Plain] = {}
    for module in modules_of(f"edgeprune.engine.kernels.{family}"):
        found |= getattr(module, "KERNELS", {})
    return found


_FAMILIES = {DType.FLOAT32: "floats", DType.INT32: "integers"}


def _plain_kernel(graph: Graph, op: Op) -> Plain | None:
    """Numbers as they are have kernels of their own; those for stored numbers of any type stand with the integers."""
    tensor = graph.input_of(op, 0)
    family = _FAMILIES.get(tensor.dtype) if tensor is not None else None
    own = _numbers(family).get(op.kind) if family else None
    return own or _plain().get(op.kind) or _numbers("integers").get(op.kind) or _numbers("floats").get(op.kind)


@cache
def plain_types() -> Mapping[OpKind, tuple[DType, ...]]:
    """The element types of activations that the kernels in plain C state they take, `TYPES` of their modules."""
    types: dict[OpKind, tuple[DType, ...]] = {}
    for family in ("linear", "movement", "pointwise", "reduction"):
        for module in modules_of(f"edgeprune.engine.kernels.{family}"):
            stated = getattr(module, "TYPES", (DType.INT8,))
            of_all = stated if isinstance(stated, Mapping) else dict.fromkeys(getattr(module, "KERNELS", {}), stated)
            types |= of_all
    for module in modules_of("edgeprune.engine.kernels.integers"):
        types |= getattr(module, "STORED", {})
    return types | {kind: (*types.get(kind, ()), DType.FLOAT32) for kind in _numbers("floats")}


def own_isas(kind: OpKind, dtype: DType) -> tuple[Isa, ...]:
    """The instruction sets that have a kernel of their own for operators of this kind over activations of this type."""
    return tuple(
        isa
        for isa, folders in _FAST.items()
        if any(kind in kinds.get(dtype, {}) for own, kinds in folders if own is isa)
    )


def lower(graph: Graph, isa: Isa, optimize: Optimize, faster: Collection[int] = frozenset()) -> tuple[KernelCall, ...]:
    """One call per op of `graph`, in order. Shapes suffice; constants without values give calls without values.

    Args:
        faster: positions of ops that get the kernel of `Optimize.SPEED` whatever the others get.

    Raises:
        UnsupportedOp: an op, element type or setting the engine has no kernel for.
        ModelError: shapes or quantization that do not fit together.
    """
    calls = agreed(
        [_lower(graph, op, isa, Optimize.SPEED if index in faster else optimize) for index, op in enumerate(graph.ops)]
    )
    return compress(graph, calls, faster, isa) if optimize is Optimize.SIZE else calls


def with_provable_scales(graph: Graph) -> Graph:
    """Scales of weights, larger by parts of a hundred thousand, that fast kernels are proved for (`dsp/scales.py`).

    Args:
        graph: int8, cleaned, with data; other graphs stay as they are.
    """
    return dsp.scales.solvable(graph)


def check_supported(graph: Graph) -> None:
    """Raises UnsupportedOp naming every op of `graph` the engine cannot run, before anything expensive is done."""
    refuse_other_formats(graph)
    problems = [problem for problem in problems_of(graph).values() if isinstance(problem, UnsupportedOp)]
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise UnsupportedOp(
            f"{len(problems)} of {len(graph.ops)} operators cannot run:\n"
            + "\n".join(problem.message for problem in problems),
            problems[0].hint,
        )


def problems_of(graph: Graph) -> dict[int, ModelError]:
    """Why ops of `graph` cannot run, by position."""
    problems: dict[int, ModelError] = {}
    for index, op in enumerate(graph.ops):
        try:
            _lower(graph, op, Isa.REF, Optimize.BALANCED)
        except ModelError as problem:
            problems[index] = problem
    return problems


def _lower(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    plain = _plain_kernel(graph, op)
    if plain is None:
        raise UnsupportedOp(
            f"{place(graph, op)}: the engine has no kernel for {op.kind}",
            "replace the layer in the model, or keep it on the host",
        )

    def fast(graph: Graph, op: Op) -> KernelCall | None:
        return fast_call(graph, op, isa, optimize)

    return fast(graph, op) or cut_by_channels(graph, op, fast) or plain(graph, op, isa, optimize)


def fast_call(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    """The call of the first kernel of an instruction set that takes the whole op; none takes float32 or int32."""
    data = graph.input_of(op, 0)
    if data is not None and data.dtype in _FAMILIES:
        return None
    for own, kinds in _families(isa):
        for candidate in kinds.get(activation_type(graph, op), {}).get(op.kind, ()):
            call = candidate(graph, op, own, optimize)
            if call is not None:
                return call
    return None


@cache
def _families(isa: Isa) -> tuple[tuple[Isa, ByType], ...]:
    """Those of packages of others first: `FAST` of their modules says for which instruction sets, for int8."""
    theirs = [(isa, {DType.INT8: fast[isa]}) for fast in plugged_in("kernels", "FAST").values() if isa in fast]
    return (*theirs, *_FAST.get(isa, ()))


def has_fast(graph: Graph, op: Op, isa: Isa) -> bool:
    """Whether some kernel beside the plain one may run operators of this kind and type."""
    return any(op.kind in kinds.get(activation_type(graph, op), {}) for _, kinds in _families(isa))
