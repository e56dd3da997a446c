"""`edgeprune fit`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from click.core import ParameterSource

from edgeprune.cli.early_exit import exit_table
from edgeprune.cli.limit_options import limit_options, limits_given, project_path
from edgeprune.cli.options import device_option, json_option, ram_first_option
from edgeprune.cli.output import Printer, progress, table
from edgeprune.errors import DoesNotFit
from edgeprune.units import bytes_text, count_text

if TYPE_CHECKING:
    from rich.table import Table

    from edgeprune.fitting.record import RunRecord
    from edgeprune.pipeline import FitRequest


@click.command("fit")
@limit_options
@ram_first_option
@click.option("--epochs", type=click.IntRange(0), help="Training epochs in all.")
@click.option("--steps", type=click.IntRange(1, 20), help="Thinning steps, with training after each.")
@click.option("--criterion", help="How channels are ranked, for example l2, taylor or fpgm.")
@click.option("--granularity", help="What is removed beside channels: `edgeprune granularities list`.")
@device_option
@click.option(
    "--early-exit",
    type=click.FloatRange(0),
    is_flag=False,
    flag_value="0.5",
    metavar="[POINTS]",
    help="Let sure inputs leave half-way, for at most that many points of the metric (0.5); the limits hold without.",
)
@click.option("--samples", type=click.IntRange(1), help="Test samples replayed on the board (100).")
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
def command(context: click.RichContext, /, runs: Path, resume: str | None, printer: Printer, **given: Any) -> None:
    """Thin and quantize a model until its firmware fits the target, then run and profile it there.

    Exit code 3 says that it does not fit, with what could be reached.
    """
    from edgeprune.pipeline import begin_fit, resume_fit

    shown = progress()
    if resume is not None:
        folder = runs / resume if not Path(resume).is_dir() else Path(resume)
        record = resume_fit(folder, shown)
    else:
        record = begin_fit(_request(given, " ".join([context.command_path, *_typed(context)])), runs, shown)
    printer.result(record.model_dump(mode="json"), *_text(record))
    if not record.fits:
        raise DoesNotFit(
            f"{record.drop_points:.2f} points of {record.accuracy.metric} were lost; the limit is "
            f"{record.max_drop_points}",
            hint="train longer (--epochs), raise --max-drop, or choose a larger target",
        )


def _request(given: Mapping[str, Any], typed: str) -> FitRequest:
    from edgeprune.pipeline import FitRequest, options_of

    project, target, limits, optimize = limits_given(given)
    options = options_of(
        project,
        epochs=given["epochs"],
        steps=given["steps"],
        criterion=given["criterion"],
        granularity=given["granularity"],
        early_exit=given["early_exit"],
        board_samples=given["samples"],
        optimize=optimize,
        ram_first=given["ram_first"],
        port=given["port"],
        device=given["device"],
        command=typed,
    )
    return FitRequest(project_path(given), target, limits, options)


def _typed(context: click.Context) -> list[str]:
    """The options given on the command line, for the record."""
    words = []
    for parameter in context.command.params:
        if context.get_parameter_source(str(parameter.name)) == ParameterSource.COMMANDLINE:
            value = context.params[str(parameter.name)]
            is_flag = parameter.name in ("printer", "ram_first")
            words += [parameter.opts[-1], *([] if is_flag else [str(value)])]
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
            "" if layer.predicted_ticks is None else count_text(round(layer.predicted_ticks)),
            count_text(round(layer.measured_ticks)),
        ]
        for layer in record.layers
    ]
    masks = record.masks
    masked = (
        []
        if masks is None
        else [
            f"{masks.granularity}: {masks.density:.1%} of the weights stay; image {bytes_text(masks.flash_bytes)}, "
            f"without masks {bytes_text(masks.unmasked_flash_bytes)}: "
            + (f"{bytes_text(masks.saved_bytes)} saved" if masks.saved_bytes > 0 else "nothing is saved")
        ]
    )
    whole = [f"removed whole: {', '.join(record.removed)}"] if record.removed else []
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
            ["layer", "operator", "output", "MACs", "instructions (predicted)", f"{record.ticks} ({record.source})"],
            layer_rows,
            ["MACs", "instructions (predicted)", f"{record.ticks} ({record.source})"],
        ),
        *_early_exit(record),
        f"one inference: {count_text(round(record.total_ticks))} {record.ticks} ({record.source})",
        *whole,
        *masked,
        f"run folder: {record.run}",
    ]


def _early_exit(record: RunRecord) -> list[Table | str]:
    found = record.early_exit
    if found is None:
        return []
    metric = record.accuracy.metric
    return [
        exit_table(found.after, found.on_board, record.ticks, record.source),
        f"{metric} with it {record.accuracy.int8:.2f}, without {found.int8_without:.2f} "
        f"({record.accuracy.int8_samples:,} test samples); limits are judged by an input that stays",
    ]
