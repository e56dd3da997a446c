"""`edgeprune fit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.core import ParameterSource

from edgeprune.cli.options import DurationType, SizeType, json_option
from edgeprune.cli.output import Printer, progress, table
from edgeprune.errors import DoesNotFit, UsageError
from edgeprune.units import bytes_text, count_text

if TYPE_CHECKING:
    from rich.table import Table

    from edgeprune.fit.record import RunRecord
    from edgeprune.pipeline import FitRequest


@click.command("fit")
@click.option(
    "--target",
    envvar="EDGEPRUNE_TARGET",
    show_envvar=True,
    metavar="NAME|FILE.toml",
    help="The device: a name of 'edgeprune targets list', or a TOML file of your own.",
)
@click.option(
    "--project",
    type=click.Path(),
    help="edgeprune.toml, or its folder; by default the one here, else the bundled model.",
)
@click.option("--flash", type=SizeType(), help="Flash the whole image may take, for example 96KiB.")
@click.option("--ram", type=SizeType(), help="RAM the firmware may take: arena, variables and stack.")
@click.option("--latency", type=DurationType(), help="Time one inference may take (predicted), for example 20ms.")
@click.option("--max-drop", type=click.FloatRange(0), help="Points of the metric that may be lost.")
@click.option("--reserve-flash", type=SizeType(), help="Flash kept for your own code.")
@click.option("--reserve-ram", type=SizeType(), help="RAM kept for your own code.")
@click.option("--epochs", type=click.IntRange(0), help="Training epochs in all.")
@click.option("--steps", type=click.IntRange(1, 20), help="Thinning steps, with training after each.")
@click.option("--criterion", help="How channels are ranked: 'edgeprune criteria list'.")
@click.option("--samples", type=click.IntRange(1), help="Test samples replayed on the board (100).")
@click.option("--optimize", type=click.Choice(["size", "balanced", "speed"]), help="How much flash may buy speed.")
@click.option(
    "--port", envvar="EDGEPRUNE_PORT", show_envvar=True, help="Serial port of a real board; emulated without."
)
@click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Folder of the runs."
)
@click.option(
    "--resume", is_flag=False, flag_value="latest", metavar="[RUN]", help="Go on with a run that was cut off."
)
@json_option
@click.pass_context
def command(
    context: click.RichContext, /, target: str | None, runs: Path, resume: str | None, printer: Printer, **given: object
) -> None:
    """Thin and quantize a model until its firmware fits the target, then run and profile it there.

    Exit code 3 says that it does not fit, with what could be reached.
    """
    from edgeprune.pipeline import begin_fit, resume_fit

    shown = progress()
    if resume is not None:
        folder = runs / resume if not Path(resume).is_dir() else Path(resume)
        record = resume_fit(folder, shown)
    else:
        record = begin_fit(
            _request(target, given, " ".join(context.command_path.split() + _typed(context))), runs, shown
        )
    printer.result(record.model_dump(mode="json"), *_text(record))
    if not record.fits:
        raise DoesNotFit(
            f"{record.drop_points:.2f} points of {record.accuracy.metric} were lost; the limit is "
            f"{record.max_drop_points}",
            hint="train longer (--epochs), raise --max-drop, or choose a larger target",
        )


def _request(target: str | None, given: dict[str, object], typed: str) -> FitRequest:
    from dataclasses import replace

    from edgeprune.kernels.base import Optimize
    from edgeprune.pipeline import FitRequest, limits_of, options_of, project_here, project_of

    path = str(given["project"]) if given["project"] is not None else project_here()
    path = None if path is None else str(Path(path).resolve())
    project = project_of(path)
    names = {"flash": "flash_bytes", "ram": "ram_bytes", "latency": "latency_us", "max_drop": "max_drop_points",
             "reserve_flash": "reserve_flash_bytes", "reserve_ram": "reserve_ram_bytes"}  # fmt: skip
    limits = replace(limits_of(project), **{names[key]: given[key] for key in names if given[key] is not None})  # type: ignore[arg-type]
    chosen = target or project.limits.target
    if chosen is None:
        raise UsageError(
            "no target was named", hint="--target cortex-m4, or target = ... in [limits] of edgeprune.toml"
        )
    optimize = Optimize(str(given["optimize"])) if given["optimize"] is not None else None
    options = options_of(
        project,
        epochs=given["epochs"],
        steps=given["steps"],
        criterion=given["criterion"],
        board_samples=given["samples"],
        optimize=optimize,
        port=given["port"],
        command=typed,
    )
    return FitRequest(path, chosen, limits, options)


def _typed(context: click.Context) -> list[str]:
    """The options given on the command line, for the record."""
    words = []
    for parameter in context.command.params:
        if context.get_parameter_source(str(parameter.name)) == ParameterSource.COMMANDLINE:
            value = context.params[str(parameter.name)]
            words += [parameter.opts[-1], *([] if parameter.name == "printer" else [str(value)])]
    return words


def _text(record: RunRecord) -> list[Table | str]:
    """Before, after and limit; then the layers; then where it all lies."""
    before, after, predicted = record.before, record.after, record.predicted

    def row(name: str, values: tuple[int, int, int], limit: int | None) -> list[str]:
        return [name, *(bytes_text(value) for value in values), "" if limit is None else bytes_text(limit)]

    columns = ["", "before (predicted)", "after (predicted)", f"after ({record.source})", "limit"]
    rows = [
        row("flash", (before.flash_bytes, predicted.flash_bytes, after.flash_bytes), record.flash_limit_bytes),
        *(
            row(f"  {part}", (before.ram_parts[part], predicted.ram_parts[part], after.ram_parts[part]), None)
            for part in ("arena", "data", "stack")
        ),
        row("RAM", (before.ram_bytes, predicted.ram_bytes, after.ram_bytes), record.ram_limit_bytes),
        ["MACs", count_text(before.macs), count_text(predicted.macs), count_text(after.macs), ""],
    ]
    accuracy = record.accuracy
    layer_rows = [
        [
            layer.name,
            layer.kind,
            "x".join(map(str, layer.output_shape)),
            count_text(layer.macs),
            count_text(round(layer.measured_ticks)),
        ]
        for layer in record.layers
    ]
    return [
        table(
            columns,
            rows,
            columns[1:],
            title=f"{record.model} on {record.target}: {'fits' if record.fits else 'does not fit'}",
        ),
        table(
            ["accuracy", "original", "thinned", "int8", f"int8 on the {record.source}"],
            [
                [
                    accuracy.metric,
                    f"{accuracy.float_before:.2f}",
                    f"{accuracy.float:.2f}",
                    f"{accuracy.int8:.2f} ({accuracy.int8_samples:,} samples)",
                    f"{accuracy.device:.2f} ({accuracy.device_samples:,} samples, the same bytes as the host)",
                ]
            ],
        ),
        table(
            ["layer", "operator", "output", "MACs", f"{record.ticks} ({record.source})"],
            layer_rows,
            ["MACs", f"{record.ticks} ({record.source})"],
        ),
        f"one inference: {count_text(round(record.total_ticks))} {record.ticks} ({record.source})",
        f"run folder: {record.run}",
    ]
