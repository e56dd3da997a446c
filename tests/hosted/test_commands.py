"""`run`, `verify`, `profile` and a fit on a device behind a real SSH server, which is this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgeprune.budget import Budget, Optimize
from edgeprune.deploy.hosted.deployment import HostedDeployment
from edgeprune.deploy.protocol import Setup
from edgeprune.engine.compile import CompileOptions
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.fitting.loop import run_fit
from edgeprune.hardware.hosted import Architecture
from edgeprune.toolchain.linux import this_machine
from tests.command_line import run_edgeprune
from tests.hosted.sshd import HOST, Server
from tests.unit.deploy.hosted.small_model import computer, small, small_net
from tests.unit.fitting.small_job import job_in

ADDRESS = f"ssh://{HOST}"

pytestmark = pytest.mark.skipif(
    this_machine() is not Architecture.X86_64, reason="the device is this machine, and the tests' target x86-64"
)


@pytest.fixture
def model(tmp_path: Path) -> list[str]:
    """Words that name the small network and a target this machine is."""
    (tmp_path / "small.tflite").write_bytes(small().tflite)
    pi = Path(__file__).resolve().parents[2] / "targets" / "raspberry-pi" / "raspberry-pi-4b.toml"
    lines = [line for line in pi.read_text().splitlines() if not line.startswith("aliases")]
    text = "\n".join(lines).replace('"raspberry-pi-4b"', '"computer"').replace('"aarch64"', '"x86_64"')
    (tmp_path / "computer.toml").write_text(text)
    return [str(tmp_path / "small.tflite"), "--target", str(tmp_path / "computer.toml")]


def command(*words: str) -> tuple[int, dict]:
    done = run_edgeprune(*words, "--json", cwd=Path())
    return done.returncode, json.loads(done.stdout)


def test_verify_and_run(server: Server, model: list[str]) -> None:
    code, verified = command("verify", *model, "--device", ADDRESS, "--samples", "5")
    assert (code, verified["source"], verified["verified_samples"]) == (0, "device", 5)
    code, ran = command("run", *model, "--device", ADDRESS, "--samples", "2")
    assert code == 0 and ran["source"] == "device" and [len(row) for row in ran["outputs"]] == [4, 4]


def test_profile_measures_there_and_nowhere_else(server: Server, model: list[str]) -> None:
    code, there = command("profile", *model, "--device", ADDRESS, "--repeats", "7", "--core", "0")
    assert code == 0 and there["source"] == "device" and there["core"] == 0
    latency = there["latency"]
    assert 0 < latency["least_us"] <= latency["p50_us"] <= latency["p90_us"] <= latency["p99_us"] <= latency["most_us"]
    assert there["peak_rss_bytes"] > there["arena_bytes"]
    assert all(layer["ns"] >= 0 and layer["predicted_ns"] > 0 for layer in there["layers"])
    code, here = command("profile", *model)
    assert code == 0 and here["source"] == "host" and here["latency"] is None
    assert all(layer["ns"] is None for layer in here["layers"])
    code, told = command("profile", *model, "--threads", "2")
    assert code == 2 and "has one thread" in told["error"]


def test_another_architecture_is_refused(server: Server, model: list[str]) -> None:
    code, told = command("verify", model[0], "--target", "pi4", "--device", ADDRESS)
    assert code == 4 and "x86_64" in told["error"] and "aarch64" in told["error"]
    assert not (server.cache / "edgeprune").exists()


def test_a_fit_is_judged_by_what_the_device_took(server: Server, tmp_path: Path) -> None:
    job = job_in(tmp_path, epochs=1, board_samples=10, port=ADDRESS)
    limits = Budget(1 << 20, 1 << 24, latency_us=10e6)
    setup = Setup(computer(), limits, job.splits.calibration, ADDRESS, job.workspace, job.progress)
    deployment = HostedDeployment(setup, CompileOptions(Optimize.BALANCED))
    record = run_fit(
        replace(job, target=computer(), deployment=deployment), GRANULARITIES.find("channels"), small_net()
    )
    assert record.fits and (record.source, record.board) == ("device", ADDRESS)
    assert record.after.latency_us is not None and record.total_us is not None
    assert all(layer.measured_ticks is not None for layer in record.layers)
