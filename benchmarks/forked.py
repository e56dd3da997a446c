"""Commands of EdgePrune in processes forked off this one, which has imported all they need: hundreds in short time."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_IMPORTED = (
    "ai_edge_litert.interpreter", "edgeprune.deploy.firmware.deployment", "edgeprune.fitting.loop", "scipy.optimize",
    "torch._dynamo",
)  # fmt: skip
_NOT_BEGUN = 70


@dataclass
class Started:
    """A command on its way: its process, and the files of what it prints."""

    pid: int
    out: Path
    err: Path
    code: int | None = None

    def wait(self, timeout_s: float = 300) -> int | None:
        """Its exit code (negative: a signal); None where it still runs then."""
        end = time.monotonic() + timeout_s
        while self.code is None and time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            else:
                time.sleep(0.01)
        return self.code

    def kill(self) -> None:
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()


def warm_up() -> None:
    """Imports what a fit imports, and compiles kernels; nothing is differentiated, since forks after that hang."""
    for name in _IMPORTED:
        importlib.import_module(name)
    from torch import nn

    from edgeprune.budget import Optimize
    from edgeprune.deploy.firmware.cost import measure_baseline
    from edgeprune.engine.compile import CompileOptions
    from edgeprune.hardware.registry import load_target
    from edgeprune.prune.network import Network

    module = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2))
    measure_baseline(Network.of(module, (1, 8, 8)), load_target("cortex-m4"), CompileOptions(Optimize.BALANCED))


def start(arguments: Sequence[str], folder: Path, name: str, prepare: Callable[[], object] = lambda: None) -> Started:
    """`edgeprune ARGUMENTS` in the folder, where `out-NAME` and `err-NAME` get what it prints.

    Args:
        prepare: called in the new process before the command.
    """
    out, err = folder / f"out-{name}", folder / f"err-{name}"
    pid = os.fork()
    if pid:
        return Started(pid, out, err)
    code = _NOT_BEGUN
    try:
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        os.chdir(folder)
        prepare()
        from edgeprune.cli.main import main

        main(list(arguments))
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def in_jobs(count: int, jobs: int, work: Callable[[range], Iterator[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What `work` gives for the numbers below `count`, shared among warm processes, each shown at once.

    Args:
        work: its results have JSON's types, and a `number`.
    """
    notes = [Path(tempfile.mkstemp(prefix="edgeprune-jobs-")[1]) for _ in range(jobs)]
    pids = []
    for job, note in enumerate(notes):
        pid = os.fork()
        if not pid:
            os.setsid()
            warm_up()
            with note.open("w") as stream:
                for one in work(range(job, count, jobs)):
                    print(one, file=sys.stderr, flush=True)
                    print(json.dumps(one), file=stream, flush=True)
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    found = [json.loads(line) for note in notes for line in note.read_text().splitlines()]
    for note in notes:
        note.unlink()
    return sorted(found, key=lambda one: one["number"])
