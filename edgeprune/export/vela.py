"""An int8 `.tflite` for an Ethos-U NPU: Arm's Vela turns its operators into the NPU's commands, in its own process.

No NPU is emulated here: the file is read back, which tells how many operators the NPU took; it is not run. Cycles and
memory are predictions of Vela for its default system of that NPU.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edgeprune.engine.tflite.flatfile import broken_means_model_error
from edgeprune.errors import ModelError, UsageError

_NPU_OPERATOR = "ethos-u"
_INSTALL = "pip install 'edgeprune[ethos-u]'"
_MEMORIES = ("sram", "dram", "on_chip_flash", "off_chip_flash")
_LIMIT_S = 600
_SHOWN = 6


class Npu(StrEnum):
    """Vela's accelerator configurations: the family and its MACs a cycle."""

    U55_32 = "ethos-u55-32"
    U55_64 = "ethos-u55-64"
    U55_128 = "ethos-u55-128"
    U55_256 = "ethos-u55-256"
    U65_256 = "ethos-u65-256"
    U65_512 = "ethos-u65-512"
    U85_128 = "ethos-u85-128"
    U85_256 = "ethos-u85-256"
    U85_512 = "ethos-u85-512"
    U85_1024 = "ethos-u85-1024"
    U85_2048 = "ethos-u85-2048"


@dataclass(frozen=True)
class VelaFile:
    """What Vela made.

    Attributes:
        data: the `.tflite`, for an interpreter with the Ethos-U driver.
        npu_operators: of the network, that the NPU computes.
        left: operators of the file that the processor computes.
        sram_bytes, dram_bytes, flash_bytes: predicted, by Vela: tensors at their peak are in the first, weights and
            commands in one of the others, by the system.
        cycles: of one inference, predicted by Vela, at `clock_hz` of `system`.
    """

    data: bytes
    npu: Npu
    version: str
    npu_operators: int
    left: tuple[str, ...]
    sram_bytes: int
    dram_bytes: int
    flash_bytes: int
    cycles: int
    clock_hz: float
    system: str


def compiled_by_vela(tflite: bytes, npu: Npu) -> VelaFile:
    """Args:
        tflite: int8, whole.

    Raises:
        UsageError: Vela is not installed.
        ModelError: it does not take the file, or leaves all of it to the processor.
    """
    vela = _vela()
    with tempfile.TemporaryDirectory(prefix="edgeprune-vela-") as folder:
        (Path(folder) / "model.tflite").write_bytes(tflite)
        told = _output([vela, "--accelerator-config", npu, "--output-dir", folder, f"{folder}/model.tflite"])
        try:
            data = (Path(folder) / "model_vela.tflite").read_bytes()
            (summary,) = Path(folder).glob("model_summary_*.csv")
            (row,) = csv.DictReader(summary.read_text().splitlines())
            on_npu = int(re.findall(r"^NPU operators = (\d+)", told, re.MULTILINE)[0])
            kib = {name: float(row[f"{name}_memory_used"]) for name in _MEMORIES}
            found = VelaFile(
                data,
                npu,
                _output([vela, "--version"]).strip(),
                on_npu,
                _left(data),
                round(kib["sram"] * 1024),
                round(kib["dram"] * 1024),
                round((kib["on_chip_flash"] + kib["off_chip_flash"]) * 1024),
                int(float(row["cycles_total"])),
                float(row["core_clock"]),
                row["system_config"],
            )
        except (OSError, ValueError, KeyError, IndexError) as problem:
            raise ModelError(
                f"Vela's report is not as expected: {problem}", hint=f"another version of it? {_INSTALL}"
            ) from problem
    if on_npu == 0:
        raise ModelError(
            f"Vela leaves all {len(found.left)} operators to the processor: {_names_text(found.left)}",
            hint="`edgeprune export --format int8` writes the same file for the processor alone",
        )
    return found


def _vela() -> str:
    """The program, of this environment or on the path."""
    beside = Path(sys.executable).with_name("vela")
    found = str(beside) if beside.is_file() else shutil.which("vela")
    if found is None:
        raise UsageError("Arm's Vela is not installed: there is no program vela", hint=_INSTALL)
    return found


def _output(words: list[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise ModelError(f"Vela did not end within {_LIMIT_S} s", hint="try another --npu") from None
    if done.returncode != 0:
        told = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise ModelError(
            f"Vela does not take the network: {told[-1][:300] if told else f'status {done.returncode}'}",
            hint="`edgeprune export --format int8` writes the file it was given",
        )
    return done.stdout


def _left(data: bytes) -> tuple[str, ...]:
    """Operators of the file that are not the NPU's, by their names in LiteRT's schema."""
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    with broken_means_model_error("Vela's file"):
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
        codes = [(code.customCode or b"", code.builtinCode) for code in model.operatorCodes]
        used = [codes[operator.opcodeIndex] for graph in model.subgraphs for operator in graph.operators or ()]
    return tuple(names[number] for custom, number in used if custom != _NPU_OPERATOR.encode())


def _names_text(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
