"""Which form of input and results a model's console has: as its client asks, where the model allows it."""

from __future__ import annotations

from edgeprune.errors import UsageError
from edgeprune.ir import DType, Graph
from edgeprune.toolchain.client_form import RUNNER_FORMS, SAME, ClientForm, InputForm, Score

_CONVERTED = {DType.UINT8: InputForm.UINT8, DType.FLOAT32: InputForm.FLOAT32}
_SCORED = (DType.INT8, DType.FLOAT32)


def client_form(graph: Graph, model_id: str, sends: DType | None = None, score: Score | None = None) -> ClientForm:
    """The forms for a client that sends elements of one type.

    Args:
        model_id: one of MLPerf Tiny's decides what is not given; any other means the model's own bytes.
        sends, score: what the user asked for.

    Raises:
        UsageError: the model's inputs or outputs have no such form.
    """
    if model_id in RUNNER_FORMS:
        usual_sends, usual_score = RUNNER_FORMS[model_id]
        sends, score = sends or DType(usual_sends), score or usual_score
    score = score or Score.OUTPUTS
    form = ClientForm(SAME.input_form if sends is None else _input_form(graph, sends), score)
    if score is Score.MSE:
        _require_comparable(graph)
    return form


def _input_form(graph: Graph, sends: DType) -> InputForm:
    types = {graph.tensors[index].dtype for index in graph.inputs}
    if types == {sends}:
        return InputForm.SAME
    if types != {DType.INT8} or sends not in _CONVERTED:
        raise UsageError(
            f"a client that sends {sends} cannot fill inputs of {', '.join(sorted(types))}",
            hint="inputs of int8 are filled from uint8 and float32, others from their own type alone: --input-form",
        )
    return _CONVERTED[sends]


def _require_comparable(graph: Graph) -> None:
    ends = [[graph.tensors[index] for index in indices] for indices in (graph.inputs, graph.outputs)]
    counts = [[tensor.size_bytes // tensor.dtype.size_bytes(1) for tensor in side] for side in ends]
    types = {tensor.dtype for side in ends for tensor in side}
    if any(len(side) != 1 for side in ends) or counts[0] != counts[1] or not types <= set(_SCORED):
        shapes = ["; ".join(f"{tensor.dtype} {list(tensor.shape)}" for tensor in side) for side in ends]
        raise UsageError(
            f"no mean squared error between input {shapes[0]} and output {shapes[1]}",
            hint="--score mse is for one input and one output of as many elements, int8 or float32",
        )
