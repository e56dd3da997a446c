"""The process that reads ETDumps: `python -m edgeprune.export.pte.etdump_process` replies to one request a line.

{"dump": "file"}
{"operators": [["native_call_add.out", "ExecuTorch", [12.5, ...]], ...]}   or   {"error": "..."}

Microseconds of each execution.
"""

from __future__ import annotations

import warnings
from typing import Any

from edgeprune.export.requests import reply_to_requests

_WHOLE = "Method::execute"
_NATIVE_CALL, _BACKEND_CALL = "OPERATOR_CALL", "DELEGATE_CALL"
_NATIVE = "native_call_"
_US_OF_MS = 1e3


def _read(request: dict[str, Any]) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    from executorch.devtools import Inspector

    blocks = Inspector(etdump_path=request["dump"]).event_blocks
    events = [event for block in blocks if block.name == "Execute" for event in block.events]
    by_backend = {_place(event) for event in events if event.is_delegated_op}
    native = {_place(event) for event in events if event.name.startswith(_NATIVE)}
    found = []
    for event in events:
        inside = by_backend if event.name == _BACKEND_CALL else native if event.name == _NATIVE_CALL else ()
        if event.perf_data is None or event.name == _WHOLE or _place(event) in inside:
            continue
        by = "backend" if event.is_delegated_op or event.name == _BACKEND_CALL else "ExecuTorch"
        runs_us = [_US_OF_MS * float(value) for value in event.perf_data.raw]
        found.append((event.name.removeprefix(_NATIVE), event.delegate_backend_name or by, runs_us))
    return {"operators": found}


def _place(event: Any) -> Any:
    """Instruction of the program that it is, or is part of."""
    return event._instruction_id  # the Inspector has no other name for it


if __name__ == "__main__":
    reply_to_requests(_read)
