"""`edgeprune check`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.options.common import json_option, optimize_option, ram_first_option, target_option
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.errors import DoesNotFit, UnsupportedOp, UsageError
from edgeprune.units import bytes_text, count_text

if TYPE_CHECKING:
    from edgeprune.hardware.profile import Target
    from edgeprune.tasks.check import Checked

_USUAL_TARGET = "cortex-m4"


@click.command("check")
@click.argument("model", type=click.Path(path_type=Path), metavar="FILE.tflite")
@target_option
@optimize_option("speed")
@ram_first_option
@json_option
def command(model: Path, target: Target | None, optimize: str, ram_first: bool, printer: Printer) -> None:
    """Show what each layer of a .tflite would run on, why not on something faster, or what does not fit.

    Needs no compiler, so the code's size is not counted. The target is cortex-m4 unless another is named.

    \b
    Example:
      edgeprune check model.tflite --target cortex-m4
    """
    from edgeprune.budget import Optimize
    from edgeprune.hardware.registry import load_target
    from edgeprune.tasks.check import check_model
    from edgeprune.toolchain.space import remedy

    if not model.is_file():
        raise UsageError(f"{model} is not there", hint="give an int8 .tflite")
    chosen = target or load_target(_USUAL_TARGET)
    checked = check_model(model.read_bytes(), chosen, Optimize(optimize), ram_first)
    result: dict[str, Any] = {
        "compiles": not checked.problems,
        "target": chosen.name,
        "optimize": optimize,
        "problems": list(checked.problems),
        "misfits": list(checked.misfits.values()),
        "arena_bytes": checked.arena_bytes,
        "weight_bytes": checked.weight_bytes,
        "table_bytes": checked.table_bytes,
        "plain_share": checked.plain_share,
        "layers": [asdict(layer) for layer in checked.layers],
    }
    if checked.problems:
        printer.result(result, *(f"does not compile: {problem}" for problem in checked.problems))
        raise UnsupportedOp(f"{model.name} does not compile for {chosen.name}: {_count(checked)}", checked.hint)
    printer.result(result, *_text(checked, f"{model.name} for {chosen.name} at {optimize}"))
    if checked.misfits and target is not None:
        misfits = "; ".join(checked.misfits.values())
        raise DoesNotFit(f"{model.name} does not fit {chosen.name}: {misfits}", hint=remedy(checked.misfits))


def _count(checked: Checked) -> str:
    count = len(checked.problems)
    return "1 problem" if count == 1 else f"{count} problems"


def _text(checked: Checked, title: str) -> list[Any]:
    rows = [
        [
            layer.name,
            layer.operator,
            "x".join(map(str, layer.output_shape)),
            count_text(layer.macs),
            "" if layer.instructions is None else count_text(round(layer.instructions)),
            layer.runs_on,
            layer.kernel if layer.why is None else f"{layer.kernel}: {layer.why}",
        ]
        for layer in checked.layers
    ]
    columns = ["layer", "operator", "output", "MACs", "instructions (predicted)", "on", "kernel"]
    share = "" if checked.plain_share is None else f"; {checked.plain_share:.1%} of the MACs in plain C"
    assert checked.arena_bytes is not None and checked.weight_bytes is not None and checked.table_bytes is not None
    return [
        table(columns, rows, columns[3:5], title=title, spare=["output", "MACs", "on"]),
        f"compiles: arena {bytes_text(checked.arena_bytes)}, weights {bytes_text(checked.weight_bytes)}, "
        f"tables {bytes_text(checked.table_bytes)}{share}",
        *checked.misfits.values(),
    ]
