"""The first layers of a network as a flow of rows (`firmware/include/ep_stage.h`): who makes a row when, and what is
held meanwhile.

Line buffers instead of MCUNetV2's patches (Lin et al. 2021, arXiv:2110.15352): nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgeprune.engine.kernels.base import KernelCall
from edgeprune.ir import NO_PAD, Conv2dAttrs, DType, Graph, Op, OpKind, PoolAttrs, WindowAttrs

_POINTWISE = (OpKind.ADD, OpKind.SUB, OpKind.RELU, OpKind.RELU6, OpKind.LOGISTIC, OpKind.TANH, OpKind.HARD_SWISH)
_MOST_EDGES = 254
_MOST_INPUTS = 2


@dataclass(frozen=True)
class Edge:
    """The line buffer in front of one input of one layer; sizes in bytes of int8 rows.

    Attributes:
        tensor: whose rows it holds.
        layer: index of the layer that reads it.
        needed, dropped: rows the layer reads for an output row, and is done with after it.
        pad_top, left_bytes: border rows above, border bytes left of a row.
        in_rows, data_bytes: rows of the tensor, and bytes of one.
        row_bytes: of a row with its borders.
        zero: what borders are filled with.
    """

    tensor: int
    layer: int
    needed: int
    dropped: int
    pad_top: int
    left_bytes: int
    in_rows: int
    data_bytes: int
    row_bytes: int
    zero: int


@dataclass(frozen=True, eq=False)
class Layer:
    """One operator of the flow.

    Attributes:
        call: makes one output row from the rows its edges hold.
        first_edge, edges: which edges it reads.
        out_rows: output rows, each made by one run.
        takers: edges that take its rows; empty for the last layer.
        sums: whether `call`'s scratch is kept from row to row: it makes one row of output in the end.
    """

    op: Op
    call: KernelCall
    first_edge: int
    edges: int
    out_rows: int
    takers: tuple[int, ...]
    sums: bool


@dataclass(frozen=True, eq=False)
class Flow:
    """Ops `first`..`end - 1` of a graph, in order; `sources` are the edges that take the rows of tensor `source`."""

    first: int
    end: int
    source: int
    sources: tuple[int, ...]
    edges: tuple[Edge, ...]
    layers: tuple[Layer, ...]

    def is_fed_again(self, edge: int) -> bool:
        """Whether a line buffer keeps no row: the stage's input still has them."""
        return self.sources == (edge,)


def find_flow(graph: Graph, first: int, row_calls: Sequence[KernelCall]) -> Flow | None:
    """The ops from `first` on as a flow from one tensor to one tensor, or None where they are not one.

    Args:
        row_calls: for each of them, in order, the call that makes one row of its output.
    """
    end = first + len(row_calls)
    ops = graph.ops[first:end]
    made = [op.outputs[0] for op in ops]
    reads = [[t for t in op.inputs if t >= 0 and not graph.tensors[t].is_constant] for op in ops]
    sources = {tensor for inputs in reads for tensor in inputs} - set(made)
    if len(sources) != 1 or any(len(op.outputs) != 1 for op in ops):
        return None
    (source,) = sources
    if any(graph.tensors[tensor].is_variable for tensor in (source, *made)):
        return None
    for tensor in made[:-1]:
        if tensor in graph.outputs or max(graph.consumers.get(tensor, (end,))) >= end:
            return None
    if source in graph.outputs or max(graph.consumers[source]) >= end:
        return None
    edges: list[Edge] = []
    starts: list[int] = []
    for layer, (op, inputs) in enumerate(zip(ops, reads, strict=True)):
        starts.append(len(edges))
        edges += (_edge(graph, op, tensor, layer) for tensor in inputs)
    edges_of = {tensor: tuple(i for i, edge in enumerate(edges) if edge.tensor == tensor) for tensor in (source, *made)}
    if edges_of[source][:1] != (0,) or len(edges) > _MOST_EDGES:
        return None
    if any(max(edge.row_bytes, edge.in_rows) > 0xFFFF or edge.needed > 0xFF for edge in edges):
        return None
    layers = []
    for layer, (op, call) in enumerate(zip(ops, row_calls, strict=True)):
        if sums_rows(graph, op) and layer + 1 < len(ops):
            return None
        out_rows = edges[starts[layer]].in_rows if sums_rows(graph, op) else graph.output_of(op).shape[1]
        layers.append(
            Layer(op, call, starts[layer], len(reads[layer]), out_rows, edges_of[made[layer]], sums_rows(graph, op))
        )
    return Flow(first, end, source, edges_of[source], tuple(edges), tuple(layers))


def sums_rows(graph: Graph, op: Op) -> bool:
    """Whether it is an average over the whole image, which rows can be added up for."""
    attrs = op.attrs
    if op.kind is not OpKind.AVERAGE_POOL_2D or not isinstance(attrs, PoolAttrs):
        return False
    batches, rows, columns, _ = graph.tensors[op.inputs[0]].shape
    return batches == 1 < rows and attrs.filter == (rows, columns) and not any(attrs.pad)


