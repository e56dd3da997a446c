"""Which operators a torch layer's own call computes, so that the layer's inputs and bias are the operator's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import nn

from edgeprune.model.draft import DraftOp
from edgeprune.model.recording import Call
from edgeprune.model.values import ParameterSlice


def called_layers(
    skeleton: nn.Module, slices: Mapping[int, tuple[ParameterSlice, ...]], made: Iterable[tuple[DraftOp, Call]]
) -> dict[str, str]:
    """Operator with weights -> dotted path of the layer called.

    Args:
        skeleton: the recorded module.
        slices: constant tensor -> the parameters it is made from.
        made: operators, each with the recorded call it comes from.
    """
    layers = {
        path: layer
        for path, layer in skeleton.named_modules()
        if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd)
    }
    tensors = dict([*skeleton.named_parameters(), *skeleton.named_buffers()])
    called: dict[str, str] = {}
    for op, call in made:
        if not op.traits.has_weights or not slices[op.inputs[1]]:
            continue
        weight = slices[op.inputs[1]][0]
        for path in (call.layer, call.layer.rpartition(".")[0]):  # the second where users derive from a torch layer
            layer = layers.get(path)
            if layer is not None and layer._parameters.get("weight") is tensors[weight.name]:
                made_axis = weight.axes[op.traits.weight_output_axis or 0]
                if made_axis == (1 if isinstance(layer, nn.modules.conv._ConvTransposeNd) else 0):
                    called[op.name] = path
    return called
