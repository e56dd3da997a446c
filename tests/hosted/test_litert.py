"""A `.tflite` in LiteRT behind a real SSH server: this machine's own sessions, and 64-bit Arm Debian's under QEMU."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from edgeprune.cli.main import main
from edgeprune.deploy.hosted.litert import running_litert_here
from edgeprune.deploy.hosted.replies import values_of
from edgeprune.errors import DeviceError
from edgeprune.export.tflite import export_tflite
from edgeprune.files.shipped import shipped
from tests.hosted.sshd import HOST, Server
from tests.hosted.test_arm64 import pi  # noqa: F401
from tests.hosted.test_commands import command, model  # noqa: F401
from tests.unit.deploy.hosted.small_model import SHAPE, small

DEVICE = ["--device", f"ssh://{HOST}", "--runtime", "litert"]
START = shipped("firmware") / "hosted" / "litert" / "start.sh"


def environment(server: Server, *words: str) -> None:
    """The device's Python environment, which is this one started with `words`."""
    python = server.cache / "edgeprune" / "litert" / "bin" / "python3"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {" ".join(words)} "$@"\n')
    python.chmod(0o755)


def test_verify_run_and_profile(
    server: Server,
    model: list[str],  # noqa: F811
) -> None:
    environment(server)
    code, verified = command("verify", *model, *DEVICE, "--samples", "20")
    assert (code, verified["source"], verified["verified_samples"]) == (0, "device", 20), verified
    assert verified["runtime"].startswith("LiteRT ") and verified["same_bytes"] == 1.0
    code, ran = command("run", *model, *DEVICE, "--samples", "2")
    assert code == 0 and ran["source"] == "device" and ran["build_id"] == verified["runtime"]
    _, own = command("run", *model, "--device", f"ssh://{HOST}", "--samples", "2")
    step = 2 * small().model.graph.tensors[small().model.graph.outputs[0]].qparams.scale[0]
    assert all(
        abs(a - b) < step
        for row, mine in zip(ran["outputs"], own["outputs"], strict=True)
        for a, b in zip(row, mine, strict=True)
    )
    code, profiled = command("profile", *model, *DEVICE, "--repeats", "7", "--core", "0", "--threads", "2")
    assert profiled["threads"] > 2  # Python's own, and LiteRT's two
    latency = profiled["latency"]
    assert code == 0 and 0 < latency["p50_us"] <= latency["p90_us"] <= latency["most_us"] and profiled["core"] == 0
    kinds = [one["operator"] for one in profiled["operators"]]
    assert kinds == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "MEAN", "FULLY_CONNECTED"]
    assert all(one["mean_us"] > 0 and one["predicted_us"] > 0 for one in profiled["operators"])
    assert profiled["peak_rss_bytes"] > 1 << 20 and profiled["runtime_bytes"] > 1 << 20
    assert not server.left_over()


def test_without_a_device_this_machines_litert_computes(
    model: list[str],  # noqa: F811
) -> None:
    code, profiled = command("profile", *model, "--runtime", "litert")
    assert code == 0 and profiled["source"] == "host" and profiled["latency"] is None


def test_a_device_without_litert_is_told_how_to_get_it(
    server: Server,
    model: list[str],  # noqa: F811
) -> None:
    environment(server, "-I", "-S")
    code, told = command("profile", *model, *DEVICE)
    assert code == 4 and "has no LiteRT" in told["error"] and "No module named" in told["error"]
    assert "pip install ai-edge-litert" in told["hint"]


def test_a_device_without_python_reports_that_in_whole_lines(tmp_path: Path) -> None:
    shutil.copy(START, tmp_path)
    (tmp_path / "bin").mkdir()
    done = subprocess.run(
        ["/bin/sh", "start.sh", "x", "identity"], cwd=tmp_path, env={"PATH": str(tmp_path / "bin")}, capture_output=True
    )
    assert values_of(done.stdout, "it") == {"runtime": "none", "reason": "no python3 there"}


def test_a_file_that_litert_refuses_is_an_error_with_its_reason() -> None:
    with pytest.raises(DeviceError, match="LiteRT"), running_litert_here(b"nothing of the kind", 64):
        pass


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "cortex-m4"], "no operating system"),
        (["--target", "android", "--device", "adb:1"], "Android has none"),
    ],
)
def test_what_is_refused(words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "small.tflite").write_bytes(small().tflite)
    with pytest.raises(SystemExit) as ended:
        main(["run", str(tmp_path / "small.tflite"), *words, "--runtime", "litert"])
    told = capsys.readouterr().err
    assert ended.value.code == 2 and message in told and "hint:" in told


def test_what_would_only_be_compared_with_itself_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "small.tflite").write_bytes(small().tflite)
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path / "small.tflite"), "--target", "pi4", "--runtime", "litert"])
    assert ended.value.code == 2 and "compared with itself" in capsys.readouterr().err


def test_what_all_runtimes_decide_is_not_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["profile", str(tmp_path), "--all-runtimes", "--optimize", "size", "--runtime", "litert"])
    assert ended.value.code == 2 and "--runtime, --optimize would choose nothing" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["litert", "tflite-runtime"])
def test_a_pi_gives_this_machines_outputs_and_its_emulated_time_is_not_believed(
    pi: Server,  # noqa: F811
    tmp_path: Path,
    environment: str,
) -> None:
    if not Path(os.environ["EDGEPRUNE_ARM64_ROOT"], "opt", environment).is_dir():
        pytest.skip(f"EDGEPRUNE_ARM64_ROOT has no {environment}: make it again with scripts/arm64_root.sh")
    (pi.cache / "edgeprune").mkdir()
    (pi.cache / "edgeprune" / "litert").symlink_to(f"/opt/{environment}")
    (tmp_path / "net.tflite").write_bytes(without_dense_layers())
    words = ["--target", "pi4", *DEVICE]
    code, verified = command("verify", str(tmp_path / "net.tflite"), *words, "--samples", "20")
    assert code == 0, verified
    assert (verified["source"], verified["verified_samples"]) == ("device", 20)
    assert verified["runtime"].startswith({"litert": "LiteRT ", "tflite-runtime": "TensorFlow Lite 2."}[environment])
    assert verified["argmax_agreement"] >= 0.99 and verified["most_difference"] < 0.02
    code, profiled = command("profile", str(tmp_path / "net.tflite"), *words, "--repeats", "2")
    assert code == 0 and profiled["latency"] is None and profiled["operators"] == []
    assert profiled["runtime_bytes"] > 1 << 20
    if environment == "tflite-runtime":
        (tmp_path / "small.tflite").write_bytes(small().tflite)
        code, refused = command("verify", str(tmp_path / "small.tflite"), *words)
        assert code == 4 and "FULLY_CONNECTED" in refused["error"] and "ai-edge-litert" in refused["hint"]


def without_dense_layers() -> bytes:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.Flatten(),
    ).eval()  # fmt: skip
    return export_tflite(net, torch.rand(64, *SHAPE)).data
