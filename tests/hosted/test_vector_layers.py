"""The kernels that compilers make vector instructions of give LiteRT's bytes: on this machine under sanitizers, and as
64-bit Arm programs, with and without dot products of int8, under QEMU.

Inputs and outputs overlap to the byte as the kernels promise, so a promise that is too bold fails here.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.deploy.hosted.session import installed
from edgeprune.device.machines.local import LocalMachine, emulator_of
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.hosted import Architecture
from edgeprune.hardware.profile import Isa
from edgeprune.hardware.registry import load_target
from edgeprune.quantize.host import Kernels, int8_outputs
from edgeprune.toolchain.firmware import FirmwareSources
from edgeprune.toolchain.program import build_program
from tests.firmware.host_engine import random_samples
from tests.firmware.layer_bytes import assert_host_bytes
from tests.firmware.random_layers import random_model
from tests.unit.deploy.hosted.small_model import small

KINDS = ("conv2d", "square", "depthwise", "dense")


@pytest.mark.parametrize("kind", KINDS)
def test_host(kind: str) -> None:
    model = random_model(kind, 25, seed=2)
    samples = random_samples(model, 2, seed=2)
    graph = read_tflite(model)
    calls = lower(graph, Isa.VECTOR, Optimize.BALANCED)
    fast = sum(not call.sources[0].startswith("ref/") for call in calls)
    assert fast >= len(calls) * 0.6, f"{fast} of {len(calls)} layers"
    assert_host_bytes(model, graph, calls, samples)


@pytest.mark.skipif(shutil.which("qemu-aarch64-static") is None, reason="qemu-user-static is not installed")
@pytest.mark.parametrize("features", [(), ("asimddp",)], ids=["plain", "dot products"])
def test_64_bit_arm(features: tuple[str, ...]) -> None:
    model = compile_model(small().tflite, load_target("raspberry-pi-5"), CompileOptions(Optimize.BALANCED, "small"))
    sources = FirmwareSources(model.sources(), model.kernel_sources, model.input_bytes)
    program = build_program(sources, Architecture.AARCH64, features)
    emulator = emulator_of(Architecture.AARCH64, features)
    assert emulator is not None
    session = installed(LocalMachine(Architecture.AARCH64, emulator), program)
    samples = small().samples(20)
    got = session.outputs(samples.reshape(20, -1).view(np.uint8), lambda done: None)
    assert (got.view(np.int8) == int8_outputs(small().tflite, samples, Kernels.REFERENCE).reshape(20, -1)).all()
