"""Damaged `.tflite` files: a clear error, or C that keeps inside its tensors; no crash, no hang, no huge allocation."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given

from edgeprune.codegen.emit import emit
from edgeprune.errors import EdgePruneError
from edgeprune.graph.clean import clean
from edgeprune.kernels import lower
from edgeprune.kernels.base import Optimize
from edgeprune.plan import make_plan
from edgeprune.target.profile import Isa
from edgeprune.tflite.read import read_tflite
from tests.firmware.cases import FEW, Case, many
from tests.firmware.host_engine import IDENTITY, random_samples, run_engine
from tests.firmware.one_op import ModelBuilder
from tests.firmware.test_planned import ALL

RUN_BYTES_MAX = 1 << 16
WORDS = (0, 1, -1, 2**31 - 1, -(2**31), 4, 128, 65536)


def whole_models() -> list[bytes]:
    """Files of all kinds of operators."""
    models: list[bytes] = []

    @FEW
    @given(many(ALL))
    def collect(cases: list[Case]) -> None:
        for start in range(0, len(cases), 5):
            builder = ModelBuilder()
            for case in cases[start : start + 5]:
                case.add(builder)
            models.append(builder.build())

    collect()
    return models


def damaged(model: bytes, rng: random.Random) -> bytes:
    data = bytearray(model)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 8])):
        place, kind = rng.randrange(len(data)), rng.randrange(5)
        word = place & ~3
        if kind == 0:
            data[place] = rng.randrange(256)
        elif kind == 1:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 2:
            value = rng.choice([*WORDS, rng.randrange(-2000, 2000)])
            data[word : word + 4] = value.to_bytes(4, "little", signed=True)
        elif kind == 3:
            other = rng.randrange(len(data)) & ~3
            data[word : word + 8] = data[other : other + 8]
        else:
            del data[place : place + rng.choice([1, 4, 100])]
        if len(data) < 32:
            return bytes(data)
    return bytes(data)


def attempts(count: int, seed: int) -> Iterator[bytes]:
    """Of `count` damaged files those the engine takes; the others must have ended in an EdgePruneError."""
    rng, models = random.Random(seed), whole_models()
    for _ in range(count):
        data = damaged(rng.choice(models), rng)
        try:
            graph = clean(read_tflite(data))
            calls = lower(graph, rng.choice([Isa.REF, Isa.DSP]), Optimize.BALANCED)
            plan = make_plan(graph, calls)
            emit(graph, calls, plan, IDENTITY)
        except EdgePruneError:
            continue
        if plan.arena_bytes < RUN_BYTES_MAX:
            yield data


def check(count: int, runs: int, seed: int) -> None:
    taken = 0
    for data in attempts(count, seed):
        taken += 1
        if taken <= runs:
            run_engine(data, random_samples(data, 1, seed))
    assert taken > count // 50  # else the mutations only scratch the surface


def test_damaged_files() -> None:
    check(count=300, runs=6, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_a_hundred_thousand_damaged_files() -> None:
    check(count=100_000, runs=500, seed=random.randrange(1 << 30))
