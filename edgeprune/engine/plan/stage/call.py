"""A flow as one `KernelCall`: the functions that make a row of each layer, and the tables `ep_stage_run` walks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from edgeprune.engine.kernels.base import KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.operands import params
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.engine.plan.stage.flow import Edge, Flow, Held, Layer
from edgeprune.engine.plan.stage.layout import Layout
from edgeprune.ir import Graph, Op

_END = "EP_STAGE_END"


@dataclass(frozen=True)
class _RowNames:
    """`Symbols` inside the function that makes one row of layer `index`."""

    stage: Symbols
    index: int
    edge_of_input: dict[int, int]

    @property
    def layer(self) -> str:
        return f"{self.stage.layer}_{self.index}"

    def input(self, index: int) -> str:
        return f"in[{self.edge_of_input[index]}]"

    def output(self, index: int) -> str:
        return "out"

    def state(self, index: int) -> str:
        raise KeyError("a layer with state is never part of a stage")

    def input_offset_bytes(self, index: int) -> int:
        return 0

    def output_offset_bytes(self, index: int) -> int:
        return 1 << 30  # rows never share bytes: any distance will do

    def scratch(self) -> str:
        return "scratch"

    def constant(self, role: str) -> str:
        return self.stage.constant(_role(self.index, role))


def stage_call(graph: Graph, flow: Flow, held: Held, layout: Layout) -> KernelCall:
    """The call that runs a flow: its scratch holds all line buffers."""
    calls = [layer.call for layer in flow.layers]
    definitions = _definitions(graph, flow, layout)
    return KernelCall(
        function="ep_stage_run",
        emit=lambda s: f"ep_stage_run(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {s.scratch()});",
        sources=tuple(dict.fromkeys(source for call in calls for source in (*call.sources, "ref/stage.c"))),
        headers=tuple(dict.fromkeys(header for call in calls for header in (*call.headers, "ep_stage.h"))),
        constants=tuple(
            replace(constant, role=_role(index, constant.role))
            for index, call in enumerate(calls)
            for constant in call.constants
        ),
        scratch_bytes=layout.scratch_bytes,
        overlaps=(Overlap(0, "forward", held.lead_bytes),),
        work=Work(
            macs=sum(layer.out_rows * layer.call.work.macs for layer in flow.layers),
            outputs=sum(layer.out_rows * layer.call.work.outputs for layer in flow.layers),
        ),
        definitions=definitions,
        shared=tuple(dict.fromkeys(shared for call in calls for shared in call.shared)),
        parts=tuple((layer.call, layer.out_rows) for layer in flow.layers),
    )


def average_rows_call(graph: Graph, op: Op) -> KernelCall | None:
    """AVERAGE_POOL_2D over a whole image, a row at a time; None where input and output differ in scale."""
    image, output = graph.tensors[op.inputs[0]], graph.output_of(op)
    _, rows, pixels, channels = image.shape
    if image.qparams != output.qparams or max(rows, pixels, channels) > 0xFFFF:
        return None

    def definitions(s: Symbols) -> str:
        low, high = activation_range(op.activation, output)
        fields = {"rows": rows, "pixels": pixels, "channels": channels, "out_min": low, "out_max": high}
        return params(s, "ep_average_rows_t", fields)

    return KernelCall(
        function="ep_average_rows_ref",
        emit=lambda s: f"ep_average_rows_ref(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {s.scratch()}, row);",
        scratch_bytes=4 * channels,
        work=Work(outputs=channels),
        definitions=definitions,
    )


def out_row_bytes(graph: Graph, flow: Flow) -> int:
    """Bytes of one output row of the stage."""
    output = graph.output_of(flow.layers[-1].op)
    return output.size_bytes if flow.layers[-1].sums else output.size_bytes // flow.layers[-1].out_rows


def _role(index: int, role: str) -> str:
    return f"{index}_{role}"


def _definitions(graph: Graph, flow: Flow, layout: Layout) -> Callable[[Symbols], str]:
    def text(s: Symbols) -> str:
        parts = []
        for index, layer in enumerate(flow.layers):
            parts.append(_row_function(graph, flow, index, layer, s))
        edges = [_edge_text(flow, edge, layout.edge_offset_bytes[i]) for i, edge in enumerate(flow.edges)]
        parts.append(f"static const ep_stage_edge_t {s.layer}_edges[] = {{\n{''.join(edges)}}};\n")
        layers = [
            f"    {{ .run = {s.layer}_{i}_row, .scratch_offset = {layout.scratch_offset_bytes[i]}, "
            f".out_rows = {layer.out_rows}, "
            f".out_row_bytes = {0 if layer.takers or layer.sums else out_row_bytes(graph, flow)}, "
            f".first_edge = {layer.first_edge}, .edges = {layer.edges}, "
            f".out_edge = {layer.takers[0] if layer.takers else _END} }},\n"
            for i, layer in enumerate(flow.layers)
        ]
        parts.append(f"static const ep_stage_layer_t {s.layer}_layers[] = {{\n{''.join(layers)}}};\n")
        fields = {
            "edges": f"{s.layer}_edges", "layers": f"{s.layer}_layers",
            "edge_count": len(flow.edges), "layer_count": len(flow.layers),
        }  # fmt: skip
        parts.append(params(s, "ep_stage_t", fields))
        return "\n".join(parts)

    return text


def _row_function(graph: Graph, flow: Flow, index: int, layer: Layer, s: Symbols) -> str:
    activations = [i for i, t in enumerate(layer.op.inputs) if t >= 0 and not graph.tensors[t].is_constant]
    names = _RowNames(s, index, {position: edge for edge, position in enumerate(activations)})
    own = layer.call.definitions(names) if layer.call.definitions else ""
    body = "".join(f"    {line}\n" for line in layer.call.emit(names).splitlines())
    unused = "".join(f"    (void){name};\n" for name in ("scratch", "row") if name not in body)
    return (
        f"{own}static void {names.layer}_row(const int8_t *const *in, int8_t *out, void *scratch, uint32_t row)\n"
        f"{{\n{unused}{body}}}\n"
    )


def _edge_text(flow: Flow, edge: Edge, offset_bytes: int) -> str:
    same = [i for i, other in enumerate(flow.edges) if other.tensor == edge.tensor]
    position = next(i for i in same if flow.edges[i] is edge)
    later = [i for i in same if i > position]
    return (
        f"    {{ .offset = {offset_bytes}, .row_bytes = {edge.row_bytes}, .left_bytes = {edge.left_bytes}, "
        f".data_bytes = {edge.data_bytes}, .in_rows = {edge.in_rows}, .needed = {edge.needed}, "
        f".dropped = {edge.dropped}, .pad_top = {edge.pad_top}, .next = {later[0] if later else 0}, "
        f".zero = {edge.zero} }},\n"
    )
