"""`edgeprune targets list|show|check`."""

from __future__ import annotations

from typing import Any

import rich_click as click

from edgeprune.cli.options.common import TargetType, json_option
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.errors import UsageError
from edgeprune.hardware.profile import Family, Target
from edgeprune.hardware.registry import load_target, target_names
from edgeprune.units import bytes_text, memory_text


@click.group("targets")
def command() -> None:
    """List, show and check device profiles.

    \b
    Examples:
      edgeprune targets list
      edgeprune targets show nucleo-f446re
    """


@command.command("list")
@click.option("--family", type=click.Choice([family.value for family in Family]), help="Only this family.")
@json_option
def list_targets(family: str | None, printer: Printer) -> None:
    """List the targets, with their memory and where their firmware runs without the board."""
    targets = [load_target(name) for name in target_names()]
    chosen = [target for target in targets if family is None or target.family == family]
    columns = ["name", "core", "flash", "RAM", "emulated by", "what it is"]
    rows = [
        [
            target.name,
            target.cpu.core,
            _memory_text(target, "flash"),
            _memory_text(target, "ram"),
            _emulated_by(target),
            target.title,
        ]
        for target in chosen
    ]
    printer.result({"targets": [_summary(target) for target in chosen]}, table(columns, rows, ["flash", "RAM"]))


@command.command("show")
@click.argument("target", type=TargetType(), metavar="NAME|TOML")
@json_option
def show(target: Target, printer: Printer) -> None:
    """Show the whole profile of one target, and the source of each fact."""
    facts = [
        ("title", target.title),
        ("family", target.family.value),
        ("core", f"{target.cpu.count} x {target.cpu.core}, {target.cpu.clock_hz:,} Hz, kernels '{target.cpu.isa}'"),
        *(
            (region.kind, f"{region.name}: {bytes_text(region.size_bytes)} at {region.origin:#010x}")
            for region in target.memory
        ),
        ("reserved", _reserved(target)),
        ("runs", ", ".join(target.runtimes)),
        ("firmware", f"firmware/boards/{target.firmware.board}" if target.firmware else "no board port yet"),
        ("emulated by", _emulated_by(target)),
    ]
    if target.hosted:
        hosted, features = target.hosted, ", ".join(target.hosted.features)
        facts += [
            ("also called", ", ".join(target.aliases)),
            ("programs", f"{hosted.architecture} Linux{f', with {features}' if features else ''}"),
            ("cores", ", ".join(f"{one.count} x {one.core} at {one.clock_hz:,} Hz" for one in hosted.clusters)),
            (
                "roofline",
                f"{hosted.int8_macs_per_cycle} int8 MACs a cycle of one core, {hosted.bandwidth_bytes_per_s:,} B/s",
            ),
        ]
    if target.link:
        facts.append(("link", _line(target.link.kind, target.link.baud, *target.link.usb_ids, target.link.note)))
    facts += [
        ("loader", _line(loader.kind, loader.uart, loader.pins, loader.swd_target, loader.note))
        for loader in target.loaders
    ]
    printer.result(
        target.model_dump(mode="json"),
        table([target.name, ""], facts),
        table(["facts", "source"], target.sources.items()),
    )


@command.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE.toml...")
@json_option
@click.pass_context
def check(context: click.Context, files: tuple[str, ...], printer: Printer) -> None:
    """Check target files of your own; exits with 2 when one has a fault."""
    faults = {file: _faults(file) for file in files}
    rows = [[file, "\n".join(messages) or "good"] for file, messages in faults.items()]
    checked = [{"file": file, "good": not messages, "faults": messages} for file, messages in faults.items()]
    printer.result({"checked": checked}, table(["file", "result"], rows))
    if any(faults.values()):
        context.exit(UsageError.exit_code)


def _faults(file: str) -> list[str]:
    try:
        load_target(file)
    except UsageError as error:
        first, *faults = error.message.splitlines()
        return [fault.strip() for fault in faults] or [first]
    return []


def _summary(target: Target) -> dict[str, Any]:
    return {
        "name": target.name,
        "title": target.title,
        "family": target.family,
        "core": target.cpu.core,
        "isa": target.cpu.isa,
        "clock_hz": target.cpu.clock_hz,
        "flash_bytes": _first_bytes(target, "flash"),
        "ram_bytes": _first_bytes(target, "ram"),
        "emulator": target.emulator.model_dump() if target.emulator else None,
        "board": target.firmware.board if target.firmware else None,
        "runtimes": target.runtimes,
    }


def _first_bytes(target: Target, kind: str) -> int | None:
    """Size of the region the firmware is linked into."""
    return next((region.size_bytes for region in target.memory if region.kind == kind), None)


def _memory_text(target: Target, kind: str) -> str:
    size_bytes = _first_bytes(target, kind)
    return "-" if size_bytes is None else memory_text(size_bytes)


def _emulated_by(target: Target) -> str:
    if target.emulator is None:
        return "-"
    if target.emulator.target is None:
        return target.emulator.machine
    return f"stand-in {target.emulator.target}"


def _reserved(target: Target) -> str:
    reserve = target.reserve
    return f"flash {reserve.flash_bytes:,} B, RAM {reserve.ram_bytes:,} B, stack {reserve.stack_bytes:,} B"


def _line(*parts: object) -> str:
    return ", ".join(str(part) for part in parts if part is not None)
