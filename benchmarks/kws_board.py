"""MLPerf Tiny's keyword spotting on the emulated Cortex-M4: every sample's bytes beside LiteRT's, and the accuracy.

    python benchmarks/kws_board.py --write    # keeps the output in benchmarks/kws_board.txt

All 500 labelled samples of ../shared/data/mlperf-tiny, at each trade of flash for speed. A differing byte ends the
script with an error.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from models import SHARED, load_model

from edgeprune.deploy import compile_model, link_images, running_board
from edgeprune.kernels.base import Optimize
from edgeprune.measure import byte_rows, run_samples
from edgeprune.quantize.host import Kernels, int8_outputs
from edgeprune.target.registry import load_target

ROOT = Path(__file__).resolve().parents[1]
TARGET = "mps2-an386"


def report() -> list[str]:
    """A line for each trade.

    Raises:
        VerificationError: the board computes other bytes than LiteRT.
    """
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    target, model = load_target(TARGET), load_model("kws", ROOT / ".cache" / "models")
    with np.load(SHARED / "data" / "mlperf-tiny" / "kws01_samples.npz") as kept:
        samples, labels = kept["x"], kept["y"]
    expected = int8_outputs(model, samples, Kernels.REFERENCE)
    on_host = int((expected.reshape(len(labels), -1).argmax(axis=1) == labels).sum())
    lines = [
        f"commit {commit}; {TARGET} (emulated); {len(labels)} labelled samples; "
        f"LiteRT BUILTIN_REF is right in {on_host} ({on_host / len(labels):.1%})"
    ]
    for optimize in Optimize:
        compiled = compile_model(model, target, optimize=optimize, model_id="kws", command="benchmarks/kws_board.py")
        with tempfile.TemporaryDirectory() as folder:
            images = link_images(compiled, target, Path(folder))
            with running_board(images, target) as board:
                run = run_samples(board, byte_rows(samples), byte_rows(expected), lambda: None)
        right = int((run.outputs.view(np.int8).argmax(axis=1) == labels).sum())
        same = int((run.outputs == byte_rows(expected)).all(axis=1).sum())
        lines.append(
            f"{optimize:10}{same} of {len(labels)} samples with LiteRT's bytes; right in {right} "
            f"({right / len(labels):.1%}); {run.timings.total_ticks:,} instructions each"
        )
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="500 keyword samples on the emulated M4.")
    parser.add_argument("--write", action="store_true", help="keep the output in benchmarks/kws_board.txt")
    arguments = parser.parse_args()
    lines = report()
    print("\n".join(lines))
    if arguments.write:
        (ROOT / "benchmarks" / "kws_board.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
