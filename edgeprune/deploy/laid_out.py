"""A compiled network layer by layer: what runs each, what it reads of flash, and what lies in the arena when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgeprune.budget import Optimize
from edgeprune.deploy.proof import ArenaBlock, LayerTime
from edgeprune.engine.compile import CompiledModel
from edgeprune.engine.kernels.explain import runs_on, why_plain
from edgeprune.engine.plan.lifetime import Buffer, find_buffers
from edgeprune.hardware.profile import Target


def layer_times(
    model: CompiledModel, target: Target, predicted: Sequence[float | None], measured: Sequence[float | None]
) -> tuple[LayerTime, ...]:
    """The layers that run, in order.

    Args:
        predicted: ticks of each call of the model, views included.
        measured: ticks of each layer that runs.
    """
    return tuple(
        replace(_layer(model, target, index), predicted_ticks=predicted[index], measured_ticks=ticks)
        for index, ticks in zip(model.running, measured, strict=True)
    )


def _layer(model: CompiledModel, target: Target, index: int) -> LayerTime:
    graph, op, call = model.graph, model.graph.ops[index], model.calls[index]
    optimize = Optimize.SPEED if index in model.options.faster else model.options.optimize
    return LayerTime(
        name=op.name,
        kind=str(op.kind),
        output_shape=graph.output_of(op).shape,
        macs=call.work.macs,
        predicted_ticks=None,
        measured_ticks=None,
        kernel=call.function,
        runs_on=runs_on(call),
        why_plain=why_plain(graph, op, call, target.cpu.isa, optimize),
        weight_bytes=sum(constant.model_bytes for constant in call.constants),
        table_bytes=sum(constant.size_bytes - constant.model_bytes for constant in call.constants),
    )


def arena_blocks(model: CompiledModel) -> tuple[ArenaBlock, ...]:
    """What the arena holds, by offset; views and what was written in its place are one block."""
    ops, running = len(model.calls), model.running
    before = [sum(layer < op for layer in running) for op in range(ops + 1)]  # layers that have run when op begins
    before.append(len(running) + 1)  # the outputs are read
    blocks = [
        ArenaBlock(_name(model, buffer, piece.offset_bytes), base + piece.offset_bytes, piece.size_bytes, first, end)
        for buffer in find_buffers(model.graph, model.calls)
        for base in (_base(model, buffer),)
        for piece in buffer.pieces
        for first, end in ((before[piece.first_op], before[min(piece.end_op, ops + 1)]),)
        if first < end
    ]
    return tuple(sorted(blocks, key=lambda block: (block.offset_bytes, block.first_layer)))


def _base(model: CompiledModel, buffer: Buffer) -> int:
    if buffer.scratch_op is not None:
        return model.plan.scratch_offset_bytes[buffer.scratch_op]
    tensor, inside = next(iter(buffer.tensors.items()))
    return model.plan.offset_bytes[tensor] - inside


def _name(model: CompiledModel, buffer: Buffer, offset_bytes: int) -> str:
    """Of what begins there: the layer that writes it first."""
    graph = model.graph
    if buffer.scratch_op is not None:
        return f"scratch of {graph.ops[buffer.scratch_op].name}"
    here = [tensor for tensor, inside in buffer.tensors.items() if inside == offset_bytes]
    if any(tensor in graph.inputs for tensor in here):
        return "input"
    if any(graph.tensors[tensor].is_variable for tensor in here):
        return "state"
    writers = [graph.producer[tensor] for tensor in here if tensor in graph.producer]
    return graph.ops[min(writers)].name if writers else "state"
