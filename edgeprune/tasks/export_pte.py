"""A run's thinned network, or a project's as it is, as an ExecuTorch program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from edgeprune.errors import UsageError
from edgeprune.export.pte.lowering import ExportedPte, Lowering, PteFormat, PteRequest
from edgeprune.hardware.registry import load_target
from edgeprune.model.load import project_module
from edgeprune.project.file import Project
from edgeprune.tasks.fit import FitRequest
from edgeprune.tasks.thinned import thinned_module
from edgeprune.train.data import load_data

_CHECKED = 64
_CORES = frozenset({"cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m23", "cortex-m33",
                    "cortex-m55", "cortex-m85"})  # fmt: skip


@dataclass(frozen=True)
class PteWish:
    """target: name or TOML, whose core a Cortex-M program is for; None: the run's or the project's own."""

    format: PteFormat
    target: str | None = None
    may_stay_float: bool = False


def pte_of_run(folder: Path, wish: PteWish) -> ExportedPte:
    """The finished run's network.

    Raises:
        UsageError: no run there, or one whose module was handed over from Python.
    """
    module, request = thinned_module(folder), FitRequest.noted_in(folder)
    return _pte(request.loaded_project, module, wish, wish.target or request.target)


def pte_of_project(project: Project, wish: PteWish) -> ExportedPte:
    """The project's network as it is."""
    return _pte(project, project_module(project), wish, wish.target or project.limits.target)


def _pte(project: Project, module: nn.Module, wish: PteWish, target: str | None) -> ExportedPte:
    """Ranges on the calibration set; compared on samples of the test set.

    Raises:
        ModelError, UnsupportedOp: as `Lowering.program`.
        UsageError: ExecuTorch is not installed, or a Cortex-M program has no Cortex-M to be for.
    """
    core = _core(target) if wish.format is PteFormat.CORTEX_M else None
    splits = load_data(project)
    checked = (splits.test if len(splits.test) else splits.calibration).take(_CHECKED).tensor()
    request = PteRequest(wish.format, splits.calibration.tensor(), checked, core, wish.may_stay_float)
    with Lowering() as lowering:
        return lowering.program(module, request)


def _core(target: str | None) -> str:
    if target is None:
        raise UsageError("--format cortex-m names no target", hint="--target cortex-m4: its core decides the kernels")
    chosen = load_target(target)
    if chosen.cpu.core not in _CORES:
        raise UsageError(
            f"{chosen.name} has a {chosen.cpu.core}, and ExecuTorch's Cortex-M kernels are for Cortex-M",
            hint="--format xnnpack is for Linux and Android",
        )
    return chosen.cpu.core
