"""Every sum gets scales that the engine's fast kernel is proved for."""

from __future__ import annotations

import random

from edgeprune.engine.kernels.linear_sum import is_linear
from edgeprune.ir import ArithmeticAttrs, DType, Graph, Op, OpKind, QParams, Tensor
from edgeprune.quantize.form import Form, quantized_form
from edgeprune.quantize.sums import with_linear_sums


def a_sum() -> Form:
    tensors = tuple(Tensor(name, (1, 2, 2, 5), DType.FLOAT32) for name in "abc")
    return quantized_form(Graph(tensors, (Op(OpKind.ADD, "sum", (0, 1), (2,), ArithmeticAttrs()),), (0, 1), (2,)))


def linear(form: Form, scales: dict[int, QParams]) -> bool:
    typed = tuple(
        Tensor(tensor.name, tensor.shape, DType.INT8, scales[index]) for index, tensor in enumerate(form.graph.tensors)
    )
    return is_linear(form.graph.with_tensors(typed), form.graph.ops[0])


def test_a_sum_without_constants_gets_a_hair_wider_output() -> None:
    form = a_sum()
    scales = {
        0: QParams((0.021677551791071892,), (-100,)),
        1: QParams((0.10589790344238281,), (56,)),
        2: QParams((0.1490183174610138,), (-14,)),
    }
    assert not linear(form, scales)
    widened = with_linear_sums(form, scales)
    assert linear(form, widened)
    assert (widened[0], widened[1], widened[2].zero_point) == (scales[0], scales[1], scales[2].zero_point)
    assert scales[2].scale[0] < widened[2].scale[0] < 1.02 * scales[2].scale[0]


def test_others_keep_theirs() -> None:
    rng, form = random.Random(0), a_sum()
    for _ in range(40):
        inputs = [0.05, 0.05 * 2 ** rng.uniform(-5, 5)]
        values = (*inputs, rng.uniform(0.6, 1.4) * max(inputs))
        scales = {index: QParams((scale,), (rng.randrange(-128, 60),)) for index, scale in enumerate(values)}
        widened = with_linear_sums(form, scales)
        assert linear(form, widened)
        assert widened == scales or not linear(form, scales)
