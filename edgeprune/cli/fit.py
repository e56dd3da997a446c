"""`edgeprune fit`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from click.core import ParameterSource

from edgeprune.cli.options.common import (
    PointsType,
    json_option,
    ram_first_option,
    runs_option,
    trainer_or_machine_option,
)
from edgeprune.cli.options.limits import limit_options, limits_given, project_path
from edgeprune.cli.output.early_exit import exit_table
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import ColumnsThatFit, table
from edgeprune.cli.output.under_way import progress
from edgeprune.errors import DoesNotFit, UsageError
from edgeprune.tasks.report.board_time import board_time_words
from edgeprune.units import bytes_text, count_text, microseconds_text, score_text

if TYPE_CHECKING:
    from edgeprune.fitting.record import RunRecord
    from edgeprune.tasks.fit import FitRequest


_PLACES = {"emulator": "the emulator", "device": "the device", "host": "this machine"}


@click.command("fit")
@limit_options
@ram_first_option
@click.option("--epochs", type=click.IntRange(0), metavar="N", help="Training epochs in all.")
@click.option("--steps", type=click.IntRange(1, 20), metavar="N", help="Thinning steps, with training after each.")
@click.option("--criterion", metavar="NAME", help="How channels are ranked: `criteria list`.")
@click.option("--schedule", metavar="NAME", help="Another way to the widths: `schedules list`.")
@click.option(
    "--rewind",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Weights early in training, for --schedule rewind.",
)
@click.option("--granularity", metavar="NAME", help="What goes beside channels: `granularities list`.")
@trainer_or_machine_option
@click.option(
    "--early-exit",
    type=PointsType(),
    is_flag=False,
    flag_value="0.5",
    metavar="[POINTS]",
    help="Let confident inputs leave half-way, for at most so many points of the metric (0.5); limits hold without.",
)
@click.option(
    "--mixed", is_flag=True, help="int16 activations for the few layers whose int8 rounding shows most at the outputs."
)
@click.option("--samples", type=click.IntRange(1), metavar="N", help="Test samples replayed on the board (100).")
@click.option(
    "--port", envvar="EDGEPRUNE_PORT", show_envvar=True, help="Serial port of a real board; emulated without."
)
@runs_option
@click.option("--no-report", is_flag=True, help="Do not write report.html, the run as a page.")
@click.option("--resume", is_flag=False, flag_value="latest", metavar="[RUN]", help="Resume an interrupted run.")
@json_option
@click.pass_context
def command(
    context: click.RichContext, /, runs: Path, resume: str | None, no_report: bool, printer: Printer, **given: Any
) -> None:
    """Thin and quantize a model until its firmware fits the target, then run and profile it there.

    Exit code 3: it does not fit; the message states the smallest reachable size.

    \b
    Examples:
      edgeprune fit --target cortex-m4 --flash 96KiB --ram 40KiB
      edgeprune fit --resume
    """
    if resume is not None:
        _refuse_changes(context)
    from edgeprune.tasks.fit import begin_fit, resume_fit
    from edgeprune.tasks.report.write import write_page

    shown = progress()
    if resume is not None:
        folder = runs / resume if not Path(resume).is_dir() else Path(resume)
        record = resume_fit(folder, shown)
    else:
        typed = shlex.join([*context.command_path.split(), *_typed(context)])
        record = begin_fit(_request(given, typed), runs, shown)
    if not no_report:
        shown.note(f"report: {write_page(Path(record.run))}")
    printer.result(record.model_dump(mode="json"), *_text(record))
    if record.unjudged and not record.loses_too_much:
        why = next(doubt for doubt in record.doubts if doubt.startswith("a latency of "))
        measures = "--device ssh://USER@HOST (or adb:SERIAL)" if record.product == "program" else "--port of the board"
        raise DoesNotFit(why, hint=f"leave the limit away, or measure it ({measures}, where there is one)")
    judged_us = record.after.judged_us
    if record.latency_limit_us is not None and judged_us is not None and judged_us > record.latency_limit_us:
        raise DoesNotFit(_too_slow(record), hint="ask for a shorter --latency, so that the limit is held with room")
    if not record.fits:
        accuracy = record.accuracy
        before, after = score_text(accuracy.float_before), score_text(accuracy.int8)
        counted = "" if record.counted_error is None else f", in percent of {score_text(record.counted_error)}"
        raise DoesNotFit(
            f"{record.drop_points:,.2f} points of {accuracy.metric} were lost ({before} before, {after} as int8"
            f"{counted}); the limit is {record.max_drop_points:g}",
            hint="train longer (--epochs), raise --max-drop, or choose a larger target",
        )


def _known(score: float | None) -> str:
    return "" if score is None else score_text(score)


def _refuse_changes(context: click.Context) -> None:
    """Raises UsageError where a resumed run is given options of its beginning."""
    others = sorted(set(_options_typed(context)) - {"--resume", "--runs", "--no-report", "--json"})
    if others:
        raise UsageError(
            f"a resumed run keeps what it was begun with; {', '.join(others)} cannot be changed",
            hint="leave it away, or start a new run without --resume",
        )


def _too_slow(record: RunRecord) -> str:
    """Of a run whose last image takes longer than those it was chosen by."""
    took_us, limit_us, basis = record.after.latency_us, record.latency_limit_us, record.after.latency_basis
    assert took_us is not None and limit_us is not None
    how = "" if basis is None else f" ({basis.words})"
    range_us = record.after.latency_range_us
    most = "" if range_us is None else f", and by the prediction's own error up to {microseconds_text(range_us[1])}"
    return f"an inference takes {microseconds_text(took_us)}{how}{most}; the limit is {microseconds_text(limit_us)}"


def _request(given: Mapping[str, Any], typed: str) -> FitRequest:
    from edgeprune.fitting.granularity import GRANULARITIES
    from edgeprune.tasks.fit import FitRequest, options_of

    project, target, limits, optimize = limits_given(given)
    if given["schedule"] is not None and given["steps"] is not None:
        raise UsageError(
            f"--schedule {given['schedule']} takes its own steps", hint="leave --steps away, or --schedule"
        )
    address = given["device"] if ":" in (given["device"] or "") else None
    options = options_of(
        project,
        epochs=given["epochs"],
        steps=given["steps"],
        criterion=given["criterion"],
        schedule=given["schedule"],
        rewind=None if given["rewind"] is None else str(Path(given["rewind"]).resolve()),
        early_exit=given["early_exit"],
        board_samples=given["samples"],
        optimize=optimize,
        ram_first=given["ram_first"],
        mixed=given["mixed"] or None,
        port=address if address is not None else given["port"],
        device=None if address is not None else given["device"],
        command=typed,
    )
    granularity = GRANULARITIES.find(given["granularity"] or project.training.granularity)
    return FitRequest(project_path(given), target, limits, granularity, options)


def _typed(context: click.Context) -> list[str]:
    """The options given on the command line, for the record."""
    words = []
    for option, value in _options_typed(context).items():
        words += [option] if option in ("--json", "--ram-first", "--mixed", "--no-report") else [option, str(value)]
    return words


def _options_typed(context: click.Context) -> dict[str, Any]:
    """Option as it is spelled -> its value, of those given on the command line."""
    return {
        parameter.opts[-1]: context.params[str(parameter.name)]
        for parameter in context.command.params
        if context.get_parameter_source(str(parameter.name)) == ParameterSource.COMMANDLINE
    }


def _text(record: RunRecord) -> list[ColumnsThatFit | str]:
    """Before, after and limit; then the layers; then where it all lies."""
    from edgeprune.tasks.report.answers import interval_words

    before, after, predicted = record.before, record.after, record.predicted

    def row(name: str, values: tuple[int, int, int], limit: int | None) -> list[str]:
        return [name, *(bytes_text(value) for value in values), "" if limit is None else bytes_text(limit)]

    is_program, unit = record.product == "program", _predicted_unit(record)
    made = "built" if is_program else record.source
    columns = ["", "before (predicted)", "after (predicted)", f"after ({made})", "limit"]
    rows = [
        row(
            "file" if is_program else "flash",
            (before.flash_bytes, predicted.flash_bytes, after.flash_bytes),
            record.flash_limit_bytes,
        ),
        *(
            row(f"  {part}", (before.ram_parts.get(part, 0), predicted.ram_parts.get(part, 0), size), None)
            for part, size in after.ram_parts.items()
        ),
        row(
            "memory" if is_program else "RAM",
            (before.ram_bytes, predicted.ram_bytes, after.ram_bytes),
            record.ram_limit_bytes,
        ),
        ["MACs", count_text(before.macs), count_text(predicted.macs), count_text(after.macs), ""],
        *_time_row(record),
    ]
    accuracy = record.accuracy
    layer_rows = [
        [
            layer.name,
            layer.kind,
            "x".join(map(str, layer.output_shape)),
            count_text(layer.macs),
            "" if layer.predicted_ticks is None else count_text(round(layer.predicted_ticks)),
            "" if layer.measured_ticks is None else count_text(round(layer.measured_ticks)),
        ]
        for layer in record.layers
    ]
    is_timed = record.total_ticks is not None
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
            title=f"{record.model} on {record.target}: {_verdict(record)}",
        ),
        table(
            ["metric", "original", "thinned", "int8", f"int8 on {_PLACES[record.source]}"],
            [
                [
                    accuracy.metric,
                    score_text(accuracy.float_before),
                    score_text(accuracy.float),
                    f"{score_text(accuracy.int8)} ({accuracy.int8_samples:,} samples)",
                    f"{_known(accuracy.device)} ({accuracy.device_samples:,} samples)",
                ]
            ],
        ),
        f"on {_PLACES[record.source]}: the same bytes as the host{interval_words(record)}",
        table(
            ["layer", "operator", "output", "MACs", unit, f"{record.ticks} ({record.source})"][: 6 if is_timed else 5],
            [row[: 6 if is_timed else 5] for row in layer_rows],
            ["MACs", unit, f"{record.ticks} ({record.source})"],
            spare=["output", "MACs"],
        ),
        *_early_exit(record),
        _one_inference(record),
        *([] if record.board_time is None else [board_time_words(record.board_time, record.target)]),
        *whole,
        *masked,
        *(f"look at this: {doubt}" for doubt in record.doubts),
        f"run folder: {record.run}",
    ]


def _verdict(record: RunRecord) -> str:
    if record.unjudged and not record.loses_too_much:
        return f"{', '.join(record.unjudged)} cannot be judged"
    return "fits" if record.fits else "does not fit"


def _time_row(record: RunRecord) -> list[list[str]]:
    """Of one inference, each with where it comes from."""
    sizes = (record.before, record.predicted, record.after)
    if all(size.latency_us is None for size in sizes):
        return []
    shown = [
        "" if size.latency_us is None
        else microseconds_text(size.latency_us) + (f" ({size.latency_basis.words})" if size.latency_basis else "")
        for size in sizes
    ]  # fmt: skip
    limit = "" if record.latency_limit_us is None else microseconds_text(record.latency_limit_us)
    most = ["" if size.latency_range_us is None else microseconds_text(size.latency_range_us[1]) for size in sizes]
    return [["time", *shown, "" if any(most) else limit], *([["  at most", *most, limit]] if any(most) else [])]


def _predicted_unit(record: RunRecord) -> str:
    return "ns (roofline, at best)" if record.product == "program" else "instructions (predicted)"


def _one_inference(record: RunRecord) -> str:
    if record.total_ticks is not None:
        return f"one inference: {count_text(round(record.total_ticks))} {record.ticks} ({record.source})"
    predicted = record.predicted.latency_us
    least = "" if predicted is None else f"at least {microseconds_text(predicted)} by the roofline of the profile, "
    return f"one inference: {least}a prediction nobody measured; --device ssh://USER@HOST measures it"


def _early_exit(record: RunRecord) -> list[ColumnsThatFit | str]:
    early = record.early_exit
    if early is None:
        return []
    metric = record.accuracy.metric
    return [
        *([] if early.on_board is None else [exit_table(early.after, early.on_board, record.ticks, record.source)]),
        f"{metric} with it {score_text(record.accuracy.int8)}, without {score_text(early.int8_without)} "
        f"({record.accuracy.int8_samples:,} test samples); limits apply to an input that does not leave early",
    ]
