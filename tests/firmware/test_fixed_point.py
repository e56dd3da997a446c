"""ep_fixed_point.h, compiled for the host, and its twin in numpy against Python's exact integers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgeprune.engine.kernels import fixed_point
from edgeprune.files.shipped import shipped
from tests.firmware.host_engine import SANITIZED, WARNINGS

PROGRAM = r"""
#include <stdio.h>
#include "ep_fixed_point.h"
int main(void)
{
    int32_t in[3], out[4];
    while (fread(in, sizeof in, 1, stdin) == 1) {
        out[0] = ep_multiply_high(in[0], in[1]);
        out[1] = in[2] <= 0 ? ep_shift_right_round(in[0], -in[2]) : 0;
        out[2] = ep_requant(in[0], in[1], in[2]);
        out[3] = in[2] <= 0 ? ep_requant_once(in[0], in[1], in[2]) : 0;
        fwrite(out, sizeof out, 1, stdout);
    }
    return 0;
}
"""
EDGES = (0, 1, -1, 2, -2, 3, -3, (1 << 30) - 1, 1 << 30, -(1 << 30), (1 << 31) - 1, 1 - (1 << 31), -(1 << 31))
MULTIPLIERS = (0, 1 << 30, (1 << 30) + 1, 1518500250, (1 << 31) - 1)
SHIFTS = tuple(range(-31, 31))


def halves_upwards(numerator: int, exponent: int) -> int:
    return (2 * numerator + (1 << exponent)) // (1 << (exponent + 1))


def halves_away(numerator: int, exponent: int) -> int:
    size = halves_upwards(abs(numerator), exponent)
    return size if numerator >= 0 else -size


def wrapped(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def expected(x: int, multiplier: int, shift: int) -> tuple[int, int, int, int]:
    product = halves_upwards(x * multiplier, 31)
    if shift > 0:
        return product, 0, halves_upwards(wrapped(x << shift) * multiplier, 31), 0
    once = halves_upwards(x * multiplier, 31 - shift)
    return product, halves_away(x, -shift), halves_away(product, -shift), once


@pytest.fixture(scope="module")
def cases() -> np.ndarray:
    """(n, 3) x, multiplier, shift: every edge with every multiplier and shift, ties, and as many random ones."""
    edges = [(x, m, s) for x in EDGES for m in MULTIPLIERS for s in SHIFTS]
    ties = [(sign * (odd << -s >> 1), 1 << 30, s + 1) for s in SHIFTS if s < 0 for odd in (1, 3, 5) for sign in (1, -1)]
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 32, 4000)
    x = rng.integers(-(1 << 31), 1 << 31, 4000) >> bits
    multiplier = rng.integers(1 << 30, 1 << 31, 4000)
    random = np.stack([x, multiplier, rng.integers(-31, 31, 4000)], axis=1)
    fitting = [case for case in ties if -(1 << 31) <= case[0] < 1 << 31]
    return np.concatenate([edges, fitting, random]).astype(np.int32)


def test_c_is_exact(cases: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(PROGRAM)
    include = f"-I{shipped('firmware') / 'include'}"
    subprocess.run(["gcc", *WARNINGS, *SANITIZED, include, "main.c", "-o", "main"], cwd=tmp_path, check=True)
    ran = subprocess.run([tmp_path / "main"], input=cases.tobytes(), capture_output=True, check=True)
    computed = np.frombuffer(ran.stdout, np.int32).reshape(-1, 4)
    np.testing.assert_array_equal(computed, [expected(*case) for case in cases.tolist()])


def test_numpy_is_exact(cases: np.ndarray) -> None:
    for x, multiplier, shift in cases.tolist():
        product, _, twice, _ = expected(x, multiplier, shift)
        assert fixed_point.multiply_high(np.array([x]), multiplier)[0] == product
        assert fixed_point.requant(np.array([x]), multiplier, shift)[0] == twice
