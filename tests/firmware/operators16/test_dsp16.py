"""Layers of int16 activations on a core with the DSP extension: LiteRT's bytes, on the host and on an emulated M4."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.dsp.dense16 import wide_factor
from edgeprune.engine.kernels.linear.single_rounding import rounded
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.cases import FEW, Case, many
from tests.firmware.host_engine import assert_same_bytes, random_samples
from tests.firmware.layer_bytes import assert_board_bytes, assert_host_bytes
from tests.firmware.one_op import ModelBuilder
from tests.firmware.operators import test_lookup
from tests.firmware.random_layers import ADD
from tests.firmware.widened import wide, widen

KINDS = ("conv2d", "pieces", "transposed", "depthwise", "window", "step", "dense", "sum")


def layers16(kinds: Sequence[str], count: int, seed: int) -> bytes:
    """So many random layers side by side, of these kinds in turn."""
    rng, model = np.random.default_rng(seed), ModelBuilder()
    for index in range(count):
        first_tensor, first_op = len(model.graph.tensors), len(model.graph.operators)
        ADD[kinds[index % len(kinds)]](model, rng)
        widen(model, first_tensor, first_op, rng)
    return model.build()


def _fast(calls: Sequence[KernelCall]) -> int:
    return sum(call.sources[0].startswith("dsp/") for call in calls)


@pytest.mark.parametrize("kind", KINDS)
def test_host(kind: str) -> None:
    model = layers16([kind], 12, seed=len(kind))
    graph = read_tflite(model)
    calls = lower(graph, Isa.DSP, Optimize.SPEED)
    if kind in ("conv2d", "transposed", "depthwise", "step", "dense", "sum"):
        assert _fast(calls) >= 0.6 * len(calls)
    assert_host_bytes(model, graph, calls, random_samples(model, 2, seed=1))


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
def test_emulated_m4() -> None:
    model = layers16(KINDS, 27, seed=3)
    graph = read_tflite(model)
    calls = lower(graph, Isa.DSP, Optimize.SPEED)
    assert _fast(calls) >= 0.3 * len(calls)
    assert_board_bytes("mps2-an386", model, graph, calls, random_samples(model, 2, seed=1))


@FEW
@given(many(wide(test_lookup.functions(["LEAKY_RELU", "RELU", "RELU6", "ABS", "QUANTIZE"]))))
def test_slopes(cases: list[Case]) -> None:
    builder = ModelBuilder()
    for case in cases:
        case.add(builder)
    model = builder.build()
    calls = lower(read_tflite(model), Isa.DSP, Optimize.SPEED)
    assert _fast(calls) >= 0.5 * len(calls)
    assert_same_bytes(model, random_samples(model, 3, seed=1), isa=Isa.DSP)


@pytest.mark.parametrize("real", [2.0**-9, 3.1e-3, 1 / 5, 7e-7, 0.0625 * (1 + 2**-40)])
def test_factors_give_what_float64_gives(real: float) -> None:
    reach = min((1 << 31) - 1, int(70_000 / real))
    pair = wide_factor(real, reach, -32768, 32767)
    assert pair is not None
    factor, shift = pair
    sums = np.random.default_rng(1).integers(-reach, reach + 1, 20_000)
    halves = np.round((np.arange(-3000, 3000) + 0.5) / real).astype(np.int64)
    for acc in (*sums.tolist(), *halves[np.abs(halves) <= reach].tolist()):
        assert (acc * factor + (1 << (shift - 1))) >> shift == rounded(np.array(acc), np.array(real))


def test_a_factor_that_no_shift_reaches_has_none() -> None:
    assert wide_factor(2.0**-40, 1000, -32768, 32767) is None
    assert wide_factor(0.3, 1000, -32768, 32767) is None
