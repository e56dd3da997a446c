"""`edgeprune profile`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.options import json_option
from edgeprune.cli.output import Printer, table
from edgeprune.cli.subject import opened, subject_options
from edgeprune.units import bytes_text, count_text, microseconds_text

if TYPE_CHECKING:
    from edgeprune.device.replies import DeviceMemory, LayerTimings
    from edgeprune.subject import Subject


@click.command("profile")
@subject_options
@click.option("--repeats", type=click.IntRange(1, 1000), default=1, show_default=True, help="Inferences averaged.")
@json_option
def command(subject: Path, target: str | None, optimize: str, port: str | None, repeats: int, printer: Printer) -> None:
    """Run a model on its board, emulated by default, and show each layer's time and the memory in use."""
    with opened(subject, target, optimize, f"edgeprune profile {subject}") as ready, ready.running(port) as board:
        if ready.model is not None:
            board.load(bytes(ready.model.input_bytes))
        timings = board.layers(repeats)
        memory = board.memory()
        printer.result(_data(ready, timings, memory, port), *_text(ready, timings, memory, port))


def _data(ready: Subject, timings: LayerTimings, memory: DeviceMemory, port: str | None) -> dict[str, Any]:
    unit = "instructions" if timings.clock_source == "instructions" else "cycles"
    known = timings.clock_source != "instructions"
    return {
        "source": "device" if port else "emulator",
        "target": ready.target.name,
        f"total_{unit}": timings.total_ticks,
        "total_us": timings.microseconds(timings.total_ticks) if known else None,
        "arena_bytes": memory.arena_bytes,
        "stack_bytes": memory.stack_bytes,
        "stack_all_bytes": memory.stack_all_bytes,
        "data_bytes": memory.data_bytes,
        "layers": [
            {"index": index, "name": name, "operator": kind, "output_shape": shape, "macs": macs}
            | {"predicted_instructions": predicted, unit: ticks}
            | ({"us": timings.microseconds(ticks)} if known else {})
            for index, (ticks, (name, kind, shape, macs, predicted)) in enumerate(
                zip(timings.layer_ticks, _layers(ready, len(timings.layer_ticks)), strict=True)
            )
        ],
    }


def _layers(ready: Subject, count: int) -> list[tuple[str, str, tuple[int, ...], int, float | None]]:
    """Name, operator, output shape, MACs and predicted instructions of each layer the device times."""
    from edgeprune.cost.latency import predicted_instructions

    if ready.model is None:
        return [(f"layer {index}", "", (), 0, None) for index in range(count)]
    graph, calls = ready.model.graph, ready.model.calls
    return [
        (
            graph.ops[i].name,
            str(graph.ops[i].kind),
            graph.output_of(graph.ops[i]).shape,
            calls[i].work.macs,
            predicted_instructions(calls[i], ready.target.cpu),
        )
        for i in ready.model.running
    ]


def _text(ready: Subject, timings: LayerTimings, memory: DeviceMemory, port: str | None) -> list[Any]:
    source = "device" if port else "emulator"
    ticks_column = f"{timings.clock_source} ({source})"
    rows = [
        [
            name,
            kind,
            "x".join(map(str, shape)),
            count_text(macs),
            "" if predicted is None else count_text(round(predicted)),
            count_text(ticks),
            f"{100 * ticks / max(timings.total_ticks, 1):.1f} %",
            f"{ticks / macs:.2f}" if macs else "",
        ]
        for ticks, (name, kind, shape, macs, predicted) in zip(
            timings.layer_ticks, _layers(ready, len(timings.layer_ticks)), strict=True
        )
    ]
    columns = ["layer", "operator", "output", "MACs", "instructions (predicted)", ticks_column, "share", "a MAC"]
    time = (
        ""
        if timings.clock_source == "instructions"
        else f", {microseconds_text(timings.microseconds(timings.total_ticks))}"
    )
    return [
        table(columns, rows, columns[3:], title=f"{ready.name} on {ready.target.name}"),
        f"one inference: {count_text(timings.total_ticks)} {timings.clock_source} ({source}){time}",
        f"RAM: arena {bytes_text(memory.arena_bytes)}, data {bytes_text(memory.data_bytes)}, "
        f"stack {bytes_text(memory.stack_bytes)} of an inference, {bytes_text(memory.stack_all_bytes)} in all",
    ]
