"""What the constants of a traced graph hold, computed from a module's parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeprune.ir import Graph
from edgeprune.model.literal import computed
from edgeprune.model.recording import Recording
from edgeprune.model.trace import TracedModel


def with_constants(traced: TracedModel, module: nn.Module) -> Graph:
    """The traced graph with data in every constant, float32.

    Args:
        module: what was traced, or one of the same structure with other weights.
    """
    values = recorded_constants(traced.recording, module)
    tensors = list(traced.graph.tensors)
    for index, formula in traced.formulas.items():
        held = formula(values).detach().float().contiguous().numpy()
        assert held.shape == tensors[index].shape, f"{tensors[index].name}: {held.shape}"
        tensors[index] = tensors[index].with_data(held)
    return traced.graph.with_tensors(tuple(tensors))


def recorded_constants(recording: Recording, module: nn.Module) -> dict[int, Tensor]:
    """Every value of the recording that depends on parameters alone, on the CPU."""
    named = dict([*module.named_parameters(), *module.named_buffers()])
    values = {value: named[name].detach().cpu() for value, name in recording.parameters.items()}
    values |= {value: tensor.detach().cpu() for value, tensor in recording.constants.items()}
    with torch.no_grad():
        for call in recording.calls:
            if all(value in values for value in call.read):
                results = computed(call, values)
                values |= dict(zip(call.outputs, results, strict=True))
    return values
