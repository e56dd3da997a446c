"""A classifier restricted to some of its classes: the others' outputs are removed."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from edgeprune.errors import ModelError, UsageError
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import thin


def keep_classes(module: nn.Module, input_shape: Sequence[int], classes: Sequence[int]) -> nn.Module:
    """A copy that outputs these classes alone, in the order of their indices, with unchanged logits.

    Scored on samples of these classes, channels that only separated the others score near zero and go first.

    Guo, Potkonjak, "Pruning Filters and Classes: Towards On-Device Customization of Convolutional Neural Networks",
    EMDL 2017; Qin et al., "CAPTOR: A Class Adaptive Filter Pruning Framework", ASP-DAC 2019,
    doi:10.1145/3287624.3287643.

    Args:
        module: (N, *input_shape) -> (N, all classes) logits; not changed.
        classes: at least two, each once, counted from 0.

    Raises:
        UsageError: classes the network has not, fewer than two, or one named twice.
        ModelError: its outputs cannot be removed one by one (a softmax in forward(), or outputs that are not classes).
    """
    traced = trace(module, (1, *input_shape))
    output = traced.graph.outputs[0]
    groups = find_groups(traced, shrinkable_outputs=(0,))
    count = traced.graph.tensors[output].shape[-1]
    if len(classes) < 2 or len(set(classes)) < len(classes) or min(classes) < 0 or max(classes) >= count:
        raise UsageError(
            f"classes {list(classes)} are no choice among the network's {count}",
            hint=f"name at least two different ones, 0 to {count - 1}",
        )
    owners = groups.units_in(output)
    if len(owners) != 1 or next(iter(owners.values())).shape != (count, 1):
        raise ModelError(
            "the network's outputs cannot be removed one by one", hint="let forward() end with the layer of logits"
        )
    (name,) = owners
    places = owners[name].ravel().tolist()
    return thin(module, groups, {name: [places.index(number) for number in sorted(classes)]})
