"""What the converter makes of a network beyond its layers: operators it takes apart, and scalars it folds away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edgeprune.ir import Activation, DType, Graph, Op, OpKind, Tensor
from edgeprune.model.draft import WEIGHTED
from edgeprune.prune.channels import Extent

_SCALAR_ARITHMETIC = (OpKind.ADD, OpKind.SUB, OpKind.MUL)


@dataclass(frozen=True, eq=False)
class Converted:
    """graph: as the exported file will have it; extents: of its tensors, whose channel counts groups decide."""

    graph: Graph
    extents: Mapping[int, tuple[Extent, ...]]


def as_converted(graph: Graph, extents: Mapping[int, tuple[Extent, ...]]) -> Converted:
    """The traced graph in the form its export has.

    A leaky ReLU becomes max(x, slope * x), both on one scale. A scalar added to or multiplied with what a convolution
    or linear layer gives goes into that layer, a factor also into the one behind it.
    """
    return _without_scalars(_with_leaky_relus_apart(Converted(graph, extents)))


def _with_leaky_relus_apart(before: Converted) -> Converted:
    tensors, extents, ops = list(before.graph.tensors), dict(before.extents), []
    for op in before.graph.ops:
        if op.kind is not OpKind.LEAKY_RELU:
            ops.append(op)
            continue
        source, output = op.inputs[0], tensors[op.outputs[0]]
        slope, scaled, aligned = range(len(tensors), len(tensors) + 3)
        tensors += [
            Tensor(f"{op.name}.slope", (), DType.FLOAT32, is_constant=True),
            replace(output, name=f"{output.name}.scaled"),
            replace(output, name=f"{output.name}.aligned"),
        ]
        if op.outputs[0] in extents:
            extents[scaled] = extents[aligned] = extents[op.outputs[0]]
        attrs = {"activation": Activation.NONE}
        ops += [
            Op(OpKind.MUL, f"{op.name}.scale", (source, slope), (scaled,), attrs),
            Op(OpKind.QUANTIZE, f"{op.name}.align", (scaled,), (aligned,), {}),
            Op(OpKind.MAXIMUM, op.name, (source, aligned), op.outputs, {}),
        ]
    return Converted(replace(before.graph, tensors=tuple(tensors), ops=tuple(ops)), extents)


def _without_scalars(before: Converted) -> Converted:
    graph = before.graph
    while (folded := _one_scalar_folded(graph)) is not None:
        graph = folded
    return Converted(graph, before.extents)


def _one_scalar_folded(graph: Graph) -> Graph | None:
    for position, op in enumerate(graph.ops):
        source = _scaled_tensor(graph, op)
        if source is None:
            continue
        maker, readers = graph.producer.get(source), graph.consumers.get(op.outputs[0], ())
        if maker is not None and _takes_scalars(graph, graph.ops[maker], source):
            attrs = {**graph.ops[maker].attrs, "activation": op.attrs["activation"]}
            layer = replace(graph.ops[maker], outputs=op.outputs, attrs=attrs)
            return _with(graph, position, maker, layer)
        plain_factor = op.kind is OpKind.MUL and op.attrs["activation"] is Activation.NONE
        if plain_factor and len(readers) == 1 and op.outputs[0] not in graph.outputs:
            reader = graph.ops[readers[0]]
            if reader.kind in WEIGHTED and reader.inputs[0] == op.outputs[0]:
                return _with(graph, position, readers[0], replace(reader, inputs=(source, *reader.inputs[1:])))
    return None


def _scaled_tensor(graph: Graph, op: Op) -> int | None:
    """The one tensor an operator reads beside a scalar."""
    if op.kind not in _SCALAR_ARITHMETIC:
        return None
    scalars = [index for index in op.inputs if graph.tensors[index].is_constant and graph.tensors[index].shape == ()]
    others = [index for index in op.inputs if index not in scalars]
    return others[0] if len(scalars) == len(others) == 1 else None


def _takes_scalars(graph: Graph, layer: Op, output: int) -> bool:
    return (
        layer.kind in WEIGHTED
        and layer.attrs["activation"] is Activation.NONE
        and len(graph.consumers.get(output, ())) == 1
        and output not in graph.outputs
    )


def _with(graph: Graph, dropped: int, position: int, layer: Op) -> Graph:
    ops = [layer if index == position else op for index, op in enumerate(graph.ops) if index != dropped]
    return replace(graph, ops=tuple(ops))
