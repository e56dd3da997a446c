"""What a recorded value holds, where the code alone decides it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from edgeprune.model.recording import Call, Recording, Ref


def literal(recording: Recording, value: int) -> Tensor | None:
    """The value, computed from numbers in the code; None where a parameter, buffer or input has a part in it."""
    made = {output: call for call in recording.calls for output in call.outputs}
    known: dict[int, Tensor] = {}

    def find(wanted: int) -> bool:
        if wanted in known:
            return True
        if wanted in recording.constants:
            known[wanted] = recording.constants[wanted]
            return known[wanted].device.type == "cpu"
        call = made.get(wanted)
        if call is None or not all([find(each) for each in call.read]):
            return False
        with torch.no_grad():
            known.update(zip(call.outputs, computed(call, known), strict=True))
        return True

    return known[value] if find(value) else None


def computed(call: Call, values: dict[int, Tensor]) -> tuple[Tensor, ...]:
    """The outputs of a call whose tensors are all known, on the CPU."""

    def given(argument: Any) -> Any:
        if isinstance(argument, Ref):
            return values[argument.value].clone()  # an operation in place must not change what others read
        if isinstance(argument, tuple):
            return [given(item) for item in argument]
        return argument

    arguments = {name: given(argument) for name, argument in call.args.items()}
    for argument in call.function._schema.arguments:  # type: ignore[attr-defined]
        value = arguments.get(argument.name)
        if isinstance(argument.type, torch.TensorType) and isinstance(value, int | float):
            arguments[argument.name] = torch.tensor(value)  # recorded as the number it holds
    if "device" in arguments:
        arguments["device"] = torch.device("cpu")
    result = call.function(**arguments)
    return (result,) if isinstance(result, Tensor) else tuple(item for item in result if isinstance(item, Tensor))
