"""`edgeprune inspect`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.options.limits import limit_options, limits_given
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.cli.output.under_way import progress
from edgeprune.errors import DoesNotFit, UsageError
from edgeprune.units import bytes_text, count_text, microseconds_text

if TYPE_CHECKING:
    from edgeprune.tasks.inspect import Inspection, QuantizationNoise
    from edgeprune.tasks.untrained.outlook import Outlook


@click.command("inspect")
@click.argument("program", required=False, type=click.Path(path_type=Path), metavar="[FILE.pte]")
@limit_options
@click.option(
    "--quantization",
    is_flag=True,
    help="Quantize it on the project's data, and show how far each layer is from the float network.",
)
@click.option(
    "--beside",
    type=click.Path(path_type=Path),
    metavar="FILE.tflite",
    help="With FILE.pte: the same network's int8 file; what it takes by EdgePrune's own engine on --target.",
)
@json_option
def command(printer: Printer, program: Path | None, beside: Path | None, quantization: bool, **given: Any) -> None:
    """Show what a network would take on a target as it is, layer by layer, and whether it fits.

    Flash is linked, RAM is planned and its stack measured on the emulated board; data and loss are tried on one batch.
    What does not fit is thinned on a few samples, untrained, for an outlook. Exit code 3: it does not fit.

    Of an ExecuTorch program, FILE.pte: its operators, what runs them, planned memory and sizes, from the file itself.

    \b
    Examples:
      edgeprune inspect --target nucleo-f446re
      edgeprune inspect --target cortex-m4 --flash 96KiB --json
    """
    if program is not None:
        from edgeprune.cli.output.pte import show_program

        show_program(program, beside, given["target"], printer)
        return
    if beside is not None:
        raise UsageError("--beside compares with a .pte, and none is named", hint="edgeprune inspect FILE.pte --beside")
    from edgeprune.budget import Optimize
    from edgeprune.fitting.doubts import why_unjudged
    from edgeprune.hardware.registry import load_target
    from edgeprune.prune.network import Network
    from edgeprune.tasks.deployment import budget_for
    from edgeprune.tasks.fit import options_of
    from edgeprune.tasks.inspect import inspect_network, inspect_quantization
    from edgeprune.tasks.loaded import load
    from edgeprune.tasks.untrained.outlook import outlook

    project, target_name, limits, optimize = limits_given(given)
    target = load_target(target_name)
    budget = budget_for(target, limits)
    loaded = load(project)
    module, constant = loaded.module, loaded.constant
    noise = inspect_quantization(module, loaded.splits.calibration.tensor()) if quantization else None
    inspection = inspect_network(
        Network.of(module, project.model.sample_shape), target, optimize or Optimize.BALANCED, budget
    )
    data, text = _data(inspection, target.name), _text(inspection, f"{project.model.name} on {target.name}")
    if noise is not None:
        data, text = data | {"quantization": asdict(noise)}, [*text, *_noise_text(noise)]
    if inspection.footprint.exceeds(budget):
        options = options_of(project, optimize=optimize, command="edgeprune inspect")
        ahead = outlook(project, loaded, target, budget, options, progress())
        data, text = data | {"outlook": _outlook_data(ahead)}, [*text, f"outlook: {ahead.reach}: {ahead.told}"]
    printer.result(data | {"doubts": constant}, *text, *(f"look at this: {doubt}" for doubt in constant))
    if not inspection.fits:
        over = ", ".join(
            f"{name} {ratio:.0%}" for name, ratio in inspection.footprint.excess(budget).items() if ratio > 1
        )
        if not over:
            (why,) = why_unjudged(inspection.footprint, budget, target.cpu.core)
            raise DoesNotFit(
                f"{project.model.name} on {target.name}: {why}",
                hint="leave the limit away, or measure it (`fit` with --port or --device, where there is one)",
            )
        raise DoesNotFit(
            f"{project.model.name} does not fit {target.name}: {over} of the limit",
            hint=f"`edgeprune fit` thins it; the RAM peak is at {inspection.footprint.peak_layer}",
        )


def _data(inspection: Inspection, target: str) -> dict[str, Any]:
    footprint = inspection.footprint
    return {
        "fits": inspection.fits,
        "target": target,
        "flash_bytes": footprint.flash_bytes,
        "flash_limit_bytes": inspection.budget.flash_bytes,
        "flash_parts": dict(footprint.flash_parts),
        "ram_bytes": footprint.ram_bytes,
        "ram_limit_bytes": inspection.budget.ram_bytes,
        "ram_parts": dict(footprint.ram_parts),
        "arena_bytes": footprint.ram_parts["arena"],
        "latency_us": footprint.latency_us,
        "latency_basis": footprint.latency_basis,
        "latency_range_us": footprint.latency_range_us,
        "latency_limit_us": inspection.budget.latency_us,
        "unjudged": list(inspection.unjudged),
        "peak_layer": footprint.peak_layer,
        "macs": footprint.macs,
        "widths": inspection.widths,
        "frozen": list(inspection.frozen),
        "layers": [asdict(layer) for layer in inspection.layers],
    }


def _outlook_data(ahead: Outlook) -> dict[str, Any]:
    predicted = ahead.predicted
    sizes = {} if predicted is None else {"flash_bytes": predicted.flash_bytes, "ram_bytes": predicted.ram_bytes}
    names = ("reach", "told", "widths", "metric", "before", "untrained", "samples")
    return {name: getattr(ahead, name) for name in names} | sizes


def _text(inspection: Inspection, title: str) -> list[Any]:
    footprint, budget = inspection.footprint, inspection.budget
    peak = max((layer.arena_bytes for layer in inspection.layers), default=0)
    rows = [
        [
            layer.name,
            layer.kind,
            "x".join(map(str, layer.output_shape)),
            count_text(layer.macs),
            bytes_text(layer.flash_bytes),
            bytes_text(layer.arena_bytes),
            "peak" if layer.arena_bytes == peak else "",
        ]
        for layer in inspection.layers
    ]
    columns = ["layer", "operator", "output", "MACs", "weights and tables", "arena while it runs", ""]
    parts = [
        ["flash", bytes_text(footprint.flash_bytes), bytes_text(budget.flash_bytes)],
        *([f"  {name}", bytes_text(size), ""] for name, size in footprint.flash_parts.items()),
        ["RAM", bytes_text(footprint.ram_bytes), bytes_text(budget.ram_bytes)],
        *([f"  {name}", bytes_text(size), ""] for name, size in footprint.ram_parts.items()),
    ]
    if footprint.latency_us is not None:
        limit = "" if budget.latency_us is None else microseconds_text(budget.latency_us)
        how = "predicted" if footprint.latency_basis is None else footprint.latency_basis.words
        parts.append([f"latency, {how}", microseconds_text(footprint.latency_us), limit])
        if footprint.latency_range_us is not None:
            parts.append(["  it may be", " to ".join(map(microseconds_text, footprint.latency_range_us)), ""])
    unjudged = f"{', '.join(inspection.unjudged)} cannot be judged"
    verdict = "fits" if inspection.fits else "does not fit" if footprint.exceeds(budget) else unjudged
    frozen = [f"cannot be thinned: {line}" for line in inspection.frozen]
    return [
        table(columns, rows, columns[3:6], title=title, spare=["MACs", "output"]),
        table(["", "needed", "limit"], parts, ["needed", "limit"], title=verdict),
        *frozen,
    ]


def _noise_text(noise: QuantizationNoise) -> list[Any]:
    rows = [
        [layer.name, layer.kind, _db(layer.alone_db), _db(layer.so_far_db), f"{layer.share:.1%}"]
        for layer in noise.layers
    ]
    columns = ["layer", "operator", "alone, dB", "so far, dB", "of the noise"]
    title = f"int8 outputs are {noise.sqnr_db:.1f} dB above their quantization noise"
    return [
        table(columns, rows, columns[2:], title=title),
        "alone: the outputs with this layer alone in int8; so far: this layer's output, all before it in int8",
    ]


def _db(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