def band(graph: Graph, op: Op) -> Graph | None:
    """A graph of `op` alone that makes one row of output from the rows that takes, with borders; None for others."""
    inputs = [t for t in op.inputs if t >= 0 and not graph.tensors[t].is_constant]
    images = [graph.tensors[t] for t in (*inputs, *op.outputs)]
    if any(len(image.shape) != 4 or image.shape[0] != 1 or image.dtype is not DType.INT8 for image in images):
        return None
    output, attrs = graph.output_of(op), op.attrs
    is_pool = isinstance(attrs, PoolAttrs) and not any(attrs.pad) and not sums_rows(graph, op)
    is_pointwise = (
        op.kind in _POINTWISE
        and len({image.shape for image in images}) == 1
        and len(inputs) == len(op.inputs) <= _MOST_INPUTS
    )
    if not isinstance(attrs, Conv2dAttrs) and not is_pool and not is_pointwise:
        return None
    tensors = list(graph.tensors)
    for tensor in inputs:
        edge = _edge(graph, op, tensor, 0)
        channels = tensors[tensor].shape[3]
        shape = (1, edge.needed, edge.row_bytes // channels, channels)
        tensors[tensor] = replace(tensors[tensor], shape=shape)
    tensors[op.outputs[0]] = replace(output, shape=(1, 1, *output.shape[2:]))
    if isinstance(attrs, WindowAttrs):
        attrs = replace(attrs, pad=NO_PAD)
    return Graph(tuple(tensors), (replace(op, attrs=attrs),), tuple(inputs), op.outputs)


def _edge(graph: Graph, op: Op, tensor: int, layer: int) -> Edge:
    image = graph.tensors[tensor]
    _, rows, width, channels = image.shape if len(image.shape) == 4 else (1, 1, 1, image.element_count)
    top = left = right = 0
    needed = dropped = 1
    attrs = op.attrs
    if isinstance(attrs, WindowAttrs) and not sums_rows(graph, op):
        top, _, left, right = attrs.pad
        dropped = attrs.stride[0]
        taps = attrs.filter[0] if isinstance(attrs, PoolAttrs) else graph.tensors[op.inputs[1]].shape[1]
        span = (taps - 1) * attrs.dilation[0] + 1
        needed = max(span, dropped)
    return Edge(
        tensor=tensor, layer=layer, needed=needed, dropped=dropped, pad_top=top, left_bytes=left * channels,
        in_rows=rows, data_bytes=width * channels, row_bytes=(left + width + right) * channels,
        zero=image.qparams.zero_point[0] if image.qparams else 0,
    )  # fmt: skip


@dataclass(frozen=True)
class Held:
    """What a whole inference holds when.

    Attributes:
        rows: per edge and event the most rows held; event 0 feeds an input row, event i + 1 is a run of layer i.
        lead_bytes: how far the stage's output must start before its input.
    """

    rows: tuple[tuple[int, ...], ...]
    lead_bytes: int


def simulate(flow: Flow, out_row_bytes: int) -> Held:
    """Runs the rows through as `ep_stage_run` does, the layer nearest to the end first."""
    edges, layers = flow.edges, flow.layers
    filled = [edge.pad_top for edge in edges]
    arrived = [0] * len(edges)
    made = [0] * len(layers)
    rows = [[0] * (len(layers) + 1) for _ in edges]
    source_bytes = edges[0].data_bytes
    lead = -source_bytes * edges[0].in_rows

    def note(event: int) -> None:
        for edge, held in enumerate(filled):
            rows[edge][event] = max(rows[edge][event], held)

    def hand_to(takers: tuple[int, ...]) -> None:
        for edge in takers:
            filled[edge] += 1
            arrived[edge] += 1

    def is_ready(index: int) -> bool:
        layer = layers[index]
        own = range(layer.first_edge, layer.first_edge + layer.edges)
        return made[index] < layer.out_rows and all(
            filled[e] >= edges[e].needed or arrived[e] == edges[e].in_rows for e in own
        )

    note(0)
    while made[-1] < layers[-1].out_rows:
        index = next((i for i in range(len(layers) - 1, -1, -1) if is_ready(i)), None)
        if index is None:
            hand_to(flow.sources)
            note(0)
            continue
        layer = layers[index]
        own = range(layer.first_edge, layer.first_edge + layer.edges)
        for edge in own:
            filled[edge] = max(filled[edge], edges[edge].needed)
        made[index] += 1
        hand_to(layer.takers)
        note(index + 1)
        for edge in own:
            if flow.is_fed_again(edge):
                first = made[index] * edges[edge].dropped - edges[edge].pad_top
                filled[edge], arrived[edge] = max(0, -first), max(0, first)
            else:
                filled[edge] -= edges[edge].dropped
        if index == len(layers) - 1 and arrived[0] < edges[0].in_rows:
            written = out_row_bytes * (1 if layer.sums else made[index])
            lead = max(lead, written - arrived[0] * source_bytes)
    return Held(tuple(map(tuple, rows)), lead)
