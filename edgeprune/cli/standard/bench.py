"""`edgeprune bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.options.common import json_option, optimize_option, require_target, target_option
from edgeprune.cli.output.predicted_time import beside_measured, time_data, time_lines
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.cli.output.under_way import progress
from edgeprune.errors import UsageError
from edgeprune.toolchain.client_form import RUNNER_FORMS
from edgeprune.units import microseconds_text

if TYPE_CHECKING:
    from edgeprune.hardware.profile import Target
    from edgeprune.tasks.mlperf.bench import Benched


@click.command("bench")
@click.argument("model", type=click.Path(path_type=Path), metavar="FILE.tflite")
@target_option
@click.option(
    "--model-id",
    type=click.Choice(tuple(RUNNER_FORMS)),
    required=True,
    help="Which of MLPerf Tiny's benchmarks the model is for.",
)
@click.option(
    "--data-sets",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of data sets as MLCommons lays them out, one folder a benchmark: accuracy, or AUC, too.",
)
@click.option("--files", type=click.IntRange(1), metavar="N", help="So many files of the data set.  [default: all]")
@optimize_option("speed")
@click.option("--port", metavar="PORT", help="Serial port of a board that the image was flashed to; emulated without.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for image and results; by default bench/MODEL-TARGET."
)
@json_option
def command(
    model: Path,
    target: Target | None,
    model_id: str,
    data_sets: Path | None,
    files: int | None,
    optimize: str,
    port: str | None,
    out: Path | None,
    printer: Printer,
) -> None:
    """Measure a .tflite by MLPerf Tiny's protocol, on a board or emulated, and write its result files.

    Performance is the median of 5 windows of at least 10 s by the device's clock. Emulated, that clock counts
    instructions: its figures are no board's, and are called so; what the board would take is predicted beside them.
    For a board, `edgeprune flash` writes the image that an emulated run left in --out.

    \b
    Examples:
      edgeprune bench kws.tflite --model-id kws01 --target nucleo-l4r5zi --data-sets datasets
      edgeprune bench kws.tflite --model-id kws01 --target nucleo-l4r5zi --data-sets datasets --port /dev/ttyACM0
    """
    from edgeprune.budget import Optimize
    from edgeprune.engine.compile import CompileOptions, compile_named
    from edgeprune.files.lock import FolderLock
    from edgeprune.tasks.mlperf.bench import BenchRequest, bench

    target = require_target(target)
    if not model.is_file():
        raise UsageError(f"{model} is not there", hint="give an int8 .tflite")
    folder = out or Path("bench") / f"{model.stem}-{target.name}"
    options = CompileOptions(Optimize(optimize), model_id, f"edgeprune bench {model.name} --model-id {model_id}")
    compiled = compile_named(model.name, model.read_bytes(), target, options)
    folder.mkdir(parents=True, exist_ok=True)
    with FolderLock(folder):
        benched = bench(BenchRequest(compiled, target, port, data_sets, files, folder), progress())
    printer.result(_data(benched, target, model_id), *_text(benched, target, model_id))


def _data(benched: Benched, target: Target, model_id: str) -> dict[str, Any]:
    scored = benched.scored
    return {
        "model_id": model_id,
        "target": target.name,
        "source": "emulator" if benched.is_emulated else "device",
        "clock_source": benched.clock_source,
        "clock_hz": benched.clock_hz,
        "windows": [{"inferences": one.inferences, "runtime_us": one.runtime_us} for one in benched.windows],
        "inferences_per_second": benched.per_second,
        "ticks": benched.ticks,
        "metric": None if scored is None else scored.metric,
        "score": None if scored is None else scored.value,
        "scored_files": 0 if scored is None else scored.files,
        "predicted_time": None if benched.predicted is None else time_data(benched.predicted),
        "image": str(benched.image),
        "results": [str(path) for path in benched.files],
    }


def _text(benched: Benched, target: Target, model_id: str) -> list[Any]:
    """An emulated clock's seconds are shown as the instructions that they are."""
    emulated = benched.is_emulated
    if emulated:
        rows = [["instructions an inference (emulated)", f"{benched.ticks:,.0f}"]]
    else:
        rows = [
            ["inferences/s, median", f"{benched.per_second:.3f}"],
            ["an inference", microseconds_text(1e6 / benched.per_second)],
        ]
    rows.append(["windows", f"{len(benched.windows)} of {benched.windows[0].inferences:,} inferences"])
    if benched.scored is not None:
        value = f"{benched.scored.value:.1f} %" if benched.scored.metric == "Top-1" else f"{benched.scored.value:.3f}"
        rows.append([f"{benched.scored.metric} of {benched.scored.files:,} files", value])
    notes = ["emulated: no figure of a board; result files say so"] if emulated else []
    if benched.predicted is None:
        notes.append(f"no time is predicted: there are no timing rules of the {target.cpu.core}, or no emulator")
    elif emulated:
        notes += time_lines(benched.predicted, target)
    else:
        notes.append(beside_measured(benched.predicted, 1e6 / benched.per_second))
    return [
        table(["", "measured"], rows, ["measured"], title=f"{model_id} on {target.name}"),
        *notes,
        *(str(path) for path in benched.files),
    ]
