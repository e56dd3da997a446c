"""A few layers of a network trained alone, to reproduce the original's outputs at their end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from edgeprune.ir import Graph, Op
from edgeprune.prune.network import Network
from edgeprune.prune.scoring.layers import Layer, plain_layers
from edgeprune.prune.surgery.keep import kept
from edgeprune.train.memory import arranged, fastest_order
from edgeprune.train.splits import Split

WINDOW = 3
_BATCH = 64
_LR = 1e-3  # Adam's, falling to zero on a cosine


def windows(layers: Sequence[str], length: int = WINDOW) -> list[tuple[str, ...]]:
    """All runs of so many consecutive layers, each one layer further than the last; one of all layers where they are
    fewer."""
    begins = range(max(min(1, len(layers)), len(layers) - length + 1))
    return [tuple(layers[begin : begin + length]) for begin in begins]


def train_window(
    span: Sequence[str],
    module: nn.Module,
    original: Network,
    keep: Mapping[str, Sequence[int]],
    split: Split,
    steps: int,
    hold: Callable[[], None],
) -> list[float]:
    """Trains the layers of a window in place, all others frozen, batch norms' statistics too.

    Args:
        span: names of layers among `plain_layers`, in execution order.
        module: of the original's shapes, on the CPU, in evaluation mode.
        keep: units that stay; the others' outputs at the window's end do not count.
        split: of which the inputs alone are used.
        hold: called after every step, to zero removed channels again.

    Returns:
        Each step's loss: the mean square distance over the variance of the original's outputs, the mean over the
        window's ends.
    """
    ours, theirs = (
        {layer.op.name: layer for layer in plain_layers(one, original.traced)} for one in (module, original.module)
    )
    parameters = [value for name in span for value in _parameters(ours[name])]
    ends = ends_of(span, original)
    our_ends, their_ends = ([layers[name] for name in ends] for layers in (ours, theirs))
    staying = [_staying(layer, original, keep) for layer in our_ends]
    optimizer = torch.optim.Adam(parameters, _LR)
    generator = torch.Generator().manual_seed(len(keep))
    losses: list[float] = []
    with fastest_order(split, module, original.module) as order:
        for step in range(steps):
            picked = torch.randint(len(split), (min(_BATCH, len(split)),), generator=generator)
            samples = arranged(split.real(split.inputs[picked]), order)
            with torch.no_grad():
                targets = _outputs(original.module, their_ends, samples)
            outputs = _outputs(module, our_ends, samples)
            loss = torch.stack(
                [
                    (output - target)[chosen].square().mean() / target[chosen].var().clamp_min(1e-12)
                    for output, target, chosen in zip(outputs, targets, staying, strict=True)
                ]
            ).mean()
            for value, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                value.grad = gradient
            for group in optimizer.param_groups:
                group["lr"] = _LR * 0.5 * (1 + math.cos(math.pi * step / steps))
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            hold()
            losses.append(loss.item())
    return losses


def ends_of(span: Sequence[str], network: Network) -> list[str]:
    """The layers of a window that no other layer of it reads: the last one, and those of branches beside it."""
    graph = network.traced.graph
    behind = {name: {op.name for op in _behind(graph, name)} for name in span}
    return [name for name in span if not behind[name].intersection(span)]


def _behind(graph: Graph, name: str) -> list[Op]:
    """All operators that read an operator's output, directly or not."""
    readers: dict[int, Op] = {}
    pending = [output for op in graph.ops if op.name == name for output in op.outputs]
    while pending:
        for index in graph.consumers.get(pending.pop(), ()):
            if index not in readers:
                readers[index] = graph.ops[index]
                pending += graph.ops[index].outputs
    return list(readers.values())


def _parameters(layer: Layer) -> list[nn.Parameter]:
    parts = [layer.module, *([] if layer.norm is None else [layer.norm])]
    return [value for part in parts for value in part.parameters() if value.requires_grad]


def _staying(layer: Layer, original: Network, keep: Mapping[str, Sequence[int]]) -> tuple[slice | Tensor, ...]:
    """Index of the channels that stay, along the axis a torch layer has them on."""
    channels = layer.module.weight.shape[0]
    owners = original.groups.activations.get(layer.op.outputs[0])
    stays = [True] * channels if owners is None else kept(original.groups, keep).along(owners[1]).tolist()
    chosen = torch.tensor([channel for channel, stay in enumerate(stays) if stay])
    return (..., chosen) if isinstance(layer.module, nn.Linear) else (slice(None), chosen)  # type: ignore[return-value]


class _Stop(Exception):
    """The rest of the forward pass is not needed."""


def _outputs(module: nn.Module, layers: Sequence[Layer], samples: Tensor) -> list[Tensor]:
    """The layers' outputs before their activations."""
    outputs: dict[str, Tensor] = {}

    def noting(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def note(_module: nn.Module, _given: tuple[Tensor, ...], output: Tensor) -> None:
            outputs[name] = output.clone()
            if len(outputs) == len(layers):
                raise _Stop

        return note

    handles = [layer.last.register_forward_hook(noting(layer.op.name)) for layer in layers]
    try:
        module(samples)
    except _Stop:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return [outputs[layer.op.name] for layer in layers]
