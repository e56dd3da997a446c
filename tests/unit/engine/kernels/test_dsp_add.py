"""Sums of equal shapes find constants for the fast kernel at any usual scales."""

from __future__ import annotations

import random

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Activation, ArithmeticAttrs, DType, Graph, Op, OpKind, QParams, Tensor


def a_sum(rng: random.Random) -> Graph:
    scales = [rng.uniform(0.02, 0.08) for _ in range(2)]
    scales.append(rng.uniform(0.6, 1.4) * max(scales))
    zeros = [rng.choice([-128, rng.randrange(-40, 40)]) for _ in range(3)]
    activation = Activation.RELU if zeros[2] == -128 else Activation.NONE
    tensors = tuple(
        Tensor(name, (1, 2, 2, 5), DType.INT8, QParams((scale,), (zero,)))
        for name, scale, zero in zip("abc", scales, zeros, strict=True)
    )
    kind = rng.choice([OpKind.ADD, OpKind.SUB])
    return Graph(tensors, (Op(kind, "sum", (0, 1), (2,), ArithmeticAttrs(activation=activation)),), (0, 1), (2,))


def test_usual_scales_take_the_fast_kernel() -> None:
    rng = random.Random(1)
    functions = [lower(a_sum(rng), Isa.DSP, Optimize.BALANCED)[0].function for _ in range(60)]
    assert functions == ["ep_add_dsp"] * 60
