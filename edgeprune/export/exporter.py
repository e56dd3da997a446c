"""The near end of `worker.py`: a converter process, started early, asked when there is something to export."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from edgeprune.errors import ModelError


class Exporter:
    """A converter process and its private folder, gone when the block ends.

    with Exporter() as exporter:     # returns at once; the converter loads while you train
        data = export_tflite(module, (1, 3, 32, 32), samples, exporter).data
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="edgeprune-export-")
        self.folder = Path(self._folder.name)
        self._log = (self.folder / "log.txt").open("w+")
        package_parent = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (package_parent, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "edgeprune.export.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
            start_new_session=True,  # Ctrl-C is ours to handle; the worker ends with its stdin
        )

    def ask(self, request: dict[str, str]) -> dict[str, Any]:
        """One request, one answer.

        Raises:
            ModelError: the process died; the last line it wrote is in the message.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ModelError(f"the converter ended: {self._last_words()}", hint=_ended_hint(self._process.wait()))
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Ends the process and removes its folder; more than once does no harm."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # what was still to be written has no reader
                    stream.close()
        self._process.wait()
        self._log.close()
        self._folder.cleanup()

    def __enter__(self) -> Exporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _last_words(self) -> str:
        self._log.flush()
        lines = [line for line in (self.folder / "log.txt").read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1][:300] if lines else "it said nothing"


def _ended_hint(return_code: int) -> str:
    if return_code == -signal.SIGKILL:
        return "it was killed, most likely for memory: it needs about 1 GB"
    return "is litert-torch installed as pyproject.toml asks? pip check"
