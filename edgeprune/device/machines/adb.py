"""A shell on an Android device through the `adb` program (its shell protocol 2: Android 7 and later)."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

from edgeprune.device.machines.machine import KILLED_BY_TIMEOUT, Reply
from edgeprune.errors import DeviceError, ToolchainError

SCHEME = "adb:"

# What adb prints on its own behalf -> what to do about it.
_REMEDIES = (
    ("unauthorized", "is not authorized", "unlock it and allow USB debugging from this computer"),
    ("still authorizing", "is not authorized yet", "unlock it and allow USB debugging from this computer"),
    ("device offline", "is offline", "unplug it, plug it in again, or `adb reconnect`"),
    ("not found", "is not connected", "`adb devices` lists what is; `edgeprune devices` as well"),
    ("no devices", "is not connected", "plug it in and allow USB debugging; `adb devices` lists what is there"),
    ("more than one device", "is one of several", "name its serial number: --device adb:SERIAL"),
    ("insufficient permissions", "may not be opened", "`adb devices` names the udev rule that is missing"),
    ("protocol fault", "broke off", "run it again: nothing is half-installed"),
    ("closed", "broke off", "run it again: nothing is half-installed"),
    ("cannot connect to daemon", "cannot be reached: adb's server does not start", "`adb start-server` says why"),
)
_ADB_FAILED = 1


class AdbShell:
    """`Transport` of `behind_shell.py`. EDGEPRUNE_ADB holds other words to start the program with."""

    def __init__(self, serial: str):
        """Args:
        serial: empty for the only device.
        """
        self._words = shlex.split(os.environ.get("EDGEPRUNE_ADB") or "adb")
        if shutil.which(self._words[0]) is None:
            raise ToolchainError(
                f"{self._words[0]} is not installed", hint="`apt install adb`, or Android's platform-tools"
            )
        self._serial = serial

    @property
    def name(self) -> str:
        return f"{SCHEME}{self._serial}"

    @property
    def cache(self) -> str:
        return "/data/local/tmp/edgeprune"

    def send(self, script: str, given: bytes, timeout_s: float) -> Reply:
        chosen = ["-s", self._serial] if self._serial else ["-d"]
        command = [*self._words, *chosen, "shell", "-T", f"sh -c {shlex.quote(script)}"]
        try:
            done = subprocess.run(command, input=given, capture_output=True, timeout=timeout_s, check=False)
        except subprocess.TimeoutExpired:
            return Reply(KILLED_BY_TIMEOUT, b"", "")
        errors = done.stderr.decode("utf-8", "replace")
        own = [line for line in errors.splitlines() if line.startswith(("error:", "adb:", "* "))]
        if done.returncode == _ADB_FAILED and own:
            raise self._failure("\n".join(own))
        return Reply(done.returncode, done.stdout, errors)

    def close(self) -> None:
        """Nothing is held open: adb's server keeps the connection."""

    def _failure(self, errors: str) -> DeviceError:
        named = self.name if self._serial else "the Android device"
        for text, what, remedy in _REMEDIES:
            if text in errors:
                return DeviceError(f"{named} {what}", hint=remedy)
        return DeviceError(f"{named}: {errors.splitlines()[-1][:300]}", hint="`adb devices` shows its state")
