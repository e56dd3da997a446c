"""`edgeprune doctor`: what this machine has of what EdgePrune uses, and the command that mends each gap."""

from __future__ import annotations

import grp
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from edgeprune.device.discovery.serial_ports import serial_ports
from edgeprune.device.emulator.emulator import find_emulator
from edgeprune.device.machines.local import emulator_of
from edgeprune.errors import EdgePruneError
from edgeprune.hardware.hosted import Architecture
from edgeprune.toolchain.linux import find_linux_compiler, this_machine
from edgeprune.toolchain.toolchain import find_toolchain

_LEAST_FREE_BYTES = 2 << 30
_PROBE_VENDORS = ("0483", "0d28", "1366", "2e8a")  # ST-Link, DAPLink, J-Link, Raspberry Pi's debug probe
_PACKAGES = {
    "torch": "thinning and training",
    "ai-edge-litert": "the reference outputs",
    "vl-convert-python": "the charts of reports",
}
_EXTRAS = {
    "ziglang": ("zig", "a cross compiler without root"),
    "litert-torch": ("litert-torch", "`export --converter litert-torch`"),
    "pymonocypher": ("boot", "signing images"),
    "pyocd": ("swd", "writing through a debug probe"),
}


class State(StrEnum):
    GOOD = "good"
    MISSING = "missing"  # nothing works without it
    ABSENT = "absent"  # only what it is for does not work
    TROUBLE = "trouble"  # there, and in the way or unusable


@dataclass(frozen=True)
class Checkup:
    """One thing looked at.

    Attributes:
        found: what is there, or why it is not.
        serves: what it is for.
        mend: a command to type; None where there is nothing to mend.
    """

    name: str
    state: State
    found: str
    serves: str
    mend: str | None = None


def checkups() -> list[Checkup]:
    """Everything, in the order it is needed. Nothing is changed; seconds, for torch is imported once."""
    looks: tuple[Callable[[], Iterator[Checkup]], ...] = (
        _python, _packages, _torch, _compilers, _emulators, _disk, _serial, _modem_manager, _probes, _remote,
    )  # fmt: skip
    return [found for look in looks for found in look()]


def _python() -> Iterator[Checkup]:
    found, fits = sys.version.split()[0], (3, 11) <= sys.version_info < (3, 15)
    state = State.GOOD if fits else State.TROUBLE
    yield Checkup("python", state, found, "everything", None if fits else _system("python3.11", "python@3.11"))


def _packages() -> Iterator[Checkup]:
    for name, serves in _PACKAGES.items():
        version = _version(name)
        mend = f"{sys.executable} -m pip install edgeprune"
        yield Checkup(name, State.GOOD if version else State.MISSING, version or "not installed", serves,
                      None if version else mend)  # fmt: skip
    for name, (extra, serves) in _EXTRAS.items():
        version = _version(name)
        mend = f"{sys.executable} -m pip install 'edgeprune[{extra}]'"
        yield Checkup(name, State.GOOD if version else State.ABSENT, version or "not installed", serves,
                      None if version else mend)  # fmt: skip


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _torch() -> Iterator[Checkup]:
    """Installed is not usable: libraries of another system or a cut-off download show when it is imported."""
    if _version("torch") is None:
        return
    code = "import torch; print('CUDA' if torch.cuda.is_available() else 'CPU')"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    if done.returncode == 0:
        yield Checkup("torch starts", State.GOOD, f"trains on {done.stdout.strip()}", "thinning and training")
        return
    why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    mend = f"{sys.executable} -m pip install --force-reinstall --no-deps torch=={_version('torch')}"
    yield Checkup("torch starts", State.MISSING, why, "thinning and training", mend)


def _compilers() -> Iterator[Checkup]:
    yield _tool(
        "Cortex-M compiler", lambda: find_toolchain().version, State.MISSING, "linking firmware: fit, build",
        _system("gcc-arm-none-eabi", "arm-none-eabi-gcc") or f"{sys.executable} -m pip install 'edgeprune[zig]'",
    )  # fmt: skip
    for architecture in Architecture:
        yield _tool(
            f"{architecture} Linux compiler", partial(_linux_compiler, architecture), State.ABSENT,
            "programs for Linux and Android devices", f"{sys.executable} -m pip install 'edgeprune[zig]'",
        )  # fmt: skip


def _linux_compiler(architecture: Architecture) -> str:
    return find_linux_compiler(architecture).version


