"""Options for target and limits, shared by `inspect` and `fit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from edgeprune.cli.options.common import DurationType, PointsType, SizeType, TargetType
from edgeprune.errors import UsageError

if TYPE_CHECKING:
    from edgeprune.budget import Limits, Optimize
    from edgeprune.project.file import Project

F = TypeVar("F", bound=Callable[..., object])

# Option -> field of `Limits`.
_FIELDS = {
    "flash": "flash_bytes",
    "ram": "ram_bytes",
    "latency": "latency_us",
    "max_drop": "max_drop_points",
    "reserve_flash": "reserve_flash_bytes",
    "reserve_ram": "reserve_ram_bytes",
}

_OPTIONS = [
    click.option(
        "--target",
        envvar="EDGEPRUNE_TARGET",
        show_envvar=True,
        metavar="NAME|TOML",
        help="A name of 'edgeprune targets list', or a TOML file of your own.",
        shell_complete=TargetType().shell_complete,
    ),
    click.option(
        "--project",
        type=click.Path(),
        help="edgeprune.toml, or its folder; by default here, else the bundled model.",
    ),
    click.option("--flash", type=SizeType(), help="Flash the image may take, for example 96KiB."),
    click.option("--ram", type=SizeType(), help="RAM it may take: arena, variables and stack."),
    click.option(
        "--latency",
        type=DurationType(),
        help="Time one inference may take, for example 20ms; as predicted for this board.",
    ),
    click.option("--max-drop", type=PointsType(), metavar="POINTS", help="Points of the metric that may be lost."),
    click.option("--reserve-flash", type=SizeType(), help="Flash kept for your own code."),
    click.option("--reserve-ram", type=SizeType(), help="RAM kept for your own code."),
    click.option(
        "--optimize",
        type=click.Choice(["size", "balanced", "speed"]),
        metavar="LEVEL",
        help="size, balanced or speed; left out: balanced, then faster kernels in the flash that is left.",
    ),
]


def limit_options(function: F) -> F:
    """--target, --project, the limits and --optimize; `limits_given` reads them."""
    for decorate in reversed(_OPTIONS):
        function = decorate(function)
    return function


def project_path(given: Mapping[str, Any]) -> str | None:
    """The project file's path, None for the bundled model."""
    from edgeprune.tasks.fit import project_here

    path = given["project"] if given["project"] is not None else project_here()
    return None if path is None else str(Path(path).resolve())


def limits_given(given: Mapping[str, Any]) -> tuple[Project, str, Limits, Optimize | None]:
    """Project, target, limits and optimization (None: not given): the project file's, overridden by the command line's.

    Raises:
        UsageError: no target was named, or the project file is not right.
    """
    from edgeprune.budget import Optimize
    from edgeprune.tasks.fit import limits_of, project_of

    project = project_of(project_path(given))
    overrides = {field: given[option] for option, field in _FIELDS.items() if given[option] is not None}
    target = given["target"] or project.limits.target
    if target is None:
        raise UsageError(
            "no target was named", hint="--target cortex-m4, or target = ... in [limits] of edgeprune.toml"
        )
    optimize = None if given["optimize"] is None else Optimize(given["optimize"])
    return project, target, replace(limits_of(project), **overrides), optimize
