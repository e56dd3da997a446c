"""MLPerf Tiny's keyword spotting on the emulated Cortex-M4: every sample's bytes beside LiteRT's, and the accuracy.

    python benchmarks/kws_board.py --write    # keeps the output in benchmarks/results/kws_board.txt

All 500 labelled samples of ../shared/data/mlperf-tiny, at each trade of flash for speed. A differing byte ends the
script with an error.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from kept import ROOT, commit, parser, publish
from models import SHARED, load_model

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import link_images, running_board
from edgeprune.deploy.firmware.measure import run_samples
from edgeprune.deploy.replay import byte_rows
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.hardware.registry import load_target
from edgeprune.quantize.host import Kernels, int8_outputs

TARGET = "mps2-an386"


def report() -> list[str]:
    """A line for each trade.

    Raises:
        VerificationError: the board computes other bytes than LiteRT.
    """
    target, model = load_target(TARGET), load_model("kws", ROOT / ".cache" / "models")
    with np.load(SHARED / "data" / "mlperf-tiny" / "kws01_samples.npz") as kept:
        samples, labels = kept["x"], kept["y"]
    expected = int8_outputs(model, samples, Kernels.REFERENCE)
    on_host = int((expected.reshape(len(labels), -1).argmax(axis=1) == labels).sum())
    lines = [
        f"commit {commit()}; {TARGET} (emulated); {len(labels)} labelled samples; "
        f"LiteRT BUILTIN_REF is right in {on_host} ({on_host / len(labels):.1%})"
    ]
    for optimize in Optimize:
        compiled = compile_model(model, target, CompileOptions(optimize, "kws", "benchmarks/kws_board.py"))
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
    given = parser("500 keyword samples on the emulated M4.", __file__).parse_args()
    publish(report(), given.write)


if __name__ == "__main__":
    main()
