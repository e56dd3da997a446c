"""`edgeprune fit` by channels, single weights, kernels, patterns, random masks and clusters, at the same linked flash.

    python benchmarks/granularities.py [GRANULARITY ...] > benchmarks/results/granularities.txt

Two networks on the emulated Cortex-M4, limited in flash alone: ResNet-8 on CIFAR-10 (../shared, 20,000 of its training
images, 3 epochs) and three dense layers on the digits that come along. `--optimize size` throughout: its code is the
smallest for each; "channels, balanced" is what fit does unasked. Accuracy: int8, over all test samples, one seed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edgeprune.fitting.record import RunRecord
from edgeprune.model.load import load_module
from edgeprune.project.file import default_project
from edgeprune.tasks.python import fit
from edgeprune.train.data import load_data
from edgeprune.train.finetune import finetune
from edgeprune.train.forms.images import load_images
from edgeprune.train.objective import make_objective
from edgeprune.train.splits import Splits
from edgeprune.train.training_state import TrainSettings

SHARED = Path(__file__).resolve().parents[2] / "shared"
WAYS = ("channels", "weights", "clusters", "kernels", "patterns", "randomized")
LIMITS = {"ResNet-8": "48KiB", "dense": "40KiB"}
_TRAINED_ON = 20_000


def resnet8() -> tuple[nn.Module, dict[str, Any]]:
    module = load_module("resnet8.py:ResNet8", "../data/resnet8_cifar10.pt", SHARED / "examples")
    arrays = load_images(SHARED / "data" / "cifar10_jpeg.zip", (3, 32, 32), False)
    images, labels = arrays["train"]
    order = np.random.default_rng(0).permutation(len(images))
    held, rest = order[:1000], order[1000 : 1000 + _TRAINED_ON]
    train, validation = ((images[part], labels[part]) for part in (rest, held))
    return module, {"train": train, "validation": validation, "test": arrays["test"]}


def dense() -> tuple[nn.Module, dict[str, Any]]:
    """1024-128-128-10 on the bundled digits, trained here."""
    project = default_project()
    splits = load_data(project)
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Flatten(), nn.Linear(1024, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    finetune(module, splits, make_objective(project), TrainSettings(epochs=20, batch=64, optimizer="sgd"))
    return module, _arrays(splits)


def _arrays(splits: Splits) -> dict[str, Any]:
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    return {name: (split.tensor().numpy(), split.targets.numpy()) for name, split in parts.items()}


def fitted(network: str, way: str, optimize: str | None, module: nn.Module, data: Mapping[str, Any]) -> RunRecord:
    epochs, augment = (3, "crop") if network == "ResNet-8" else (12, "none")
    with tempfile.TemporaryDirectory() as runs:
        return fit(
            module, data, target="cortex-m4", flash=LIMITS[network], epochs=epochs, granularity=way, optimize=optimize,
            augment=augment, runs=runs, name=network,
        ).record  # fmt: skip


def row(label: str, record: RunRecord, seconds: float) -> str:
    accuracy, masks = record.accuracy, record.masks
    saved = "" if masks is None else f"  {masks.density:6.1%} stay, {masks.saved_bytes:,} B saved"
    return (
        f"  {label:<20} {record.flash_bytes:>7,} {record.ram_bytes:>7,} {record.macs / 1e6:>6.2f} "
        f"{record.total_ticks / 1e6:>7.2f} {accuracy.int8:>6.2f}  {seconds:>4.0f} s{saved}"
    )


def main() -> int:
    chosen = sys.argv[1:] or list(WAYS)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(f"commit {commit.stdout.strip()}; emulated Cortex-M4; instructions of one inference")
    makers = {"ResNet-8": resnet8, "dense": dense} if SHARED.is_dir() else {"dense": dense}
    for network, make in makers.items():
        module, data = make()
        torch.set_num_threads(1)
        print(f"{network}, {LIMITS[network]} of flash")
        print(f"  {'':<20} {'flash B':>7} {'RAM B':>7} {'MMACs':>6} {'M instr':>7} {'int8 %':>6}  CPU time", flush=True)
        for way in chosen:
            for optimize in ("size", None) if way == "channels" else ("size",):
                started = time.process_time()
                record = fitted(network, way, optimize, module, data)
                label = way if optimize else f"{way}, balanced"
                print(row(label, record, time.process_time() - started), flush=True)
        print(f"  {'as it was':<20} {record.before.flash_bytes:>7,} {record.before.ram_bytes:>7,} "
              f"{record.before.macs / 1e6:>6.2f} {'':>7} {record.accuracy.float_before:>6.2f} (float)")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
