"""A PyTorch module becomes a float `Graph` in normal form, with the parameters behind each constant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import Graph, Op
from edgeprune.model.aten import TABLE
from edgeprune.model.draft import Constant, Draft, Fold, ParameterSlice
from edgeprune.model.record import Call, Ref, record

_SHOWN_OPS = 8


@dataclass(frozen=True, eq=False)
class TracedModel:
    """A network at full width, as it will be exported: batch norm folded, activations fused, padding explicit.

    Attributes:
        graph: float32, constants without data; operators are called after their modules.
        slices: constant tensor -> the parameters and buffers it is made from.
        computed: constant tensor -> the user's line that computes it from parameters, so that it cannot be sliced.
        folds: operator name -> the arithmetic folded into it, in order; for a batch norm that stands alone, at the last
            of its operators.
        where: operator name -> the user's line it comes from.
        example_shapes: of the inputs, as torch has them (NCHW).
        skeleton: the module with shapes and no data (meta device, eval mode); never run for results.
    """

    graph: Graph
    slices: Mapping[int, tuple[ParameterSlice, ...]]
    computed: Mapping[int, str]
    folds: Mapping[str, tuple[Fold, ...]]
    where: Mapping[str, str]
    example_shapes: tuple[tuple[int, ...], ...]
    skeleton: nn.Module


def trace(module: nn.Module, example_shape: Sequence[int] | Sequence[Sequence[int]]) -> TracedModel:
    """Follows one forward pass in eval mode, without computing anything and without changing the module.

    Args:
        module: takes float32 tensors, images as NCHW.
        example_shape: the input's shape with batch 1, or one shape per input.

    Raises:
        ModelError: the forward pass fails or its path depends on data; names the user's line.
        UnsupportedOp: operators without a counterpart on the device, all of them with layer and line.
    """
    shapes = _shapes(example_shape)
    recording = record(module, shapes)
    draft = Draft(recording)
    for index, value in enumerate(recording.inputs):
        draft.add_input(value, index)
    for value, name in recording.parameters.items():
        shape = recording.shapes[value]
        draft.values[value] = Constant(shape, (ParameterSlice(name, tuple(range(len(shape)))),))
    for value in recording.constants:
        draft.values[value] = Constant(recording.shapes[value])
    refused: list[UnsupportedOp] = []
    for call in recording.calls:
        if any(value not in draft.values for value in _read(call)):
            continue  # behind an operator already refused
        try:
            _lower(draft, call)
        except UnsupportedOp as error:
            refused.append(error)
    _raise_all(refused)
    graph = draft.finish()
    return TracedModel(
        graph=graph,
        slices=draft.slices,
        computed=draft.computed,
        folds={op.name: tuple(op.folds) for op in draft.ops if op.folds},
        where={op.name: op.where for op in draft.ops},
        example_shapes=shapes,
        skeleton=recording.skeleton,
    )


def own_bias(traced: TracedModel, op: Op) -> str | None:
    """A weighted layer's own bias parameter, apart from what was folded into it."""
    folded = {name for fold in traced.folds.get(op.name, ()) for name in fold.parameters.values()}
    return next((piece.name for piece in traced.slices[op.inputs[2]] if piece.name not in folded), None)


def _lower(draft: Draft, call: Call) -> None:
    read = _read(call)
    foldable = call.target in _CONSTANT_VIEWS
    if all(draft.is_constant(value) for value in read) and not foldable:
        names = {piece.name for value in read for piece in _constant(draft, value).slices}
        for output in call.outputs:
            shape = draft.shape(output)
            slices = tuple(ParameterSlice(name, (None,) * len(shape)) for name in sorted(names))
            draft.values[output] = Constant(shape, slices, call.where if names else None)
        return
    lowering = TABLE.get(call.target)
    if lowering is None:
        raise UnsupportedOp(f"{call.target.removeprefix('aten.')} in {call.layer} at {call.where}")
    lowering(draft, call)


_CONSTANT_VIEWS = frozenset(
    f"aten.{name}"
    for name in (
        "alias", "clone", "detach", "lift_fresh", "contiguous", "lift_fresh_copy", "permute", "transpose", "t",
        "view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze",
    )
)  # fmt: skip


def _constant(draft: Draft, value: int) -> Constant:
    held = draft.values[value]
    assert isinstance(held, Constant)
    return held


def _read(call: Call) -> list[int]:
    def refs(argument: object) -> Iterable[int]:
        if isinstance(argument, Ref):
            yield argument.value
        elif isinstance(argument, tuple):
            for item in argument:
                yield from refs(item)

    return [value for argument in call.args.values() for value in refs(argument)]


def _shapes(given: Sequence[int] | Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    if all(isinstance(item, int) for item in given):
        return (tuple(int(item) for item in given if isinstance(item, int)),)
    return tuple(tuple(int(n) for n in item) for item in given if not isinstance(item, int))


def _raise_all(refused: list[UnsupportedOp]) -> None:
    if not refused:
        return
    if len(refused) == 1:
        raise UnsupportedOp(
            f"the device has no {refused[0].message}" if " at " not in refused[0].message else refused[0].message,
            refused[0].hint or "replace this layer, or keep it on the host",
        )
    shown = "; ".join(error.message for error in refused[:_SHOWN_OPS])
    more = f" and {len(refused) - _SHOWN_OPS} more" if len(refused) > _SHOWN_OPS else ""
    raise UnsupportedOp(f"{len(refused)} operators have no counterpart on the device: {shown}{more}",
                        "replace these layers, or keep them on the host")  # fmt: skip
