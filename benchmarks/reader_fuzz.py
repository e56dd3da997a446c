"""Damaged files at every reader of files from outside: refused in words or taken, nothing else.

    python benchmarks/reader_fuzz.py [--count 100000] [--seed 1] [--until-s S] [--write] [reader ...]

Each file is an undamaged one with one to four changes (`tests/damaged_files.py`); a `.tflite` is a random network or
an operator of any kind. Files are written and read: TMPDIR=/dev/shm, where there is one, leaves the disk out of it.
Memory is bounded to 6 GiB, so a file that claims more than it holds ends the run. Exits with 1 where a reader raised
anything but an error with words and a hint, with the file kept. --write keeps a row for each reader and seed in
benchmarks/results/reader_fuzz.txt; pieces of a reader's files are calls with several seeds.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
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
ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "benchmarks" / "results" / "reader_fuzz.txt"
HEAD = f"{'reader':<12} {'seed':>4} {'files':>8} {'refused':>8} {'taken':>7} {'faults':>6} {'s':>6}  commit"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", default=list(READERS))
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--until-s", type=float, default=float("inf"), help="of each reader's files, as many as there is time for"
    )
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    faults = 0
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for name in given.readers:
            reader, rng, started = READERS[name], np.random.default_rng(given.seed), time.monotonic()
            done = refused = wrong = 0
            while done < given.count and time.monotonic() - started < given.until_s:
                done += 1
                content = reader.damaged(rng)
                try:
                    found = refusal(reader, content, Path(folder))
                    assert found is None or found.hint, f"refused without a hint: {found}"
                except Exception as fault:
                    wrong += 1
                    kept = Path(tempfile.gettempdir()) / f"reader-fault-{name}-{wrong}"
                    kept.write_bytes(content)
                    print(f"{name}: {type(fault).__name__}: {str(fault)[:120]} ({kept})", file=sys.stderr)
                    continue
                refused += found is not None
            faults += wrong
            taken = done - refused - wrong
            row = (
                f"{name:<12} {given.seed:>4} {done:>8,} {refused:>8,} {taken:>7,} {wrong:>6} "
                f"{time.monotonic() - started:>6.0f}  {commit.stdout.strip()}"
            )
            print(row, flush=True)
            if given.write:
                keep(row)
    return 1 if faults else 0


def keep(row: str) -> None:
    """In place of the row of the same reader and seed."""
    rows = {tuple(line.split()[:2]): line for line in KEPT.read_text().splitlines() if re.match(r"\w+ +\d+ ", line)}
    rows[tuple(row.split()[:2])] = row
    KEPT.write_text("\n".join([HEAD, *(rows[key] for key in sorted(rows))]) + "\n")


if __name__ == "__main__":
    sys.exit(main())
