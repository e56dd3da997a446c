"""Random PyTorch networks from their trace to bytes.

    python benchmarks/random_networks.py --count 2000 --write [--pieces FILE]

Each is traced and written as a float file that LiteRT runs within 1e-4 of PyTorch, with its fast kernels and with its
reference ones, and that is read back as the same graph; quantized and written as int8; predicted from the trace, at
full width and at widths drawn at random, as what is exported; and compiled by our engine, whose C gives LiteRT's bytes
on this machine (`tests/checked_module.py`). Exit code 1 where one fails.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kept import Pieces, commit, parser, publish

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind
from tests.checked_module import Checked, check_module
from tests.random_modules import random_module

_QUANTILES = (0, 1, 10, 50, 90)
_PIECE = 25  # networks


def main() -> int:
    options = parser("Random PyTorch networks from their trace to bytes.", __file__)
    options.add_argument("--count", type=int, default=2000, help="networks")
    options.add_argument("--first", type=int, default=0, help="seed of the first")
    given = options.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # torch's, of even kernels with padding="same"
    pieces, passed, refused, faults, seconds = Pieces(given.pieces), list[Checked](), list[str](), list[str](), 0.0
    for first in range(given.first, given.first + given.count, _PIECE):
        seeds = range(first, min(first + _PIECE, given.first + given.count))
        found = pieces.measured(f"{seeds}", partial(_piece, seeds))
        passed += [
            Checked(Counter({OpKind(kind): n for kind, n in one[0].items()}), *one[1:]) for one in found["passed"]
        ]
        refused, faults, seconds = refused + found["refused"], faults + found["faults"], seconds + found["seconds"]
    lines = [
        f"commit {commit()}, torch {torch.__version__}: {given.count:,} networks, seeds {given.first} to "
        f"{given.first + given.count - 1}, {seconds:,.0f} s",
        *_summary(passed),
        f"refused when traced: {len(refused)}", *refused,
        f"faults: {len(faults)}", *faults,
    ]  # fmt: skip
    publish(lines, given.write)
    return 1 if faults else 0


def _piece(seeds: range) -> dict[str, Any]:
    passed, refused, faults, started = list[object](), list[str](), list[str](), time.monotonic()
    for seed in seeds:
        try:
            one = check_module(*random_module(seed), seed)
            passed.append([{str(kind): n for kind, n in one.operators.items()}, one.float_error, one.sqnr_db])
        except UnsupportedOp as told:
            refused.append(f"  seed {seed}: {told}")
        except Exception as fault:
            faults.append(f"  seed {seed}: {type(fault).__name__} {str(fault)[:300]}")
            print(faults[-1], file=sys.stderr, flush=True)
    return {"passed": passed, "refused": refused, "faults": faults, "seconds": time.monotonic() - started}


def _summary(passed: Sequence[Checked]) -> list[str]:
    errors = np.array([one.float_error for one in passed])
    ratios = np.array([one.sqnr_db for one in passed if np.isfinite(one.sqnr_db)])  # no output is zero for all samples
    kinds = sum((one.operators for one in passed), Counter[OpKind]())
    return [
        f"passed: {len(passed):,}, of {sum(kinds.values()):,} operators of {len(kinds)} kinds in their int8 files",
        f"largest float error, of the largest output: {errors.max():.1e}, half of them below {np.median(errors):.1e}",
        "int8 SQNR, min/max ranges: "
        + ", ".join(f"{np.percentile(ratios, q):.1f} dB ({q} %)" for q in _QUANTILES),
        "operators: " + ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common()),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
