"""Other people's converters, each in a process of its own: they take seconds and 0.8 GB to load, and print.

A process is kept until its block ends, so that several conversions load it once. It replies to one JSON request a line.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from edgeprune.errors import UsageError
from edgeprune.files.own_process import module_command, own_environment

_WHY_LENGTH = 200


class ConverterProcess:
    """`python -m MODULE`, gone when the block ends.

    Attributes:
        folder: for what goes between the two processes; gone too then.
    """

    def __init__(self, module: str, needed: tuple[str, ...], hint: str):
        """Args:
        needed: packages it imports.
        hint: how to install them.

        Raises:
            UsageError: one is not installed.
        """
        missing = [name for name in needed if importlib.util.find_spec(name) is None]
        if missing:
            raise UsageError(f"the converter is not installed: there is no {' and no '.join(missing)}", hint=hint)
        self._temporary = tempfile.TemporaryDirectory(prefix="edgeprune-converter-")
        self.folder = Path(self._temporary.name)
        self._log = (self.folder / "log.txt").open("w")
        self._process = subprocess.Popen(
            module_command(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=own_environment(TF_CPP_MIN_LOG_LEVEL="3"),
        )

    def reply(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What it answers; `error` where it could not, or ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        reply: dict[str, Any] = json.loads(line or '{"error": "its process ended"}')
        return reply

    def __enter__(self) -> ConverterProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()
        self._log.close()
        self._temporary.cleanup()


def first_line(text: str) -> str:
    """Of what a converter complains about."""
    lines = text.strip().splitlines()
    return lines[0][:_WHY_LENGTH] if lines else "no reason given"
