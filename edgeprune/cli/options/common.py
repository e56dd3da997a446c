"""Options several commands share, each with its help in one place."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from click.shell_completion import CompletionItem

from edgeprune.cli.options.request import Command
from edgeprune.cli.output.printer import JsonPrinter, Printer, Session, TextPrinter
from edgeprune.errors import UsageError
from edgeprune.units import parse_bytes, parse_microseconds

if TYPE_CHECKING:
    from edgeprune.hardware.profile import Target


class TargetType(click.ParamType["Target", str]):
    """A target's name or TOML file, given to the command as a `Target`."""

    name = "target"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        from edgeprune.hardware.registry import load_target

        return load_target(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from edgeprune.hardware.registry import target_names

        return [CompletionItem(name) for name in target_names() if name.startswith(incomplete)]


class SizeType(click.ParamType[int, str]):
    """`96KiB` or `98304`, given to the command in bytes."""

    name = "size"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return parse_bytes(value)
        except UsageError as error:
            self.fail(f"{error.message}; {error.hint}", param, ctx)


class DurationType(click.ParamType[float, str]):
    """`20ms`, given to the command in microseconds."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return parse_microseconds(value)
        except UsageError as error:
            self.fail(f"{error.message}; {error.hint}", param, ctx)


class PointsType(click.FloatRange):
    """Points of a metric: zero and more; FloatRange alone takes NaN."""

    def __init__(self) -> None:
        super().__init__(0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        points = super().convert(value, param, ctx)
        if not isfinite(points):
            self.fail(f"{value} is no number of points", param, ctx)
        return points


def _printer(context: click.Context, _parameter: click.Parameter, value: bool) -> Printer:
    return JsonPrinter(context.ensure_object(Session)) if value else TextPrinter()


target_option = click.option(
    "--target",
    type=TargetType(),
    metavar="NAME|TOML",
    envvar="EDGEPRUNE_TARGET",
    show_envvar=True,
    help="A name of 'edgeprune targets list', or a TOML file of your own.",
)


def require_target(target: Target | None) -> Target:
    """Raises UsageError where none was named."""
    if target is None:
        raise UsageError("no target was named", hint="--target cortex-m4, or a TOML file of your own")
    return target


def optimize_option(default: str) -> Callable[[Command], Command]:
    """--optimize, of a file that is built."""
    return click.option(
        "--optimize",
        type=click.Choice(["size", "balanced", "speed"]),
        default=default,
        show_default=True,
        help="How much flash to trade for speed.",
    )


json_option = click.option(
    "--json",
    "printer",
    is_flag=True,
    callback=_printer,
    help="Print the result as JSON on stdout; a failure is JSON too.",
)

runs_option = click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Folder of the runs."
)

ram_first_option = click.option(
    "--ram-first", is_flag=True, help="Run the first layers row by row where that makes the arena smaller; slower."
)


class TrainerOrMachineType(click.ParamType[str, str]):
    """What trains (`cpu`), or the address of the device that measures (`ssh://USER@HOST`, `adb:SERIAL`)."""

    name = "device"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in _TRAINERS and ":" not in value:
            self.fail(f"'{value}' is none of {', '.join(_TRAINERS)}, and no ssh://USER@HOST or adb:SERIAL", param, ctx)
        return value


_TRAINERS = ("auto", "cpu", "cuda")

trainer_or_machine_option = click.option(
    "--device",
    type=TrainerOrMachineType(),
    help="The device that measures, ssh://USER@HOST or adb:SERIAL; or what trains: cpu, cuda, auto (a GPU if any).",
)

device_option = click.option(
    "--device",
    type=click.Choice(_TRAINERS),
    help="The device that trains; auto is a GPU where torch has one.",
)


def scales_of(text: str) -> tuple[float, ...]:
    """Numbers with commas between. Raises UsageError for anything but numbers above 0."""
    try:
        values = tuple(float(word) for word in _between_commas(text))
    except ValueError:
        values = ()
    if not values or not all(0 < value < inf for value in values):
        raise UsageError(f"--scales {text} is no list of numbers above 0", hint="for example --scales 1,0.75,0.5")
    return values


def words_of(text: str) -> tuple[str, ...]:
    """Of a list with commas between. Raises UsageError where there is none, or one stands there twice."""
    words = _between_commas(text)
    if not words:
        raise UsageError(f"'{text}' names nothing", hint="names with commas between, for example l2,taylor")
    if len(set(words)) < len(words):
        raise UsageError(f"'{text}' names something twice", hint="name each once")
    return words


def _between_commas(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
