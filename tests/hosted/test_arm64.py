"""A stand-in for a Raspberry Pi: a real SSH server whose sessions are 64-bit Arm Debian's, under proot and QEMU."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosted.sshd import HOST, MISSING, Server, is_missing
from tests.hosted.test_commands import command
from tests.unit.deploy.hosted.small_model import small

pytestmark = pytest.mark.slow
QEMU = "qemu-aarch64-static -cpu cortex-a72"


@pytest.fixture
def pi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    root = os.environ.get("EDGEPRUNE_ARM64_ROOT")
    if root is None or not Path(root, "bin", "sh").exists():
        pytest.skip("no folder of scripts/arm64_root.sh in EDGEPRUNE_ARM64_ROOT")
    if is_missing() or shutil.which("proot") is None:
        pytest.skip(f"{MISSING}; or proot is not")
    folder = tmp_path / "sshd"
    folder.mkdir()
    # Runtimes look for their cores in /sys; those of this machine's processor crash LiteRT's search for Arm's.
    cores = folder / "sys" / "devices" / "system" / "cpu"
    cores.mkdir(parents=True)
    for name in ("possible", "present"):
        (cores / name).write_text("0-3\n")
    bound = f"-b /dev -b /proc -b {folder}/sys:/sys -b {folder}"
    forced = f'proot -q "{QEMU}" -r {root} {bound} -w / /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    server = Server(folder, forced)
    server.start()
    monkeypatch.setenv("EDGEPRUNE_SSH", server.client_words())
    yield server
    server.stop()


def test_the_program_for_a_pi_runs_there_and_its_time_is_not_believed(pi: Server, tmp_path: Path) -> None:
    model = tmp_path / "small.tflite"
    model.write_bytes(small().tflite)
    words = [str(model), "--target", "pi4", "--device", f"ssh://{HOST}"]
    code, verified = command("verify", *words, "--samples", "5")
    assert (code, verified["source"], verified["verified_samples"]) == (0, "device", 5)
    code, profiled = command("profile", *words, "--repeats", "2")
    assert code == 0 and profiled["latency"] is None and all(layer["ns"] is None for layer in profiled["layers"])
