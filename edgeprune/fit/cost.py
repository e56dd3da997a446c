"""The exact footprint of any widths: the planner on the predicted graph, flash and stack from one baseline image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeprune import __version__
from edgeprune.budget import Footprint
from edgeprune.codegen.emit import Identity
from edgeprune.cost.flash import EngineBaseline
from edgeprune.cost.latency import predicted_us
from edgeprune.deploy import CompiledModel, compile_graph, emulated_target, link_images, running_board
from edgeprune.errors import UsageError
from edgeprune.fit.network import Network
from edgeprune.graph.clean import clean
from edgeprune.ir import DType, Graph, Op, QParams, Tensor
from edgeprune.kernels.base import Optimize
from edgeprune.prune.widths import predicted_graph
from edgeprune.target.profile import Target
from edgeprune.target.registry import load_target

_WEIGHT_SPREAD = 30.0
_ACTIVATION_SPREAD = 50.0
_BASELINE = Identity("baseline", "0" * 16, "baseline", "edgeprune, a size baseline", __version__)


class WidthCost:
    """Footprints of one network on one target."""

    def __init__(self, network: Network, target: Target, optimize: Optimize, baseline: EngineBaseline):
        self._network = network
        self._target = target
        self._optimize = optimize
        self._baseline = baseline

    def footprint(self, widths: Mapping[str, int]) -> Footprint:
        """Flash and RAM by part, at these channel counts; milliseconds, nothing is built."""
        compiled = self.compiled(widths)
        return footprint_of(compiled, self._target, self._baseline)

    def relinked(self, widths: Mapping[str, int], folder: Path) -> WidthCost:
        """The same costs with flash taken from a link at these widths: exact there, closer around.

        Kernels specialised to a layer's shape change size with it, which the first baseline cannot know.
        """
        compiled = compile_machine(self._network, self._target, self._optimize, widths)
        images = link_images(compiled, machine_target(self._target), folder)
        parts = images.judged.size.flash_parts
        data_bytes, stack_bytes = self._baseline.data_bytes, self._baseline.stack_bytes
        baseline = EngineBaseline.of(parts, compiled.calls, data_bytes, stack_bytes)
        return WidthCost(self._network, self._target, self._optimize, baseline)

    def compiled(self, widths: Mapping[str, int]) -> CompiledModel:
        graph = clean(predicted_graph(self._network.traced, self._network.groups, widths))
        return compile_graph(graph, self._target, self._optimize, _BASELINE)


def footprint_of(compiled: CompiledModel, target: Target, baseline: EngineBaseline) -> Footprint:
    """Predicted bytes by part of a compiled model, from its calls and plan alone."""
    return Footprint(
        flash_parts=baseline.flash_with(compiled.calls),
        ram_parts={
            "arena": compiled.plan.arena_bytes,
            "data": baseline.data_bytes,
            "stack": baseline.stack_bytes,
        },
        peak_layer=compiled.graph.ops[compiled.plan.peak_op].name,
        macs=sum(call.work.macs for call in compiled.calls),
        latency_us=predicted_us(compiled.calls, target.cpu),
    )


def measure_baseline(network: Network, target: Target, optimize: Optimize, folder: Path) -> EngineBaseline:
    """Links the network with weights drawn at random, without the target's limits, and runs it once on the machine.

    The image is for the emulated machine's own memory, which holds what the target cannot.

    Raises:
        UsageError: no emulated machine stands in for the target.
        ToolchainError: compiler or emulator missing.
    """
    machine = machine_target(target)
    compiled = compile_machine(network, target, optimize, network.widths)
    images = link_images(compiled, machine, folder)
    with running_board(images, machine) as board:
        board.infer(bytes(compiled.input_bytes))
        memory = board.memory()
    return EngineBaseline.of(images.judged.size.flash_parts, compiled.calls, memory.data_bytes, memory.stack_all_bytes)


def compile_machine(network: Network, target: Target, optimize: Optimize, widths: Mapping[str, int]) -> CompiledModel:
    """The network at these widths for the emulated machine, weights drawn at random."""
    graph = with_sample_constants(clean(predicted_graph(network.traced, network.groups, widths)))
    return compile_graph(graph, machine_target(target), optimize, _BASELINE)


def machine_target(target: Target) -> Target:
    """The emulated machine that stands in for a target, as a target with all of the machine's memory.

    Raises:
        UsageError: there is none.
    """
    stand_in = emulated_target(target)
    if stand_in is None or stand_in.emulator is None:
        raise UsageError(
            f"no emulated machine stands in for {target.name}", hint="add an [emulator] table to the target's file"
        )
    return load_target(stand_in.emulator.machine)


def with_sample_constants(graph: Graph) -> Graph:
    """A predicted graph made emittable: random weights under scales that spread sums over the outputs' whole range.

    Trained weights take the kernels' usual paths; all zeros would not, and their image would be another's size.
    """
    random = np.random.default_rng(0)
    tensors = list(graph.tensors)
    for op in graph.ops:
        constants = [index for index in op.inputs if index >= 0 and tensors[index].is_constant]
        for index in constants:
            tensor = tensors[index]
            if tensor.data is not None:
                continue
            if tensor.dtype is DType.INT32:
                tensors[index] = replace(tensor, data=np.zeros(tensor.shape, np.int32))
                continue
            data = np.clip(np.round(random.normal(0, _WEIGHT_SPREAD, tensor.shape)), -127, 127).astype(np.int8)
            tensors[index] = replace(tensor, data=data, qparams=_spreading(tensor, tensors[op.inputs[0]], graph, op))
    return replace(graph, tensors=tuple(tensors))


def _spreading(weight: Tensor, source: Tensor, graph: Graph, op: Op) -> QParams | None:
    """Weight scales under which a sum's standard deviation is a third of the output's range."""
    sink = graph.output_of(op).qparams
    if weight.qparams is None or source.qparams is None or sink is None or weight.qparams.axis is None:
        return weight.qparams
    terms = weight.element_count / weight.shape[weight.qparams.axis]
    deviation = math.sqrt(terms) * _WEIGHT_SPREAD * _ACTIVATION_SPREAD
    scale = sink.scale[0] / source.qparams.scale[0] * (255 / 3) / deviation
    return replace(weight.qparams, scale=(scale,) * len(weight.qparams.scale))
