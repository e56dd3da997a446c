"""The door: pages of one run, of a file, of several runs, and of a comparison, written where they belong."""

from __future__ import annotations

import shlex
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgeprune.budget import Optimize
from edgeprune.engine.compile import CompileOptions
from edgeprune.errors import UsageError
from edgeprune.files.atomic import write_text
from edgeprune.files.names import name_from
from edgeprune.fitting.record import RunRecord, load_record
from edgeprune.hardware.profile import Target
from edgeprune.tasks.compare import Result
from edgeprune.tasks.report.compare_page import Compared, comparison_page
from edgeprune.tasks.report.file_page import file_page
from edgeprune.tasks.report.linked_file import link_file
from edgeprune.tasks.report.run_page import run_page
from edgeprune.train.metrics import METRICS

PAGE_NAME = "report.html"


def write_page(folder: Path, out: Path | None = None) -> Path:
    """Writes the page of a finished run and returns where it is.

    Args:
        out: another file than `report.html` of the run's folder.

    Raises:
        UsageError: no finished run there.
    """
    path = out or folder / PAGE_NAME
    write_text(path, run_page(load_record(folder), folder))
    return path


def write_file(path: Path, target: Target, optimize: Optimize, ram_first: bool, out: Path) -> Path:
    """Builds a `.tflite` for a target, runs it on the emulated machine, and writes its page to `out`.

    Raises:
        UsageError, ModelError, ToolchainError, DoesNotFit, DeviceError: as `linked_file.link_file`.
    """
    words = ["edgeprune", "build", path.name, "--target", target.name, "--optimize", str(optimize)]
    command = shlex.join(words + ["--ram-first"] * ram_first)
    options = CompileOptions(optimize, name_from(path.stem), command, ram_first=ram_first)
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        text = file_page(link_file(path, target, options, Path(folder)))
    write_text(out, text)
    return out


def write_runs(folders: Sequence[Path], out: Path) -> Path:
    """Writes one page of several finished runs side by side.

    Raises:
        UsageError: fewer than two, no finished run in one, or runs of different metrics.
    """
    if len(folders) < 2:
        raise UsageError("a comparison needs two runs", hint="edgeprune report --compare runs/ONE runs/OTHER")
    records = [load_record(folder) for folder in folders]
    metrics = list(dict.fromkeys(record.accuracy.metric for record in records))
    if len(metrics) > 1:
        raise UsageError(f"these runs count different things: {', '.join(metrics)}", hint="compare runs of one metric")
    metric = METRICS.get(metrics[0])
    networks = [_of_run(folder.resolve().name, record) for folder, record in zip(folders, records, strict=True)]
    models = ", ".join(dict.fromkeys(f"{record.model} on {record.target}" for record in records))
    text = comparison_page(
        f"{len(folders)} runs", models, metrics[0], metric is None or metric.higher_is_better, networks
    )
    write_text(out, text)
    return out


def _of_run(name: str, record: RunRecord) -> Compared:
    return Compared(
        name,
        record.target,
        record.accuracy.int8,
        0.0,
        record.flash_bytes,
        record.ram_bytes,
        record.total_us if record.total_us is not None else record.after.latency_us,
        record.fits,
    )


def write_comparison(results: Sequence[Result], metric: str, higher_is_better: bool, out: Path) -> Path:
    """Writes the page of a comparison of methods."""
    networks = [
        Compared(
            f"{result.method} at {result.scale:g}",
            result.method,
            statistics.mean(result.int8_test),
            statistics.stdev(result.int8_test) if len(result.int8_test) > 1 else 0.0,
            result.flash_bytes,
            result.ram_bytes,
            result.latency_us,
            result.fits,
        )
        for result in results
    ]
    subtitle = (
        "Linked images; time as predicted, measured by nobody: a limit is judged by the most it may be (docs/time.md). "
        "Bars: one standard deviation."
    )
    write_text(out, comparison_page("Ways to prune", subtitle, metric, higher_is_better, networks))
    return out
