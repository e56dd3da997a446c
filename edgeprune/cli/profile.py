"""`edgeprune profile`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.options.subject import SubjectRequest, subject_options
from edgeprune.cli.output.early_exit import exit_table
from edgeprune.cli.output.predicted_time import beside_measured, time_data, time_lines
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import ColumnsThatFit, table
from edgeprune.errors import DeviceError, ToolchainError, UsageError
from edgeprune.units import bytes_text, count_text, microseconds_text

if TYPE_CHECKING:
    from edgeprune.deploy.proof import ExitTicks
    from edgeprune.device.console.console import Console
    from edgeprune.device.console.replies import DeviceMemory, LayerTimings
    from edgeprune.engine.cost.timing.predict import PredictedTime
    from edgeprune.tasks.subject import Subject

_MOST_SAMPLES = 100
_PROGRAM_RUNS = 100


@click.command("profile")
@subject_options
@click.option(
    "--repeats", type=click.IntRange(1, 1000), metavar="N", help="Inferences timed.  [default: 1 on a board, else 100]"
)
@click.option(
    "--warm-up",
    type=click.IntRange(0, 1000),
    metavar="N",
    default=10,
    help="First inferences that count nothing (Linux).",
)
@click.option("--core", type=click.IntRange(0, 1023), metavar="N", help="Core to stay on (Linux, Android).")
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    metavar="N",
    default=1,
    help="Of LiteRT, ExecuTorch or your runner (Linux, Android); our own program has one.",
)
@click.option(
    "--all-runtimes",
    is_flag=True,
    help="A run as our program, in LiteRT and in ExecuTorch, side by side: sizes, memory, time, accuracy.",
)
@click.option(
    "--runner",
    type=click.Path(path_type=Path),
    help="Your own runner, brought to the device: LiteRT's benchmark_model; for a .pte ExecuTorch's executor_runner.",
)
@json_option
def command(
    subject: SubjectRequest,
    repeats: int | None,
    warm_up: int,
    core: int | None,
    threads: int,
    all_runtimes: bool,
    runner: Path | None,
    printer: Printer,
) -> None:
    """Run a model on its device, emulated by default, and show each layer's time and the memory in use.

    \b
    Examples:
      edgeprune profile runs/latest
      edgeprune profile runs/latest --port auto
      edgeprune profile runs/latest --device ssh://pi@bench --all-runtimes
      edgeprune profile model.tflite --target android --device adb:SERIAL --runner ./benchmark_model
    """
    from edgeprune.cli.output.program_profile import show_program_profile
    from edgeprune.cli.output.runtime_runs import show_litert_profile, show_pte_profile
    from edgeprune.deploy.hosted.timing import Timing
    from edgeprune.tasks.litert_subject import LitertSubject
    from edgeprune.tasks.program_subject import ProgramSubject

    timing = Timing(warm_up, repeats or _PROGRAM_RUNS, core, threads)
    if all_runtimes:
        from edgeprune.cli.output.all_runtimes import show_all_runtimes

        subject.refuse_choices("--all-runtimes")
        show_all_runtimes(subject.path, subject.target, subject.port, timing, printer)
        return
    if runner is not None:
        from edgeprune.cli.output.runner_report import show_runner_profile
        from edgeprune.tasks.runtimes.user_runner import profile_by_runner

        subject.refuse_choices("--runner")
        shown = profile_by_runner(subject.path, subject.target, subject.port, runner, timing)
        show_runner_profile(shown, printer)
        return
    if subject.path.suffix == ".pte":
        show_pte_profile(subject.opened_pte(), timing, printer)
        return
    with subject.opened("profile") as ready:
        if threads > 1 and not isinstance(ready, LitertSubject):
            raise UsageError(
                f"{ready.name} runs as our own program, which has one thread",
                hint="--threads is for --runtime litert, a .pte, --runner and --all-runtimes",
            )
        if isinstance(ready, LitertSubject):
            show_litert_profile(ready, subject.port, timing, printer)
        elif isinstance(ready, ProgramSubject):
            show_program_profile(ready, subject.port, timing, printer)
        else:
            _show_board(ready, subject.port, repeats or 1, printer)


def _show_board(ready: Subject, port: str | None, repeats: int, printer: Printer) -> None:
    from edgeprune.deploy.firmware.board_calibration import calibrated, learned, predicted_cycles

    time, why_not = _predicted_time(ready, port is not None)
    with ready.running(port) as board:
        ticks = None
        if ready.exit_margin is not None:
            ticks = _per_input(ready, board)  # leaves the input loaded that takes longest
        else:
            board.load(bytes(board.identity().input_bytes))
        timings = board.layers(repeats)
        if ticks is not None:
            timings = replace(timings, total_ticks=ticks.most)
        memory = board.memory()
    shown = None if time is None or ready.model is None else calibrated(time, ready.model, ready.target)
    notes = why_not if shown is None else time_lines(shown, ready.target)
    predicted, layers_us = _instructions(ready), () if shown is None else shown.layers_us
    if _is_real(timings):
        layers_us = ()
        notes = [] if shown is None else [beside_measured(shown, timings.microseconds(timings.total_ticks))]
        if ready.model is not None:
            predicted = predicted_cycles(ready.model, ready.target, shown)
            notes.append(learned(ready.model, ready.target, time, timings))
    layers = _layers(ready, timings, predicted)
    data = _data(ready, timings, memory, layers) | {"early_exit": None if ticks is None else asdict(ticks)}
    data["predicted_time"] = None if shown is None else time_data(shown)
    printer.result(data, *_text(ready, timings, memory, layers, layers_us), *_early_exit(ready, timings, ticks), *notes)


def _predicted_time(ready: Subject, on_board: bool) -> tuple[PredictedTime | None, list[str]]:
    """Of the emulated image; else None, and why where that is worth a line. A real board is profiled all the same where
    the emulator fails."""
    from edgeprune.deploy.firmware.predicted_time import predicted_time

    if ready.model is None or ready.emulated_elf is None or not ready.emulated_elf.is_file():
        return None, []
    try:
        time = predicted_time(ready.emulated_elf, ready.target)
    except (ToolchainError, DeviceError) as error:
        if isinstance(error, DeviceError) and not on_board:
            raise
        return None, [f"no time is predicted: {error.message} ({error.hint})"]
    return time, [] if time else [f"no time is predicted: there are no timing rules of the {ready.target.cpu.core}"]


def _instructions(ready: Subject) -> list[float | None]:
    """Predicted of each layer that runs; none of a bare ELF."""
    from edgeprune.engine.cost.latency import predicted_instructions

    model = ready.model
    return [] if model is None else [predicted_instructions(model.calls[i], ready.target.cpu) for i in model.running]


@dataclass(frozen=True)
class _Layer:
    """`predicted`, `ticks`: instructions on an emulated board, ticks of its clock on a real one."""

    name: str
    operator: str
    output_shape: tuple[int, ...]
    macs: int
    predicted: float | None
    ticks: int


def _per_input(ready: Subject, board: Console) -> ExitTicks:
    """Every kept sample of the run timed by itself."""
    from edgeprune.deploy.firmware.measure import exit_ticks, time_samples
    from edgeprune.tasks.samples import samples_for

    assert ready.model is not None
    samples = samples_for(ready, _MOST_SAMPLES, None)
    inputs = samples.input_rows
    timings = time_samples(board, inputs)
    slowest = max(range(len(timings)), key=lambda index: timings[index].total_ticks)
    board.load(inputs[slowest].tobytes())
    return exit_ticks(timings, samples.left, ready.model.exit_layers)


def _early_exit(ready: Subject, timings: LayerTimings, ticks: ExitTicks | None) -> list[ColumnsThatFit]:
    if ticks is None or ready.record is None or ready.record.early_exit is None:
        return []
    source = "device" if _is_real(timings) else "emulator"
    return [exit_table(ready.record.early_exit.after, ticks, timings.clock_source, source)]


def _is_real(timings: LayerTimings) -> bool:
    """Emulated boards count instructions, also behind a port."""
    return timings.clock_source != "instructions"


def _layers(ready: Subject, timings: LayerTimings, predicted: Sequence[float | None]) -> list[_Layer]:
    if ready.model is None:
        return [_Layer(f"layer {index}", "", (), 0, None, ticks) for index, ticks in enumerate(timings.layer_ticks)]
    graph, calls = ready.model.graph, ready.model.calls
    return [
        _Layer(
            graph.ops[i].name,
            str(graph.ops[i].kind),
            graph.output_of(graph.ops[i]).shape,
            calls[i].work.macs,
            guess,
            ticks,
        )
        for i, guess, ticks in zip(ready.model.running, predicted, timings.layer_ticks, strict=True)
    ]


def _data(ready: Subject, timings: LayerTimings, memory: DeviceMemory, layers: Sequence[_Layer]) -> dict[str, Any]:
    real = _is_real(timings)
    unit = "cycles" if real else "instructions"
    return {
        "source": "device" if real else "emulator",
        "target": ready.target.name,
        f"total_{unit}": timings.total_ticks,
        "total_us": timings.microseconds(timings.total_ticks) if real else None,
        "arena_bytes": memory.arena_bytes,
        "stack_bytes": memory.stack_bytes,
        "stack_all_bytes": memory.stack_all_bytes,
        "data_bytes": memory.data_bytes,
        "layers": [
            {
                "index": index,
                "name": layer.name,
                "operator": layer.operator,
                "output_shape": layer.output_shape,
                "macs": layer.macs,
                f"predicted_{unit}": layer.predicted,
                unit: layer.ticks,
            }
            | ({"us": timings.microseconds(layer.ticks)} if real else {})
            for index, layer in enumerate(layers)
        ],
    }


def _text(
    ready: Subject,
    timings: LayerTimings,
    memory: DeviceMemory,
    layers: Sequence[_Layer],
    layers_us: Sequence[float],
) -> list[Any]:
    real = _is_real(timings)
    source, unit = ("device", "cycles") if real else ("emulator", "instructions")
    rows = [
        [
            layer.name,
            layer.operator,
            "x".join(map(str, layer.output_shape)),
            count_text(layer.macs),
            "" if layer.predicted is None else count_text(round(layer.predicted)),
            count_text(layer.ticks),
            f"{100 * layer.ticks / max(timings.total_ticks, 1):.1f} %",
            f"{layer.ticks / layer.macs:.2f}" if layer.macs else "",
        ]
        for layer in layers
    ]
    columns = ["layer", "operator", "output", "MACs", f"{unit} (predicted)", f"{unit} ({source})", "share", "a MAC"]
    if layers_us:
        columns.append("us (predicted)")
        rows = [[*row, f"{duration_us:,.0f}"] for row, duration_us in zip(rows, layers_us, strict=True)]
    time = f", {microseconds_text(timings.microseconds(timings.total_ticks))}" if real else ""
    return [
        table(
            columns,
            rows,
            columns[3:],
            f"{ready.name} on {ready.target.name}",
            spare=["a MAC", "output", "MACs", "share"],
        ),
        f"one inference: {count_text(timings.total_ticks)} {unit} ({source}){time}",
        f"RAM: arena {bytes_text(memory.arena_bytes)}, data {bytes_text(memory.data_bytes)}, "
        f"stack {bytes_text(memory.stack_all_bytes)}, {bytes_text(memory.stack_bytes)} of it an inference's",
    ]
