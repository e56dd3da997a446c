"""A network's forward pass as a flat list of ATen calls, without computing anything.

The module is copied with every parameter on the `meta` device, so recording needs no memory for weights and leaves the
user's module as it was.
A forward pass whose path depends on the values of tensors cannot be recorded and is refused with the user's line.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch
from torch import nn

from edgeprune.errors import ModelError
from edgeprune.model.answers import check_batch_of_one, parts_of
from edgeprune.model.composed.rewritten import Rewriting
from edgeprune.model.following.known import keep_values
from edgeprune.model.following.lazy import refuse_lazy
from edgeprune.model.following.needed import idle_calls, needed_calls
from edgeprune.model.inputs import inputs_of
from edgeprune.model.recorder import Recorder
from edgeprune.model.recording import Recording
from edgeprune.model.twin import twin
from edgeprune.model.user_line import failed_at, layer_of, quoted
from edgeprune.model.ways_out import understood

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class ForwardError(ModelError):
    """The user's forward pass raised; `where` is their line, or the layer where forward() is torch's own."""

    def __init__(self, message: str, hint: str, where: str):
        super().__init__(message, hint)
        self.where = where


def record(module: nn.Module, example_shapes: Sequence[Sequence[int]]) -> Recording:
    """Runs the module's forward pass in eval mode on shapes alone.

    Args:
        module: any network; not changed.
        example_shapes: one shape per input, batch first; float32. Of a module that takes packed samples
            (`inputs.py`), the packed shape stands for all of them.

    Raises:
        ModelError: the pass fails, reads a tensor's value, draws random numbers, or returns other things than tensors.
    """
    refuse_lazy(module)
    compiled = next((path for path, child in module.named_modules() if isinstance(child, torch.jit.ScriptModule)), None)
    if compiled is not None:
        raise ModelError(
            f"{compiled or 'the network'} is a TorchScript program, which cannot be followed",
            hint="build the module it was made from, and load its state_dict() into that",
        )
    skeleton = twin(module, lambda tensor: torch.empty_like(tensor, device="meta"))
    keep_values(skeleton, module)
    recorder = Recorder(module, record.__code__)
    for name, tensor in [*skeleton.named_parameters(), *skeleton.named_buffers()]:
        recorder.parameters[recorder.value_of(tensor)] = name
    several = inputs_of(skeleton)
    if several is not None:
        example_shapes = [(1, *shape) for shape in several.shapes]
    inputs = [torch.empty(*shape, device="meta") for shape in example_shapes]
    args, kwargs = several.call_with(inputs) if several is not None else (tuple(inputs), {})
    input_values = tuple(recorder.value_of(tensor) for tensor in inputs)
    hooks = [
        hook
        for path, child in skeleton.named_modules()
        if path
        for hook in (
            child.register_forward_pre_hook(recorder.entering(path, child), prepend=True),
            child.register_forward_hook(recorder.leaving, always_call=True),
        )
    ]
    attributes = [(vars(child), dict(vars(child)), dict(child._buffers)) for child in skeleton.modules()]
    try:
        with (
            torch.no_grad(),
            torch.device("meta"),
            recorder,
            Rewriting(recorder.literal, recorder.note, recorder.is_zero),
        ):
            result = skeleton(*args, **kwargs)
    except ModelError:
        raise
    except Exception as error:
        # Whatever the user's forward raises ends up here: it is their code that runs.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        where = failed_at(error) or layer_of(error, skeleton) or "an unknown line"
        reason, hint = understood(reason)
        shown = f"the forward pass fails on input {_shapes_text(example_shapes)} at {where}: {reason}"
        raise ForwardError(shown + quoted(where), hint, where) from error
    finally:
        for hook in hooks:
            hook.remove()
        for own, before, buffers in attributes:  # what forward() keeps has no values here
            own.update(before)
            own["_buffers"].clear()
            own["_buffers"].update(buffers)
            for name in own.keys() - before.keys():
                del own[name]
    outputs = parts_of(result)
    check_batch_of_one(outputs)
    for tensor in outputs:
        recorder.forbid_stale(tensor, "the end of forward()")
    output_values = tuple(recorder.value_of(tensor) for tensor in outputs)
    needed = needed_calls(recorder.calls, output_values)
    return Recording(
        skeleton,
        needed,
        tuple(recorder.shapes),
        recorder.parameters,
        recorder.constants,
        input_values,
        output_values,
        result,
        _input_names(skeleton, len(inputs)) if several is None else several.names,
        idle_calls(recorder.calls, needed, recorder.parameters),
        recorder.narrow,
    )


def _input_names(module: nn.Module, count: int) -> tuple[str, ...]:
    """The parameters of forward(), `input_1` for what it takes by `*args`; all of them where it has no signature."""
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):  # of a compiled module
        parameters = []
    named = [parameter.name for parameter in parameters if parameter.kind in _POSITIONAL][:count]
    return (*named, *(f"input_{index}" for index in range(len(named), count)))


def _shapes_text(shapes: Sequence[Sequence[int]]) -> str:
    return ", ".join("x".join(str(size) for size in shape) for shape in shapes)
