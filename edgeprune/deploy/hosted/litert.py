"""A `.tflite` in LiteRT on a machine: `firmware/hosted/litert/runner.py` in the Python that the machine has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

from edgeprune.deploy.hosted.place import architecture_on
from edgeprune.deploy.hosted.runtime_session import RuntimeSession, check_input_bytes, identity, this_linux
from edgeprune.device.machines import adb
from edgeprune.device.machines.machine import Machine
from edgeprune.device.machines.named import machine_at
from edgeprune.errors import DeviceError, UsageError
from edgeprune.files.shipped import shipped
from edgeprune.hardware.profile import Target

_FILE_NAME = "model.tflite"
_SHIPPED = ("runner.py", "start.sh")
_NAMES = {"ai_edge_litert": "LiteRT", "tflite_runtime": "TensorFlow Lite"}
_SET_UP = (
    "there, once: python3 -m venv ~/.cache/edgeprune/litert && ~/.cache/edgeprune/litert/bin/pip install "
    "ai-edge-litert (older systems: 'tflite-runtime' 'numpy<2')"
)
_UNKNOWN_OPERATOR = "Didn't find op"
_NEWER = (
    "that runtime is older than the file: ai-edge-litert has its operators (dense layers with a scale a channel are "
    "none of TensorFlow Lite 2.14's); without --runtime, EdgePrune's own program runs there"
)


@contextmanager
def running_litert(tflite: bytes, input_bytes: int, target: Target, address: str | None) -> Iterator[RuntimeSession]:
    """The model where it runs: on the device there, else in this machine's LiteRT.

    Args:
        input_bytes: of one sample, by the file.

    Raises:
        UsageError: LiteRT's Python does not run on such a device.
        DeviceError, ToolchainError: no device, another architecture, no LiteRT there, or it refuses the model.
    """
    if address is None:
        with running_litert_here(tflite, input_bytes) as here:
            yield here
        return
    if address.startswith(adb.SCHEME):
        raise UsageError(
            f"{address}: LiteRT is run by a Python of the device, and Android has none",
            hint="without --runtime, EdgePrune's own program runs there",
        )
    with closing(machine_at(address)) as machine:
        architecture_on(machine, target)
        yield _installed(machine, tflite, input_bytes, ("sh", "start.sh", _FILE_NAME))


@contextmanager
def running_litert_here(tflite: bytes, input_bytes: int) -> Iterator[RuntimeSession]:
    """The model in the LiteRT of this Python: what a device's outputs are compared with."""
    with this_linux("the runner of LiteRT") as (machine, _):
        yield _installed(machine, tflite, input_bytes, (sys.executable, "runner.py", _FILE_NAME))


def _installed(machine: Machine, tflite: bytes, input_bytes: int, words: tuple[str, ...]) -> RuntimeSession:
    runner = {name: (shipped("firmware") / "hosted" / "litert" / name).read_bytes() for name in _SHIPPED}
    folder = machine.install({**runner, _FILE_NAME: tflite})
    try:
        told = identity(machine, folder, words)
    except DeviceError as refused:
        raise DeviceError(refused.message, _NEWER if _UNKNOWN_OPERATOR in refused.message else refused.hint) from None
    package, _, version = told.get("runtime", "none").partition(" ")
    if package not in _NAMES:
        raise DeviceError(
            f"{machine.name} has no LiteRT for its Python: {told.get('reason', 'not said why')[:200]}", hint=_SET_UP
        )
    check_input_bytes(machine, folder, told, input_bytes)
    size = told.get("runtime_bytes", "")
    if not size.isdecimal():
        raise DeviceError(f"{machine.name}: the runner reports no size of LiteRT: '{size[:40]}'", hint="run it again")
    name, is_emulated = f"{_NAMES[package]} {version}", told.get("emulated") == "1"
    return RuntimeSession(machine, folder, words, name, input_bytes, int(size), is_emulated, runner)
