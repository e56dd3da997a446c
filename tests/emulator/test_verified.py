"""A build is believed after it was run: a kernel that orders its channels wrongly does not leave `edgeprune build`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import link_images
from edgeprune.deploy.firmware.verified import Verified, verify_build
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.kernels.scalar import dense
from edgeprune.errors import VerificationError
from edgeprune.hardware.registry import load_target
from tests.firmware.one_op import ModelBuilder

needs_tools = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)


def one_light_class() -> bytes:
    """64 to 4, three classes too heavy for groups of eight."""
    rng = np.random.default_rng(0)
    model = ModelBuilder()
    values = rng.integers(-127, 128, (4, 64))
    values[2] = rng.integers(-1, 2, 64)
    x = model.input((1, 64), scale=0.05, zero=3)
    w = model.tensor((4, 64), scale=[0.01] * 4, data=values)
    b = model.tensor((4,), "int32", scale=[0.05 * 0.01] * 4, data=rng.integers(-500, 500, 4))
    y = model.tensor((1, 4), scale=1.5, zero=-5)
    model.op("FULLY_CONNECTED", [x, w, b], [y], schema.FullyConnectedOptionsT())
    model.output(y)
    return model.build()


def build(folder: Path, target: str) -> Verified:
    chosen, tflite = load_target(target), one_light_class()
    compiled = compile_model(tflite, chosen, CompileOptions(Optimize.SPEED, "light", "test"))
    return verify_build(compiled, tflite, link_images(compiled, chosen, folder), chosen)


@needs_tools
@pytest.mark.parametrize("target", ["cortex-m0", "cortex-m3"])
def test_a_light_class_among_heavy_ones_stays_where_it_is(tmp_path: Path, target: str) -> None:
    assert build(tmp_path, target) == Verified(3)


@needs_tools
def test_swapped_classes_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = dense._Groups(np.array([1, 0, 2, 3]), 0, 4)
    monkeypatch.setattr(dense, "_choose", lambda *_: swapped)
    with pytest.raises(VerificationError, match="output bytes differ"):
        build(tmp_path, "cortex-m3")
