"""`edgeprune fit` of a trained ResNet-8 on CIFAR-10 into 96 KiB of flash and 40 KiB of RAM of a Cortex-M4.

    python benchmarks/cifar10.py [OPTIONS OF 'edgeprune fit'] > benchmarks/results/cifar10.txt

Starts from ../shared/data/resnet8_cifar10.pt (83.15 % on the test JPEGs) with 6 training epochs in all. Prints the
command's own tables: int8 accuracy on the host over 10,000 test images and on the emulated board over 100.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PROJECT = """
[model]
entry = "resnet8.py:ResNet8"
weights = "resnet8_cifar10.pt"
input = [3, 32, 32]
name = "ic01"

[data]
path = "{images}"
augment = "flip-crop"

[limits]
target = "cortex-m4"
flash = "96KiB"
ram = "40KiB"

[training]
epochs = 6
"""


def main() -> int:
    if not SHARED.is_dir():
        print("skipped: ../shared is not there")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(SHARED / "examples" / "resnet8.py", folder)
        shutil.copy(SHARED / "data" / "resnet8_cifar10.pt", folder)
        (folder / "edgeprune.toml").write_text(PROJECT.format(images=SHARED / "data" / "cifar10_jpeg.zip"))
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
        print(f"commit {commit.stdout.strip()}", flush=True)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "110"}
        command = [sys.executable, "-m", "edgeprune", "fit", *sys.argv[1:]]
        done = subprocess.run(command, cwd=folder, env=environment, check=False)
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
