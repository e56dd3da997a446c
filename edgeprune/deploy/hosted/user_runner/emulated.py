"""Whether a device executes the programs that it is given, or emulates the processor: time of the latter is none."""

from __future__ import annotations

import re

from edgeprune.device.machines.machine import Machine

_ASKED = 'readlink -f "$(command -v cat)" && cat /proc/self/smaps'
_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ (\S{4}) \S+ \S+ \d+ +(\S.*)$", re.MULTILINE)
_ANSWER_S = 30.0


def is_emulated(machine: Machine, folder: str) -> bool:
    """True unless its own `cat` is mapped to be executed: an emulator reads a program's code as data.

    Raises:
        DeviceError: the machine or the link failed.
    """
    told = machine.run(folder, ["sh", "-c", _ASKED], b"", _ANSWER_S).decode("utf-8", "replace")
    program, _, mappings = told.partition("\n")
    name = program.rpartition("/")[2]
    return not any("x" in rights and path.rpartition("/")[2] == name for rights, path in _MAPPING.findall(mappings))
