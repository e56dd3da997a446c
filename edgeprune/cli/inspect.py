"""`edgeprune inspect`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.limit_options import limit_options, limits_given
from edgeprune.cli.options import json_option
from edgeprune.cli.output import Printer, table
from edgeprune.errors import DoesNotFit
from edgeprune.units import bytes_text, count_text

if TYPE_CHECKING:
    from edgeprune.inspection import Inspection


@click.command("inspect")
@limit_options
@json_option
def command(printer: Printer, **given: Any) -> None:
    """Show what a network would take on a target as it is, layer by layer, and whether it fits.

    Flash is linked, RAM is planned and its stack measured on the emulated board. Exit code 3: it does not fit.
    """
    from edgeprune.fitting.limits import budget_for
    from edgeprune.fitting.network import Network
    from edgeprune.inspection import inspect_network
    from edgeprune.kernels.base import Optimize
    from edgeprune.model.load import load_module
    from edgeprune.target.registry import load_target

    project, target_name, limits, optimize = limits_given(given)
    target = load_target(target_name)
    budget = budget_for(target, limits)
    module = load_module(project.model.entry, project.model.weights, project.root)
    found = inspect_network(Network.of(module, project.model.input), target, optimize or Optimize.BALANCED, budget)
    printer.result(_data(found, target.name), *_text(found, f"{project.model.name} on {target.name}"))
    if not found.fits:
        over = ", ".join(f"{name} {ratio:.0%}" for name, ratio in found.footprint.excess(budget).items() if ratio > 1)
        raise DoesNotFit(
            f"{project.model.name} does not fit {target.name}: {over} of the limit",
            hint=f"`edgeprune fit` thins it; the RAM peak is at {found.footprint.peak_layer}",
        )


def _data(found: Inspection, target: str) -> dict[str, Any]:
    footprint = found.footprint
    return {
        "fits": found.fits,
        "target": target,
        "flash_bytes": footprint.flash_bytes,
        "flash_limit_bytes": found.budget.flash_bytes,
        "flash_parts": dict(footprint.flash_parts),
        "ram_bytes": footprint.ram_bytes,
        "ram_limit_bytes": found.budget.ram_bytes,
        "ram_parts": dict(footprint.ram_parts),
        "arena_bytes": footprint.ram_parts["arena"],
        "peak_layer": footprint.peak_layer,
        "macs": footprint.macs,
        "widths": found.widths,
        "frozen": list(found.frozen),
        "layers": [asdict(layer) for layer in found.layers],
    }


def _text(found: Inspection, title: str) -> list[Any]:
    footprint, budget = found.footprint, found.budget
    peak = max((layer.arena_bytes for layer in found.layers), default=0)
    rows = [
        [
            layer.name,
            layer.kind,
            "x".join(map(str, layer.output_shape)),
            count_text(layer.macs),
            bytes_text(layer.flash_bytes),
            bytes_text(layer.arena_bytes),
            "<- RAM peak" if layer.arena_bytes == peak else "",
        ]
        for layer in found.layers
    ]
    columns = ["layer", "operator", "output", "MACs", "weights and tables", "arena while it runs", ""]
    parts = [
        ["flash", bytes_text(footprint.flash_bytes), bytes_text(budget.flash_bytes)],
        *([f"  {name}", bytes_text(size), ""] for name, size in footprint.flash_parts.items()),
        ["RAM", bytes_text(footprint.ram_bytes), bytes_text(budget.ram_bytes)],
        *([f"  {name}", bytes_text(size), ""] for name, size in footprint.ram_parts.items()),
    ]
    verdict = "fits" if found.fits else "does not fit"
    frozen = [f"cannot be thinned: {line}" for line in found.frozen]
    return [
        table(columns, rows, columns[3:6], title=title),
        table(["", "needed", "limit"], parts, ["needed", "limit"], title=verdict),
        *frozen,
    ]
