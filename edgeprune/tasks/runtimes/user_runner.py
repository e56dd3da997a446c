"""A run's `.tflite`, a `.tflite` or a `.pte` in a runner of the user's own on a device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeprune.deploy.hosted.timing import Timing
from edgeprune.deploy.hosted.user_runner.drive import RunnerReport, timed_by
from edgeprune.device.discovery.discover import choose_device, find_devices
from edgeprune.device.found import Ability, Kind
from edgeprune.errors import UsageError
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target
from edgeprune.tasks.fit import FitRequest
from edgeprune.tasks.program_subject import AUTO

_SUFFIXES = (".tflite", ".pte")


@dataclass(frozen=True)
class RunnerProfile:
    """file_bytes: of the model."""

    name: str
    target: Target
    file_bytes: int
    report: RunnerReport


def profile_by_runner(
    path: Path, target: str | None, address: str | None, runner: Path, timing: Timing
) -> RunnerProfile:
    """Args:
        path: a run folder, a `.tflite` or a `.pte`.
        target: name or TOML; None: the run's own.
        address: of a device; "auto": the only one connected.

    Raises:
        UsageError: nothing a runner takes, no target with an operating system, no device.
        DeviceError: as `timed_by`.
    """
    model = path / "model.tflite" if path.is_dir() else path
    if model.suffix not in _SUFFIXES:
        raise UsageError(f"{path} is nothing that a runner loads", hint="give a .tflite, a .pte or a run folder")
    if target is None and path.is_dir():
        target = FitRequest.noted_in(path).target
    if target is None:
        raise UsageError(f"{path.name} names no target", hint="--target pi4, or a TOML file of your own")
    chosen = load_target(target)
    if chosen.hosted is None:
        raise UsageError(f"{chosen.name} has no operating system", hint="--runner is for Linux and Android")
    if address is None:
        raise UsageError(
            "a runner measures a device, and none is named", hint="--device ssh://USER@HOST, or --device adb:SERIAL"
        )
    if address == AUTO:
        address = choose_device(find_devices(), Ability.PROFILE, (Kind.SSH, Kind.ADB), chosen.name).address
    report = timed_by(runner, model, chosen, address, timing)
    return RunnerProfile(path.name, chosen, model.stat().st_size, report)
