"""Damaged files at every reader of files from outside: refused in words or taken, nothing else.

    python benchmarks/reader_fuzz.py [--count 100000] [--seed 1] [reader ...]

Each file is an undamaged one with one to four changes (`tests/damaged_files.py`). Memory is bounded to 6 GiB, so a file
that claims more than it holds ends the run. Exits with 1 where a reader raised anything but an error with words, with
the file kept.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.damaged_files import READERS, refusal

MEMORY_BYTES = 6 << 30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", default=list(READERS))
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    faults = 0
    print(f"{'reader':<12} {'files':>8} {'refused':>8} {'taken':>7} {'faults':>6} {'s':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name in given.readers:
            reader, rng, started = READERS[name], np.random.default_rng(given.seed), time.monotonic()
            refused = wrong = 0
            for _ in range(given.count):
                content = reader.damaged(rng)
                try:
                    found = refusal(reader, content, Path(folder))
                except Exception as fault:
                    wrong += 1
                    kept = Path(tempfile.gettempdir()) / f"reader-fault-{name}-{wrong}"
                    kept.write_bytes(content)
                    print(f"{name}: {type(fault).__name__}: {str(fault)[:120]} ({kept})", file=sys.stderr)
                    continue
                refused += found is not None and bool(found.hint)
            faults += wrong
            taken = given.count - refused - wrong
            print(
                f"{name:<12} {given.count:>8,} {refused:>8,} {taken:>7,} {wrong:>6} {time.monotonic() - started:>6.0f}",
                flush=True,
            )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
