"""Graphs with kernel calls made up for the planner's tests: only sizes, lives and promises count."""

from __future__ import annotations

from hypothesis import strategies as st

from edgeprune.engine.kernels.base import KernelCall, Overlap
from edgeprune.ir import Conv2dAttrs, DType, Graph, Op, OpKind, Tensor

Net = tuple[Graph, tuple[KernelCall, ...]]


def call(*overlaps: Overlap, scratch: int = 0, is_view: bool = False) -> KernelCall:
    return KernelCall("f", lambda symbols: "", scratch_bytes=scratch, overlaps=overlaps, is_view=is_view)


def in_place(position: int = 0) -> tuple[Overlap, Overlap]:
    return Overlap(position, "forward", 0), Overlap(position, "backward", 0)


class NetMaker:
    """Builds a net op by op; tensors are named t0, t1, ..."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.ops: list[Op] = []
        self.calls: list[KernelCall] = []
        self.inputs: list[int] = []

    def input(self, size: int) -> int:
        self.inputs.append(self._tensor(size))
        return self.inputs[-1]

    def _tensor(self, size: int) -> int:
        self.tensors.append(Tensor(f"t{len(self.tensors)}", (size,), DType.INT8))
        return len(self.tensors) - 1

    def op(self, inputs: list[int], sizes: list[int], kernel: KernelCall) -> list[int]:
        outputs = [self._tensor(size) for size in sizes]
        self.ops.append(Op(OpKind.CONV_2D, f"op{len(self.ops)}", tuple(inputs), tuple(outputs), Conv2dAttrs()))
        self.calls.append(kernel)
        return outputs

    def net(self, *outputs: int) -> Net:
        return Graph(tuple(self.tensors), tuple(self.ops), tuple(self.inputs), outputs), tuple(self.calls)


@st.composite
def nets(draw: st.DrawFn, max_ops: int = 8) -> Net:
    """Random graphs: branches, several outputs, views, repeated inputs, promises of all kinds, state, scratch."""
    maker = NetMaker()
    sizes = st.integers(1, 60)
    values = [maker.input(draw(sizes)) for _ in range(draw(st.integers(1, 2)))]
    if draw(st.booleans()):
        values.append(maker._tensor(draw(sizes)))  # written by no op: state
    for _ in range(draw(st.integers(1, max_ops))):
        recent = st.sampled_from(values[-4:])
        inputs = draw(st.lists(recent, min_size=1, max_size=3))
        kind = draw(st.sampled_from(["disjoint", "disjoint", "in place", "diagonal", "view", "many"]))
        scratch = draw(st.sampled_from([0, 0, 5, 16]))
        first = maker.tensors[inputs[0]].size_bytes
        if kind == "view":
            values += maker.op(inputs[:1], [first], call(is_view=True))
        elif kind == "in place":
            values += maker.op(inputs, [first], call(*in_place(0), scratch=scratch))
        elif kind == "diagonal":
            promises = draw(
                st.lists(
                    st.builds(
                        Overlap,
                        st.integers(0, len(inputs) - 1),
                        st.sampled_from(["forward", "backward", "same"]),
                        st.integers(0, 20),
                    ),
                    max_size=3,
                    unique_by=lambda o: (o.input_index, o.direction),
                )
            )
            values += maker.op(inputs, [draw(sizes)], call(*promises, scratch=scratch))
        else:
            count = 2 if kind == "many" else 1
            values += maker.op(inputs, draw(st.lists(sizes, min_size=count, max_size=count)), call(scratch=scratch))
    return maker.net(*draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)))
