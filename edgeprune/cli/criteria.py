"""`edgeprune criteria list|show|compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.options.common import device_option, json_option, words_of
from edgeprune.cli.options.limits import limit_options, limits_given
from edgeprune.cli.output.explained import Fact, show_catalogue, show_entry
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.cli.output.under_way import progress
from edgeprune.units import bytes_text, count_text, score_text

if TYPE_CHECKING:
    from edgeprune.prune.scoring.criterion import Criterion, Procedure
    from edgeprune.tasks.untrained.criteria import CriteriaCompared, Kept

_NEEDS: Fact[Criterion | Procedure] = Fact("needs", "needs", lambda criterion: sorted(criterion.needs))


@click.group("criteria")
def command() -> None:
    """List, explain and compare the criteria that rank channels (`fit --criterion`).

    \b
    Examples:
      edgeprune criteria list
      edgeprune criteria show taylor
      edgeprune criteria compare --target cortex-m4 --flash 64KiB
    """


@command.command("list")
@json_option
def list_criteria(printer: Printer) -> None:
    """List the criteria, with the data each needs."""
    from edgeprune.prune.scoring.criterion import CRITERIA

    show_catalogue(printer, "criteria", CRITERIA, _NEEDS, "what it measures")


@command.command("show")
@click.argument("name")
@json_option
def show(name: str, printer: Printer) -> None:
    """Explain one criterion: the formula in words, the paper, the data it needs."""
    from edgeprune.prune.scoring.criterion import CRITERIA

    show_entry(printer, CRITERIA.find(name), _NEEDS)


@command.command("compare")
@limit_options
@click.option(
    "--criteria", default="l2,fpgm,taylor,fisher,obd,obs,random", show_default=True,
    help="Names, with commas between; all: every one there is.",
)  # fmt: skip
@device_option
@json_option
def compare(criteria: str, device: str | None, printer: Printer, **given: Any) -> None:
    """Which criterion keeps most of your network at your limits, in minutes: nothing is trained.

    Each goes the way of `fit --epochs 0` up to its export: sensitivities, widths within the limits, images linked for
    them, layers solved again. Validation samples judge; how far one is behind is held against the noise over ten parts
    of them. What training gives back, `edgeprune compare` shows.

    \b
    Examples:
      edgeprune criteria compare --flash 64KiB --ram 32KiB
      edgeprune criteria compare --latency 20ms --criteria l2,taylor,obs
    """
    from edgeprune.hardware.registry import load_target
    from edgeprune.prune.scoring.criterion import CRITERIA
    from edgeprune.tasks.deployment import budget_for
    from edgeprune.tasks.fit import options_of
    from edgeprune.tasks.loaded import load
    from edgeprune.tasks.untrained.criteria import compare_criteria

    names = tuple(CRITERIA.all()) if criteria.strip() == "all" else words_of(criteria)
    project, target_name, limits, optimize = limits_given(given)
    target = load_target(target_name)
    budget = budget_for(target, limits)
    options = options_of(project, optimize=optimize, device=device, command="edgeprune criteria compare")
    compared = compare_criteria(project, load(project), target, budget, names, options, progress())
    printer.result(_data_of(compared), *_text(compared, options.criterion))


def _data_of(compared: CriteriaCompared) -> dict[str, Any]:
    rows = [
        {
            "criterion": one.criterion,
            "score": one.score,
            "behind": one.behind,
            "noise": one.noise,
            "within_noise": one.is_within_noise,
            "widths": one.widths,
            "flash_bytes": one.predicted.flash_bytes,
            "ram_bytes": one.predicted.ram_bytes,
            "latency_us": one.predicted.latency_us,
            "macs": one.predicted.macs,
            "cpu_s": one.cpu_s,
        }
        for one in compared.kept
    ]
    facts = {name: getattr(compared, name) for name in ("metric", "before", "samples", "refused")}
    return facts | {"criteria": rows}


def _text(compared: CriteriaCompared, usual: str) -> list[Any]:
    columns = ["criterion", compared.metric, "behind", "noise", "flash", "RAM", "MACs", "CPU"]
    rows = [
        [
            one.criterion, score_text(one.score), score_text(one.behind),
            "unknown" if one.noise is None else f"± {score_text(one.noise)}", bytes_text(one.predicted.flash_bytes),
            bytes_text(one.predicted.ram_bytes), count_text(one.predicted.macs), f"{one.cpu_s:.0f} s",
        ]
        for one in compared.kept
    ]  # fmt: skip
    title = (
        f"{compared.metric} on {compared.samples:,} validation samples, {score_text(compared.before)} before; untrained"
    )
    refused = [f"{name} cannot rank this network: {why}" for name, why in compared.refused.items()]
    return [table(columns, rows, columns[1:], title=title), *refused, *_sentences(compared.kept, usual)]


def _sentences(kept: tuple[Kept, ...], usual: str) -> list[str]:
    """What to make of it: those that nothing tells apart, and where the project's own criterion is."""
    alike = [one.criterion for one in kept[1:] if one.is_within_noise]
    said = [f"{kept[0].criterion} keeps most" + (f"; within the noise of it: {', '.join(alike)}" if alike else "")]
    own = next((one for one in kept if one.criterion == usual), None)
    if own is not None and not own.is_within_noise:
        said.append(f"`fit` takes {usual} unless told: --criterion {kept[0].criterion}")
    return said
