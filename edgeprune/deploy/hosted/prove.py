"""Proof: a program within its limits, its bytes the host's; its time only where a device took it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np

from edgeprune.budget import Budget, Footprint, LatencyBasis
from edgeprune.deploy.hosted.built import TIMING, BuiltModel
from edgeprune.deploy.hosted.place import machine_for, words_for
from edgeprune.deploy.hosted.replies import Times
from edgeprune.deploy.hosted.roofline import layer_ns
from edgeprune.deploy.hosted.session import installed
from edgeprune.deploy.laid_out import arena_blocks, layer_times
from edgeprune.deploy.proof import LayerTime, Proof
from edgeprune.deploy.protocol import Setup
from edgeprune.deploy.replay import byte_rows, compare_bytes, real_rows, save_samples
from edgeprune.errors import DoesNotFit
from edgeprune.quantize.host import Kernels, deployed_outputs, input_rows, quantized_inputs
from edgeprune.train.evaluate_int8 import channels_last
from edgeprune.train.splits import Split


def prove(setup: Setup, built: BuiltModel, samples: Split) -> Proof:
    """Replays test samples where the program runs.

    Raises:
        DoesNotFit: the program leaves the limits.
        VerificationError: it computed other bytes than LiteRT's reference interpreter.
        DeviceError: no device, or it does not answer.
    """
    _check_sizes(built.footprint, setup.limits)
    inputs = quantized_inputs(built.tflite, channels_last(samples))
    input_bytes = input_rows(built.tflite, inputs)
    margin = built.model.options.exit_margin
    host = deployed_outputs(built.tflite, inputs, margin, Kernels.REFERENCE).outputs
    expected = np.concatenate([byte_rows(output) for output in host], axis=1)
    with (
        closing(machine_for(setup.target, setup.port)) as machine,
        setup.progress.task(f"replaying test samples on {machine.name}", len(inputs)) as task,
    ):
        unshown = words_for(machine, setup.target)
        if unshown is not None:
            setup.progress.note(unshown)
        session = installed(machine, built.programs.running)
        rows = session.outputs(input_bytes, task.advance)
        for number, (output, wanted) in enumerate(zip(rows, expected, strict=True)):
            compare_bytes(number, output, wanted, "program")
        times = session.times(input_bytes[0].tobytes(), TIMING)
    save_samples(setup.workspace.folder / "samples.npz", inputs, expected.view(np.int8), samples.targets.numpy())
    latency_us = None if times is None else float(np.percentile(times.run_ns, 90)) / 1e3
    return Proof(
        source=machine.source,
        device=machine.name if machine.source == "device" else setup.target.name,
        outputs=real_rows(built.tflite, rows, host),
        footprint=replace(
            built.footprint, latency_us=latency_us, latency_basis=None if times is None else LatencyBasis.DEVICE
        ),
        clock="nanoseconds",
        total_ticks=None if times is None else float(np.median(times.run_ns)),
        total_us=None if times is None else float(np.median(times.run_ns)) / 1e3,
        layers=_layers(built, times),
        exit_ticks=None,
        arena=arena_blocks(built.model),
    )


def _check_sizes(footprint: Footprint, limits: Budget) -> None:
    over = {name: ratio for name, ratio in footprint.excess(limits).items() if ratio > 1 and name != "latency"}
    if over:
        raise DoesNotFit(
            f"the program takes {footprint.flash_bytes:,} B as a file and {footprint.ram_bytes:,} B of memory: "
            + ", ".join(f"{name} at {ratio:.1%} of the limit" for name, ratio in over.items()),
            hint="thin the model further, or raise the limit",
        )


def _layers(built: BuiltModel, times: Times | None) -> tuple[LayerTime, ...]:
    predicted = layer_ns(built.model.calls, built.target, {})
    running = built.model.running
    measured = [None] * len(running) if times is None else [float(ns) for ns in np.median(times.layer_ns, axis=0)]
    return layer_times(built.model, built.target, predicted, measured)
