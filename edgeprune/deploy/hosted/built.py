"""A compiled model as a program, run once where it can run: its sizes are read, not predicted."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.budget import Footprint, LatencyBasis
from edgeprune.deploy.call_sizes import call_sizes
from edgeprune.deploy.hosted.place import architecture_on, machine_for
from edgeprune.deploy.hosted.replies import Times
from edgeprune.deploy.hosted.roofline import layer_ns, rates_of
from edgeprune.deploy.hosted.session import installed
from edgeprune.deploy.hosted.timing import Timing
from edgeprune.device.machines.machine import Source
from edgeprune.engine.compile import CompiledModel
from edgeprune.engine.cost.flash_size import CallSize, EngineBaseline
from edgeprune.engine.cost.footprint import footprint as engine_footprint
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.firmware import FirmwareSources
from edgeprune.toolchain.program import PAGE_BYTES, Program, build_program, program_objects

TIMING = Timing(warm_up=5, runs=20)
_UNPREDICTED_BYTES = 192
"""Of a file: the few instructions more that large offsets take, and the ends of its sections."""


@dataclass(frozen=True)
class Programs:
    """own: for the target, whose size counts; running: for the machine that stands in, `own` where that is possible."""

    own: Program
    running: Program


def build_programs(model: CompiledModel, target: Target, machine_runs: str) -> Programs:
    """The target's program, and one for a machine of the architecture `machine_runs` where that is another.

    Raises:
        ToolchainError: no compiler, or it failed.
    """
    hosted = target.hosted
    assert hosted is not None
    sources = sources_of(model)
    own = build_program(sources, hosted.architecture, hosted.features)
    if own.architecture == machine_runs:
        return Programs(own, own)
    return Programs(own, build_program(sources, type(hosted.architecture)(machine_runs)))


def sources_of(model: CompiledModel) -> FirmwareSources:
    return FirmwareSources(model.sources(), model.kernel_sources, model.input_bytes, model.options.optimize)


def measured_sizes(model: CompiledModel, target: Target) -> dict[str, CallSize]:
    """Form of call -> what one of it takes in the target's program; nothing is linked.

    Args:
        model: with constant data.

    Raises:
        ToolchainError: no compiler, or it failed.
    """
    hosted = target.hosted
    assert hosted is not None
    return call_sizes(model, program_objects(sources_of(model), hosted.architecture, hosted.features))


@dataclass(frozen=True, eq=False)
class BuiltModel:
    """A model on its target.

    Attributes:
        tflite: the int8 file, stripped.
        baseline: what of the program does not depend on the model's arrays; `rates` where a device measured them.
        footprint: of the program; latency predicted but on a device, where nine of ten inferences take no longer.
        times: on a device; else None.
    """

    tflite: bytes
    target: Target
    model: CompiledModel
    programs: Programs
    baseline: EngineBaseline
    footprint: Footprint
    source: Source
    times: Times | None


def built_model(tflite: bytes, model: CompiledModel, target: Target, address: str | None) -> BuiltModel:
    """Builds the program and runs it once, on zeros.

    Args:
        tflite: what the model was compiled from.
        address: of a device; None: this machine stands in.

    Raises:
        ToolchainError, DeviceError: it cannot be built or run.
    """
    with closing(machine_for(target, address)) as machine:
        programs = build_programs(model, target, architecture_on(machine, target))
        session = installed(machine, programs.running)
        nothing = bytes(session.input_bytes)
        stack_bytes = session.stack_bytes(nothing)
        times = session.times(nothing, TIMING)
    baseline = replace(baseline_of(model, programs.own, stack_bytes, times), sizes=measured_sizes(model, target))
    predicted = footprint_of(model, target, baseline)
    parts = dict(programs.own.memory_parts) | {"stack": stack_bytes}
    latency_us = predicted.latency_us
    if times is not None:
        latency_us = float(np.percentile(times.run_ns, 90)) / 1e3
        if times.peak_rss_bytes is not None:  # pages no file tells: the process's arguments, the kernel's own
            parts["other"] = max(0, times.peak_rss_bytes - sum(parts.values()))
    file_parts = dict(predicted.flash_parts)
    file_parts["runtime"] += len(programs.own.content) - predicted.flash_bytes
    footprint = replace(
        predicted, flash_parts=file_parts, ram_parts=parts, latency_us=latency_us, latency_is_floor=times is None,
        latency_basis=LatencyBasis.ROOFLINE if times is None else LatencyBasis.DEVICE,
    )  # fmt: skip
    return BuiltModel(tflite, target, model, programs, baseline, footprint, machine.source, times)


def baseline_of(model: CompiledModel, program: Program, stack_bytes: int, times: Times | None) -> EngineBaseline:
    """`data_bytes`: what the loaded program takes beyond its file and the arena."""
    parts = dict(program.file_parts)
    data_bytes = program.memory_parts["program"] - sum(parts.values())
    parts["runtime"] -= _padding_bytes(model)
    rates = {}
    if times is not None:
        rates = rates_of(
            [model.calls[index] for index in model.running], [float(ns) for ns in np.median(times.layer_ns, 0)]
        )
    made = EngineBaseline.of(parts, model.calls, data_bytes, stack_bytes)
    return replace(made, rates=rates)


def footprint_of(model: CompiledModel, target: Target, baseline: EngineBaseline) -> Footprint:
    """Predicted bytes by part of a compiled model, from its calls and plan alone.

    Memory: `arena`, `program` (all the file's pages, and variables), `stack`. What is not predicted is taken to be at
    its most: a file's last bytes, and the page an array ends in.
    """
    latency_us = sum(layer_ns(model.calls, target, baseline.rates)) / 1e3
    made = engine_footprint(model.graph, model.calls, model.plan, baseline, latency_us)
    file_parts = dict(made.flash_parts)
    file_parts["runtime"] += _padding_bytes(model) + _UNPREDICTED_BYTES
    parts = {
        "arena": model.plan.arena_bytes,
        "program": sum(file_parts.values()) + baseline.data_bytes + PAGE_BYTES,
        "stack": baseline.stack_bytes,
    }
    basis = LatencyBasis.KERNELS if baseline.rates else LatencyBasis.ROOFLINE
    return Footprint(file_parts, parts, made.peak_layer, made.macs, latency_us, not baseline.rates, basis)


def _padding_bytes(model: CompiledModel) -> int:
    """Between arrays, which compilers begin at 8 bytes where a model asks for 4."""
    sizes = (constant.size_bytes for call in model.calls for constant in call.constants)
    return sum(-size % 8 - -size % 4 for size in sizes)
