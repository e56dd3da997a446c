"""Drives a runner of the user's own: it and the model are installed on the device, and what it prints is read."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from edgeprune.deploy.hosted.operator_times import NOT_TIMED, OperatorTimes
from edgeprune.deploy.hosted.place import architecture_on
from edgeprune.deploy.hosted.pte_operators import recorded
from edgeprune.deploy.hosted.timing import Timing
from edgeprune.deploy.hosted.user_runner import benchmark_model, executor_runner
from edgeprune.deploy.hosted.user_runner.emulated import is_emulated
from edgeprune.deploy.hosted.user_runner.figures import Figures
from edgeprune.device.machines.machine import Machine
from edgeprune.device.machines.named import machine_at
from edgeprune.errors import DeviceError, UsageError
from edgeprune.hardware.hosted import Architecture
from edgeprune.hardware.profile import Target

_RUNNER = "runner"
_RUN_S = 600.0
_BOTH = '"$@" 2>&1; printf "\\nstatus %d" $?'
"""Both streams as one, and last how it ended."""
_ENDED = re.compile(r"\nstatus (\d+)$")
_RECORD = 'f=record.$$; "$@" --etdump_path=$f >/dev/null 2>&1 || { rm -f $f; exit 0; }; cat $f; rm -f $f'
_UNKNOWN = re.compile(r"unknown command line flag '(\w+)'")
_MACHINES = {"EM_AARCH64": Architecture.AARCH64, "EM_ARM": Architecture.ARMV7, "EM_X86_64": Architecture.X86_64}


@dataclass(frozen=True)
class RunnerReport:
    """runner: its file's name; machine: as the user named it; figures: None where its time is no device's."""

    runner: str
    machine: str
    figures: Figures | None
    operators: OperatorTimes


def timed_by(runner: Path, model: Path, target: Target, address: str, timing: Timing) -> RunnerReport:
    """What the runner reports of a model on a device.

    Args:
        runner: LiteRT's `benchmark_model` for a `.tflite`, ExecuTorch's `executor_runner` for a `.pte`.

    Raises:
        UsageError: a file is not there, or the runner is for another processor.
        DeviceError: no device, another architecture, the runner fails there, or prints something else.
    """
    content, data = _content(runner), _content(model)
    file = f"model{model.suffix}"
    with closing(machine_at(address)) as machine:
        _check_architecture(runner.name, content, architecture_on(machine, target), machine.name)
        folder = machine.install({_RUNNER: content, file: data})
        if is_emulated(machine, folder):
            return RunnerReport(runner.name, machine.name, None, NOT_TIMED)
        there = _There(machine, folder, () if timing.core is None else ("taskset", f"{1 << timing.core:x}"))
        figures, operators = _DRIVEN[model.suffix](there, file, timing)
    return RunnerReport(runner.name, machine.name, figures, operators)


@dataclass(frozen=True)
class _There:
    """The runner, installed; before: words that its command starts with."""

    machine: Machine
    folder: str
    before: Sequence[str]

    def printed(self, words: Sequence[str]) -> str:
        """By it with these flags, less those that it does not know.

        Raises:
            DeviceError: it failed, or the link broke off.
        """
        text = self._run(_BOTH, words).decode("utf-8", "replace")
        ended = _ENDED.search(text)
        if ended is None:
            raise DeviceError(f"{self.machine.name}: the runner's output is not whole", hint="run it again")
        text = text[: ended.start()]
        if ended[1] == "0":
            return text
        unknown = _UNKNOWN.search(text)
        fewer = [word for word in words if unknown is None or not word.startswith(f"--{unknown[1]}=")]
        if len(fewer) < len(words):
            return self.printed(fewer)
        last = "".join(text.strip().splitlines()[-1:])[:300]
        raise DeviceError(
            f"{self.machine.name}: the runner ended with status {ended[1]}: {last or 'it printed nothing'}",
            hint=f"does it run there by itself? `{shlex.join(['./' + _RUNNER, *words])}` in {self.folder}",
        )

    def record(self, words: Sequence[str]) -> bytes:
        """The ETDump it writes; nothing where it writes none."""
        return self._run(_RECORD, words)

    def _run(self, script: str, words: Sequence[str]) -> bytes:
        command = ["sh", "-c", script, "sh", *self.before, f"./{_RUNNER}", *words]
        return self.machine.run(self.folder, command, b"", _RUN_S)


def _benchmark_model(there: _There, file: str, timing: Timing) -> tuple[Figures, OperatorTimes]:
    words = benchmark_model.words_for(file, timing)
    figures = benchmark_model.figures_in(there.printed(words))
    operators = benchmark_model.operators_in(there.printed([*words, benchmark_model.OPERATORS]))
    note = "operators: by the runner's own profiler, in a run of their own" if operators else "the runner profiles none"
    return figures, OperatorTimes(operators, note)


def _executor_runner(there: _There, file: str, timing: Timing) -> tuple[Figures, OperatorTimes]:
    words = executor_runner.words_for(file, timing)
    figures = executor_runner.figures_in(there.printed(words), timing.warm_up)
    dump = there.record(words)
    if not dump:
        return figures, OperatorTimes((), "operators are not timed: the runner writes no ETDump")
    return figures, recorded(dump, timing.warm_up)


_DRIVEN = {".tflite": _benchmark_model, ".pte": _executor_runner}


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        raise UsageError(
            f"{file} cannot be read: {problem.strerror}",
            hint="model and --runner are files here; both are brought to the device",
        ) from None


def _check_architecture(name: str, content: bytes, wanted: Architecture, machine: str) -> None:
    """Of an ELF file; scripts run anywhere."""
    if not content.startswith(b"\x7fELF"):
        return
    try:
        found = _MACHINES.get(ELFFile(io.BytesIO(content))["e_machine"])
    except ELFError:
        found = None
    runs = (wanted, Architecture.ARMV7) if wanted is Architecture.AARCH64 else (wanted,)
    if found not in runs:
        raise UsageError(
            f"{name} is a program for {found or 'another processor'}, {machine} runs {wanted}",
            hint=f"get or build the runner for {wanted}",
        )
