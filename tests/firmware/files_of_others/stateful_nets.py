"""Streaming networks as wake-word models are written: rows kept in resource variables from one call to the next."""

from __future__ import annotations

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from tests.firmware.one_op import ModelBuilder
from tests.firmware.random_nets import NetBuilder, Value


class StatefulNet(NetBuilder):
    """Variables are begun by CALL_ONCE where `begins`; without, TensorFlow Lite Micro begins them as zero."""

    def __init__(self, seed: int, begins: bool = True):
        super().__init__(seed)
        self._begins = begins
        self._first = ModelBuilder()
        if begins:
            options = schema.CallOnceOptionsT()
            options.initSubgraphIndex = 1
            self.model.op("CALL_ONCE", [], [], options)

    def variable(self, name: str, like: Value) -> int:
        """A handle."""
        if self._begins:
            first = self._handle(self._first, name)
            data = self.rng.integers(-128, 128, like.shape)
            value = self._first.tensor(like.shape, scale=like.scale, zero=like.zero, data=data)
            self._first.op("ASSIGN_VARIABLE", [first, value], [], schema.AssignVariableOptionsT())
        return self._handle(self.model, name)

    def _handle(self, model: ModelBuilder, name: str) -> int:
        options = schema.VarHandleOptionsT()
        options.sharedName = name
        handle = model.tensor((), "resource")
        model.op("VAR_HANDLE", [], [handle], options)
        return handle

    def read(self, handle: int, like: Value) -> Value:
        out = self.like(like)
        self.model.op("READ_VARIABLE", [handle], [out.index], schema.ReadVariableOptionsT())
        return out

    def assign(self, handle: int, value: Value) -> None:
        self.model.op("ASSIGN_VARIABLE", [handle, value.index], [], schema.AssignVariableOptionsT())

    def streamed(self, x: Value, rows: int, name: str) -> Value:
        """The last `rows` rows in front of the new ones."""
        kept = Value(-1, (1, rows, *x.shape[2:]), x.scale, x.zero)
        handle = self.variable(name, kept)
        whole = self.concat([self.read(handle, kept), x], 1)
        self.assign(handle, self.last_rows(whole, rows))
        return whole

    def last_rows(self, x: Value, rows: int) -> Value:
        out = self.like(x, (1, rows, *x.shape[2:]))
        ends = [self.model.ints(v) for v in ([0, x.shape[1] - rows, 0, 0], list(x.shape), [1, 1, 1, 1])]
        self.model.op("STRIDED_SLICE", [x.index, *ends], [out.index], schema.StridedSliceOptionsT())
        return out

    def build(self, *outputs: Value) -> bytes:
        self.model.output(*(value.index for value in outputs))
        whole = self.model.model
        whole.subgraphs = [self.model.graph]
        if self._begins:
            whole.subgraphs.append(self._moved_in())
        builder = flatbuffers.Builder(1024)
        builder.Finish(whole.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _moved_in(self) -> schema.SubGraphT:
        """The first subgraph's operators and buffers counted on from the model's own."""
        first, model = self._first, self.model
        numbers = {code: kind for kind, code in first._codes.items()}
        buffers = len(model.model.buffers) - 1
        model.model.buffers += first.model.buffers[1:]
        for tensor in first.graph.tensors:
            tensor.buffer += buffers if tensor.buffer else 0
        for op in first.graph.operators:
            op.opcodeIndex = model._code(numbers[op.opcodeIndex])
        return first.graph


def random_stream(seed: int, begins: bool = True) -> bytes:
    """A few streamed convolutions over one row a call, and variables read and assigned in odd orders."""
    b = StatefulNet(seed, begins)
    x = b.input(1, 1, int(b.rng.integers(3, 7)), int(b.rng.integers(1, 6)))
    outputs = []
    for index in range(int(b.rng.integers(1, 4))):
        rows = int(b.rng.integers(1, 4))
        whole = b.streamed(x, rows, f"rows{index}")
        x = b._window(
            "CONV_2D", schema.Conv2DOptionsT(), whole, (5, rows + 1, rows + 1, whole.shape[3]), 0, 5, 1, False, 1
        ) if whole.shape[2] > rows else b.conv(b.last_rows(whole, 1), 4, 1)  # fmt: skip
        if b.rng.random() < 0.5:
            like = Value(-1, x.shape, x.scale, x.zero)
            handle = b.variable(f"last{index}", like)
            before = b.read(handle, like)
            b.assign(handle, x)
            outputs.append(b.add(b.read(handle, like) if b.rng.random() < 0.3 else before, x))
    return b.build(b.relu(x, keeps_scale=False), *outputs)
