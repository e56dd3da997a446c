"""benchmarks/runner_client.py, written from docs/console.md alone, against a keyword-spotting network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import link_images
from edgeprune.device.emulator.emulated_port import emulated_port
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.hardware.registry import load_target

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT.parent / "shared" / "data" / "mlperf-tiny"


@pytest.mark.skipif(not MODELS.is_dir(), reason="no ../shared/data/mlperf-tiny beside the repository")
def test_the_standards_runner_drives_the_firmware(tmp_path) -> None:
    target = load_target("mps2-an386")
    model = compile_model(
        (MODELS / "kws01_int8.tflite").read_bytes(), target, CompileOptions(Optimize.BALANCED, "kws01", "test")
    )
    image = link_images(model, target, tmp_path).own
    with emulated_port("mps2-an386", image.elf) as (port, _):
        client = [sys.executable, "-I", str(ROOT / "benchmarks" / "runner_client.py"), port, "kws01"]
        done = subprocess.run(
            [*client, str(MODELS / "kws01_samples.npz"), "--samples", "4"], capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = done.stdout.splitlines()[:2]
    assert first == "device EdgePrune, profile ULPMark for tinyML Firmware V0.0.1, model kws01"
    assert second.startswith("4 samples")