def _emulators() -> Iterator[Checkup]:
    yield _tool(
        "qemu-system-arm", lambda: _first_line(find_emulator(), "--version"), State.MISSING,
        "measuring without a board: fit, profile, verify", _system("qemu-system-arm", "qemu"),
    )  # fmt: skip
    for architecture in Architecture:
        words = emulator_of(architecture, ())
        is_own = architecture is this_machine()
        found = "this machine runs them itself" if is_own else words[0] if words else "no QEMU of user mode"
        state = State.GOOD if is_own or words else State.ABSENT
        mend = None if state is State.GOOD else _system("qemu-user", None)
        yield Checkup(f"{architecture} programs", state, found, "running programs of other processors here", mend)


def _tool(name: str, look: Callable[[], str], otherwise: State, serves: str, mend: str | None) -> Checkup:
    try:
        return Checkup(name, State.GOOD, look(), serves)
    except EdgePruneError as problem:
        return Checkup(name, otherwise, problem.message, serves, mend)


def _first_line(program: str, *words: str) -> str:
    done = subprocess.run([program, *words], capture_output=True, text=True)
    return (done.stdout.strip().splitlines() or [program])[0]


def _disk() -> Iterator[Checkup]:
    for name, folder in (("space here", Path.cwd()), ("space for temporary files", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free
        state = State.GOOD if free >= _LEAST_FREE_BYTES else State.TROUBLE
        mend = None if state is State.GOOD else f"du -xh --max-depth=2 {folder} | sort -h | tail"
        yield Checkup(name, state, f"{free / (1 << 30):,.1f} GiB free in {folder}", "runs and builds", mend)


def _serial() -> Iterator[Checkup]:
    ports = serial_ports()
    for port in ports:
        mend = "sudo usermod -aG dialout $USER  # then log in again"
        yield Checkup(port.address, State.TROUBLE if port.note else State.GOOD, port.note or port.title,
                      "a board's console", mend if port.note else None)  # fmt: skip
    if not ports:
        yield Checkup("serial ports", State.ABSENT, "no USB serial port is plugged in", "a board's console")
    if sys.platform == "linux" and not _in_dialout():
        yield Checkup("group dialout", State.ABSENT, "this user is not in it", "a board's console",
                      "sudo usermod -aG dialout $USER  # then log in again")  # fmt: skip


def _in_dialout() -> bool:
    try:
        return os.geteuid() == 0 or grp.getgrnam("dialout").gr_gid in os.getgroups()
    except KeyError:  # systems without such a group have another way
        return True


def _modem_manager(processes: Path = Path("/proc")) -> Iterator[Checkup]:
    """It opens every new serial port and writes to it: the first seconds of a board are lost."""
    names = (path for path in processes.glob("[0-9]*/comm"))
    if any(_text(path) == "ModemManager" for path in names):
        yield Checkup("ModemManager", State.TROUBLE, "runs, and writes to new serial ports", "a board's console",
                      "sudo systemctl disable --now ModemManager")  # fmt: skip


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _probes(rules: tuple[Path, ...] = (Path("/etc/udev/rules.d"), Path("/usr/lib/udev/rules.d"))) -> Iterator[Checkup]:
    serves = "writing through a debug probe"
    if sys.platform == "linux":
        texts = [_text(path) for folder in rules for path in sorted(folder.glob("*.rules"))]
        missing = [vendor for vendor in _PROBE_VENDORS if not any(vendor in text for text in texts)]
        rule = "".join(f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor}", MODE="0666"\\n' for vendor in missing)
        mend = f"printf '{rule}' | sudo tee /etc/udev/rules.d/60-probes.rules && sudo udevadm control --reload"
        found = f"no rule for {', '.join(missing)}" if missing else "rules for the usual probes"
        yield Checkup("udev rules", State.ABSENT if missing else State.GOOD, found, serves, mend if missing else None)
    if _version("pyocd") is not None:
        packs = [path for path in _packs_folder().rglob("*.pack")]
        found = f"{len(packs)} in {_packs_folder()}" if packs else "none: only the chips pyOCD knows itself"
        fetch = None if packs else f"{sys.executable} -m pyocd pack install stm32h743"
        yield Checkup("CMSIS packs", State.GOOD if packs else State.ABSENT, found, serves, fetch)


def _packs_folder() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "cmsis-pack-manager"


def _remote() -> Iterator[Checkup]:
    for program, package, serves in (
        ("ssh", "openssh-client", "`--device ssh://USER@HOST`"),
        ("adb", "adb", "phones: `--device adb:SERIAL`"),
    ):
        path = shutil.which(program)
        mend = None if path else _system(package, package)
        yield Checkup(program, State.GOOD if path else State.ABSENT, path or "not installed", serves, mend)


def _system(apt: str, brew: str | None) -> str | None:
    """The command of this system's package manager."""
    if shutil.which("apt-get"):
        return f"sudo apt-get install -y {apt}"
    if brew is not None and shutil.which("brew"):
        return f"brew install {brew}"
    return None
