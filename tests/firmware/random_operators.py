"""Files of one random operator each, of every kind the engine knows, some with scales no calibration would choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.firmware import test_islands
from tests.firmware.cases import Case
from tests.firmware.numbers import test_detection, test_numbers
from tests.firmware.one_op import ModelBuilder
from tests.firmware.operators import (
    test_arg_max,
    test_batch_matmul,
    test_cast,
    test_conv2d,
    test_copy,
    test_dense,
    test_elementwise,
    test_gather,
    test_lookup,
    test_lstm,
    test_pool,
    test_quantize,
    test_reduce,
    test_resize,
    test_softmax,
    test_svdf,
    test_transpose_conv,
)
from tests.firmware.random_layers import ADD
from tests.firmware.widened import widen

Add = Callable[[ModelBuilder], None]

DETECTION = "detection"
_LACKING = {
    "ELU of int8": test_lookup.functions(["ELU"]),
    "CEIL of floats": test_numbers.unary(["CEIL"]),
    "ROUND of floats": test_numbers.unary(["ROUND"]),
}
FAMILIES: dict[str, st.SearchStrategy[Case]] = {
    "largest": test_arg_max.maxima(),
    "several largest": test_arg_max.greatest(),
    "product of matrices": test_batch_matmul.products(),
    "cast of integers": test_cast.casts(),
    "convolution": test_conv2d.convolutions(depthwise=False),
    "depthwise convolution": test_conv2d.convolutions(depthwise=True),
    **{f"{kind} of bytes": test_copy.moves([kind]) for kind in test_copy.MAKERS},
    "dense": test_dense.dense_layers(),
    **{f"{kind} of two": test_elementwise.pairs([kind]) for kind in test_elementwise.PAIRS},
    "choice": test_elementwise.choices(),
    "picks": test_gather.PICKS,
    "sequences turned round": test_gather.reversals(),
    **{f"{kind} of int8": test_lookup.functions([kind]) for kind in test_lookup.KINDS},
    **_LACKING,
    "LSTM": test_lstm.lstms(),
    "pool": test_pool.pools(),
    "float ends": test_quantize.float_ends(),
    "byte ends": test_quantize.byte_ends(),
    "reduction": test_reduce.reductions(),
    "resize": test_resize.resizes(),
    "softmax": test_softmax.softmaxes(),
    "SVDF": test_svdf.svdfs(),
    "transposed convolution": test_transpose_conv.transposed(),
    **{f"{kind} of floats": test_numbers.unary([kind]) for kind in test_numbers.UNARY},
    "floats behind int8": test_islands.floats(),
    **{f"{name} of numbers": cases for name, cases in test_numbers.FAMILIES.items()},
    DETECTION: test_detection.networks().map(lambda network: Case(f"{DETECTION} {network}", network.add)),
}
"""Every kind of operator that files have, a few kinds a family; as many cases of each."""
RESOLVERS = dict.fromkeys(_LACKING, "BUILTIN_WITHOUT_DEFAULT_DELEGATES")
"""Families that LiteRT's reference kernels lack."""
_LAYERS = 0.4  # of the cases are layers that have fast kernels
_EXTREME = 0.4  # of the cases have their scales moved
WIDE_SHARE = 0.3
"""Of the cases have int16 activations, where the engine takes them."""
_POWERS = (-44, -34, -20, -14, -7, -2, 0, 0, 2, 7, 14, 20, 34, 44)


@dataclass(frozen=True)
class RandomOperator:
    """text names it; `add` puts it into a model, int16 where `wide` is a seed, its scales moved where `powers` is."""

    family: str
    text: str
    plain: Add
    powers: int | None
    wide: int | None

    def add(self, model: ModelBuilder) -> None:
        first_tensor, first_op = len(model.graph.tensors), len(model.graph.operators)
        self.plain(model)
        if self.wide is not None:
            widen(model, first_tensor, first_op, np.random.default_rng(self.wide))
        if self.powers is not None:
            _move_scales(model, first_tensor, first_op, np.random.default_rng(self.powers))

    def alone(self) -> bytes:
        model = ModelBuilder()
        self.add(model)
        return model.build()


def random_operators(count: int, seed_: int, wide_share: float = WIDE_SHARE) -> Iterator[RandomOperator]:
    """The same `count` for the same seed."""
    rng = np.random.default_rng(seed_)
    layers = int(count * _LAYERS)
    drawn = _drawn(count - layers, seed_)
    for index in rng.permutation(count).tolist():
        powers = int(rng.integers(2**31)) if rng.random() < _EXTREME else None
        wide = int(rng.integers(2**31)) if rng.random() < wide_share else None
        moved = f"powers {powers}, wide {wide}"
        if index < layers:
            kind, own = list(ADD)[index % len(ADD)], int(rng.integers(2**31))
            yield RandomOperator(f"{kind} layer", f"{kind} layer {own}, {moved}", _layer(kind, own), powers, wide)
        else:
            family, case = drawn[index - layers]
            yield RandomOperator(family, f"{case.text}, {moved}", case.add, powers, wide)


def _layer(kind: str, own_seed: int) -> Add:
    return lambda model: ADD[kind](model, np.random.default_rng(own_seed))


def _drawn(count: int, seed_: int) -> list[tuple[str, Case]]:
    """As many cases of each family; families of few different ones repeat them."""
    share = -(-count // len(FAMILIES))
    by_family = {family: _cases(cases, share, seed_) for family, cases in FAMILIES.items()}
    drawn = [(family, cases[turn % len(cases)]) for turn in range(share) for family, cases in by_family.items()]
    return drawn[:count]


def _cases(strategy: st.SearchStrategy[Case], count: int, seed_: int) -> list[Case]:
    cases: list[Case] = []

    @seed(seed_)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: Case) -> None:
        cases.append(case)

    collect()
    assert cases
    return cases


def _move_scales(model: ModelBuilder, first_tensor: int, first_op: int, rng: np.random.Generator) -> None:
    """Multiplies each scale by a power of two; equal ones stay equal, and a bias keeps the product of its inputs'."""
    moved: dict[float, float] = {}
    tensors = model.graph.tensors
    power = rng.choice(_POWERS)

    def move(index: int) -> float:
        scales = tensors[index].quantization.scale
        key = round(float(scales[0]), 12) if scales[0] > 1e-9 else float(scales[0])
        own = power if rng.random() < 0.5 else rng.choice(_POWERS)
        factor = moved.setdefault(key, 2.0 ** float(own) if rng.random() < 0.6 else 1.0)
        tensors[index].quantization.scale = [float(np.float32(scale * factor)) for scale in scales]
        return factor

    factors = {
        index: move(index)
        for index in range(first_tensor, len(tensors))
        if tensors[index].quantization is not None and not _is_sum(model, index)
    }
    for op in model.graph.operators[first_op:]:
        for index in op.inputs:
            if index >= first_tensor and index not in factors and tensors[index].quantization is not None:
                product = np.prod([factors.get(other, 1.0) for other in op.inputs if other in factors])
                tensors[index].quantization.scale = [
                    float(np.float32(scale * product)) for scale in tensors[index].quantization.scale
                ]


def _is_sum(model: ModelBuilder, index: int) -> bool:
    """Whether the tensor is a bias, in the unit of products."""
    from tests.firmware.one_op import TYPES

    return model.graph.tensors[index].type in (TYPES["int32"], TYPES["int64"])
