"""An early exit in ResNet-8 on CIFAR-10: what it saves per input on the emulated Cortex-M4, and what it costs.

    python benchmarks/early_exit.py > benchmarks/results/early_exit.txt

Starts from ../shared/data/resnet8_cifar10.pt (83.15 % on the test JPEGs), which fits the target as it is: nothing is
thinned, and nothing trained but the exit's head. The network without exit goes the same way. Accuracy is int8 over
10,000 test images on this machine; instructions are the emulated board's over 100 of them, each answer the bytes of
LiteRT's reference interpreter under the exit's rule. Validation is held out of the training images, which the network
was trained on: it is surer there than on test images, and so is the exit.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import edgeprune
from edgeprune.errors import UsageError
from edgeprune.project.entry import load_entry
from edgeprune.train.forms.images import load_images

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
ALLOWED = (None, 0.5, 1.0, 2.0)  # points of accuracy on validation


def main() -> int:
    if not SHARED.is_dir():
        print("skipped: ../shared is not there")
        return 0
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(
        f"commit {commit.stdout.strip()}; ResNet-8 on CIFAR-10, cortex-m4 (emulated instructions), --optimize balanced"
    )
    data = load_images(SHARED / "data" / "cifar10_jpeg.zip", (3, 32, 32), resize=False)
    network = load_entry("resnet8.py:ResNet8", SHARED / "examples", UsageError)()
    network.load_state_dict(torch.load(SHARED / "data" / "resnet8_cifar10.pt"))
    print(f"{'allowed':>8} {'exit behind':>11} {'accuracy':>9} {'leave':>6} {'leave (board)':>14}", end=" ")
    print(f"{'mean':>11} {'least':>11} {'most':>11} {'flash B':>9} {'arena B':>8}")
    with tempfile.TemporaryDirectory() as runs:
        for allowed in ALLOWED:
            record = edgeprune.fit(
                network, data, target="cortex-m4", epochs=0, optimize="balanced", early_exit=allowed, runs=runs
            ).record
            early, ticks = record.early_exit, record.total_ticks
            board = early.on_board if early else None
            times = (ticks, ticks, ticks) if board is None else (board.mean, board.least, board.most)
            share = (0.0, 0.0) if early is None or board is None else (early.test_share, board.share)
            print(
                f"{'no exit' if allowed is None else f'{allowed} pt':>8} {early.after if early else '-':>11} "
                f"{record.accuracy.int8:>7.2f} % {share[0]:>6.1%} {share[1]:>14.0%} "
                + " ".join(f"{round(float(time)):>11,}" for time in times)
                + f" {record.flash_bytes:>9,} {record.arena_bytes:>8,}",
                flush=True,
            )
            assert record.verified_samples == 100 and np.isfinite(record.accuracy.int8)
    return 0


if __name__ == "__main__":
    sys.exit(main())
