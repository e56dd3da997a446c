"""`edgeprune emulate`, `devices`, `flash`, `monitor` and `boot` as a user runs them, on the emulated board."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeprune.device.board import open_board
from edgeprune.hardware.registry import load_target
from tests.emulator.boot.board import TARGET

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"XDG_RUNTIME_DIR": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "NO_COLOR": "1"}


def edgeprune(*arguments: object, environment: dict[str, str], text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgeprune", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, input=text, capture_output=True, text=True, timeout=120)


@pytest.fixture
def emulated(bootloader, environment):
    bootloader()  # skips where its sources are not to be had
    command = [sys.executable, "-m", "edgeprune", "emulate", "--target", TARGET]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    port = process.stdout.readline().decode().strip()
    yield port
    process.terminate()
    process.wait(30)
    process.stdout.close()


def test_a_board_is_found_flashed_and_watched(emulated, environment, application) -> None:
    listed = json.loads(edgeprune("devices", "--json", environment=environment).stdout)["devices"]
    assert [(device["address"], device["targets"]) for device in listed if device["kind"] == "emulator"] == [
        (emulated, [TARGET])
    ]
    for firmware in (application(1), application(2)):
        done = edgeprune("flash", firmware.elf, "--json", environment=environment)
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert (report["verified"], report["confirmed_build"]) == (True, firmware.build_id)
    seen = edgeprune("monitor", "--port", emulated, "--seconds", 3, environment=environment, text="ep id\n")
    assert f"m-ep-build-[{application(2).build_id}]" in seen.stdout


def test_a_packed_image_carries_its_signature(environment, application, tmp_path) -> None:
    assert edgeprune("boot", "keys", tmp_path / "mine", environment=environment).returncode == 0
    assert (tmp_path / "mine.key").stat().st_mode & 0o077 == 0
    again = edgeprune("boot", "keys", tmp_path / "mine", environment=environment)
    assert again.returncode == 2 and "there already" in again.stderr
    packed = edgeprune(
        "boot", "pack", application(1).elf, "--key", tmp_path / "mine.key", "--out", tmp_path / "app.bin",
        environment=environment,
    )  # fmt: skip
    assert packed.returncode == 0, packed.stderr
    assert (tmp_path / "app.bin").read_bytes().startswith(b"EPI1")


def test_refusals_have_their_exit_codes(environment, application, tmp_path) -> None:
    wrong = edgeprune("flash", application(1).elf, "--target", "nucleo-f446re", environment=environment)
    assert wrong.returncode == 2 and f"was built for {TARGET}" in wrong.stderr
    alone = edgeprune("flash", application(1).elf, environment=environment)
    assert alone.returncode == 4 and "no device" in alone.stderr
    (tmp_path / "x.bin").write_bytes(b"1234")
    unknown = edgeprune("flash", tmp_path / "x.bin", environment=environment)
    assert unknown.returncode == 2 and "--target" in unknown.stderr


def test_an_application_for_the_bootloader_runs_alone_in_the_emulator(application) -> None:
    firmware = application(1)
    with open_board(load_target(TARGET), firmware.elf, firmware.build_id) as console:
        assert console.identity().target == TARGET


def test_a_board_is_profiled_without_naming_its_port(emulated, environment, application) -> None:
    firmware = application(1)
    assert edgeprune("flash", firmware.elf, environment=environment).returncode == 0
    done = edgeprune(
        "profile", firmware.elf, "--target", TARGET, "--port", "auto", "--json", environment=environment
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["source"], len(report["layers"])) == ("emulator", 3)
