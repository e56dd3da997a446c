"""How long `edgeprune --help` takes: each run a fresh interpreter. The aim is under 0.4 s.

python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 11


def main() -> None:
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "edgeprune", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    print(f"edgeprune --help: median {statistics.median(seconds):.3f} s, slowest {max(seconds):.3f} s of {RUNS} runs")


if __name__ == "__main__":
    main()
