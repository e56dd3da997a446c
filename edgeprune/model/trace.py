"""A PyTorch module becomes a float `Graph` in normal form, with the parameters behind each constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import Graph, Op
from edgeprune.model.aten import TABLE
from edgeprune.model.called import called_layers
from edgeprune.model.draft import Draft, DraftOp
from edgeprune.model.fold import Fold
from edgeprune.model.noted.int16_layers import int16_layers
from edgeprune.model.record import record
from edgeprune.model.recording import Call, Recording
from edgeprune.model.user_line import quoted
from edgeprune.model.values import Activation, Constant, Formula, ParameterSlice
from edgeprune.model.ways_out import way_out_of

_SHOWN_OPS = 8


@dataclass(frozen=True, eq=False)
class TracedModel:
    """A network at full width, as it will be exported: batch norm folded, activations fused, padding explicit.

    Attributes:
        graph: float32, constants without data; operators are called after their modules.
        slices: constant tensor -> the parameters and buffers it is made from.
        formulas: constant tensor -> what it holds, from recorded values (`model/constants.py`).
        recording: the forward pass it came from.
        computed: constant tensor -> the user's line that computes it from parameters, so that it cannot be sliced.
        folds: operator name -> the arithmetic folded into it, in order; for a batch norm that stands alone, at the last
            of its operators.
        where: operator name -> the user's line it comes from.
        coupled: the graph with idle layers too, which keep fitting what they read; its tensors are the same.
        called: operator with weights -> dotted path of the torch layer whose call computes it. Absent where forward()
            takes a layer's weight, or a parameter, for arithmetic of its own.
        example_shapes: of the inputs, as torch has them (NCHW).
        skeleton: the module with shapes and no data (meta device, eval mode); never run for results.
        int16: operators that have int16 activations when quantized, whatever others have.
    """

    graph: Graph
    slices: Mapping[int, tuple[ParameterSlice, ...]]
    formulas: Mapping[int, Formula]
    recording: Recording
    computed: Mapping[int, str]
    folds: Mapping[str, tuple[Fold, ...]]
    where: Mapping[str, str]
    coupled: Graph
    called: Mapping[str, str]
    example_shapes: tuple[tuple[int, ...], ...]
    skeleton: nn.Module
    int16: frozenset[str] = frozenset()


def trace(module: nn.Module, example_shape: Sequence[int] | Sequence[Sequence[int]]) -> TracedModel:
    """Follows one forward pass in eval mode, without computing anything and without changing the module.

    Args:
        module: takes float32 tensors, images as NCHW.
        example_shape: the input's shape with batch 1, or one shape per input; packed inputs as in `record`.

    Raises:
        ModelError: the forward pass fails or its path depends on data; names the user's line.
        UnsupportedOp: operators without a counterpart on the device, all of them with layer and line.
    """
    recording = record(module, _shapes(example_shape))
    draft = Draft(recording)
    for value, name in zip(recording.inputs, recording.input_names, strict=True):
        draft.add_input(value, name)
    for value, name in recording.parameters.items():
        shape = recording.shapes[value]
        draft.values[value] = Constant.of(value, shape, ParameterSlice(name, tuple(range(len(shape)))))
    for value in recording.constants:
        draft.values[value] = Constant.of(value, recording.shapes[value])
    refused: list[UnsupportedOp] = []
    made: list[tuple[DraftOp, Call]] = []
    for call in recording.calls:
        if any(value not in draft.values for value in call.read):
            continue  # behind an operator already refused
        before = len(draft.ops)
        try:
            _lower(draft, call)
        except UnsupportedOp as error:
            refused.append(UnsupportedOp(error.message + quoted(call.where), error.hint))
        made += [(op, call) for op in draft.ops[before:]]
    _raise_all(refused)
    idle = _idle_results(draft)
    graph = draft.finish()
    return TracedModel(
        graph=graph,
        slices=draft.slices,
        formulas=draft.formulas,
        recording=recording,
        computed=draft.computed,
        folds={op.name: tuple(op.folds) for op in draft.ops if op.folds},
        where={op.name: op.where for op in draft.ops},
        coupled=draft.finish(idle) if idle else graph,
        called=called_layers(recording.skeleton, draft.slices, made),
        example_shapes=tuple(recording.shapes[value] for value in recording.inputs),
        skeleton=recording.skeleton,
        int16=int16_layers(module),
    )


def _idle_results(draft: Draft) -> set[int]:
    """The idle calls as operators, as far as they can be; returns the tensors they end in, and what others read."""
    ends: set[int] = set()
    for call in draft.recording.idle:
        if any(value not in draft.values for value in call.read):
            continue
        try:
            _lower(draft, call)
        except UnsupportedOp:
            continue
        held = (draft.values.get(value) for value in call.outputs)
        ends.update(one.tensor for one in held if isinstance(one, Activation))
    return ends


def own_bias(traced: TracedModel, op: Op) -> str | None:
    """A weighted layer's own bias parameter, not one folded into it; None as well where forward() computes the bias."""
    if op.inputs[2] in traced.computed:
        return None
    folded = {name for fold in traced.folds.get(op.name, ()) for name in fold.parameters.values()}
    return next((piece.name for piece in traced.slices[op.inputs[2]] if piece.name not in folded), None)


def _lower(draft: Draft, call: Call) -> None:
    read = call.read
    foldable = call.target in _CONSTANT_VIEWS
    if all(draft.is_constant(value) for value in read) and not foldable:
        names = {piece.name for value in read for piece in _constant(draft, value).slices}
        for output in call.outputs:
            shape = draft.shape(output)
            slices = tuple(ParameterSlice(name, (None,) * len(shape)) for name in sorted(names))
            draft.values[output] = Constant.of(output, shape, *slices, computed_at=call.where if names else None)
        return
    lowering = TABLE.get(call.target)
    if lowering is None:
        operator = call.target.removeprefix("aten.")
        layer = "" if call.layer == operator else f" in {call.layer}"
        raise UnsupportedOp(f"the device has no {operator}{layer} at {call.where}", way_out_of(operator))
    lowering(draft, call)


_CONSTANT_VIEWS = frozenset(
    f"aten.{name}"
    for name in (
        "alias", "clone", "detach", "lift_fresh", "contiguous", "lift_fresh_copy", "permute", "transpose", "t",
        "view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze", "expand",
    )
)  # fmt: skip


def _constant(draft: Draft, value: int) -> Constant:
    held = draft.values[value]
    assert isinstance(held, Constant)
    return held


def _shapes(given: Sequence[int] | Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    if all(isinstance(item, int) for item in given):
        return (tuple(int(item) for item in given if isinstance(item, int)),)
    return tuple(tuple(int(n) for n in item) for item in given if not isinstance(item, int))


def _raise_all(refused: list[UnsupportedOp]) -> None:
    if not refused:
        return
    if len(refused) == 1:
        raise UnsupportedOp(refused[0].message, refused[0].hint or way_out_of(""))
    shown = "".join(f"\n{error.message}" for error in refused[:_SHOWN_OPS])
    more = f"\nand {len(refused) - _SHOWN_OPS} more" if len(refused) > _SHOWN_OPS else ""
    hints = [*dict.fromkeys(error.hint or way_out_of("") for error in refused[:_SHOWN_OPS])]
    raise UnsupportedOp(f"{len(refused)} operators have no counterpart on the device:{shown}{more}", "; ".join(hints))
