"""What an ETDump records, ExecuTorch's own record of an execution, read by its Inspector in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeprune.errors import ModelError
from edgeprune.export.converter_process import ConverterProcess, first_line

_NEEDED = ("executorch", "pandas")
_INSTALL = "pip install 'edgeprune[executorch]', on Linux or macOS"


@dataclass(frozen=True)
class RecordedOperator:
    """name: as the runtime calls it; by: what computes it; runs_us: each execution, in order."""

    name: str
    by: str
    runs_us: Sequence[float]


def operators_of(dump: bytes) -> tuple[RecordedOperator, ...]:
    """In execution order; of a call of a backend its operators, where the backend records them, else the call.

    Raises:
        UsageError: ExecuTorch is not installed.
        ModelError: the Inspector does not read it.
    """
    with ConverterProcess("edgeprune.export.pte.etdump_process", _NEEDED, _INSTALL) as process:
        path = process.folder / "dump"
        path.write_bytes(dump)
        reply = process.reply({"dump": str(path)})
    if "error" in reply:
        raise ModelError(
            f"ExecuTorch's Inspector does not read the record of {len(dump):,} B: {first_line(reply['error'])}",
            hint="is ExecuTorch on the device the version here? `edgeprune profile` names it",
        )
    return tuple(RecordedOperator(str(name), str(by), runs) for name, by, runs in reply["operators"])
