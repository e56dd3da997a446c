"""`edgeprune monitor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.cli.options import target_option
from edgeprune.cli.port_options import baud_option, port_option

if TYPE_CHECKING:
    from edgeprune.target.profile import Target


@click.command("monitor")
@target_option
@port_option
@baud_option
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop by itself after so long.  [default: at Ctrl-C]")
def command(target: Target | None, port: str | None, baud: int | None, seconds: float | None) -> None:
    """Show what a board says on its serial port, and send it the lines typed here.

    A line goes out as a console command: with its `%` added, without a line end. Ctrl-C ends it.
    """
    from edgeprune.device.discover import choose_device, find_devices
    from edgeprune.device.found import Ability, Kind
    from edgeprune.device.monitor import monitor
    from edgeprune.device.serial_link import SerialLink
    from edgeprune.target.profile import DEFAULT_BAUD

    if port is None:
        kinds = (Kind.SERIAL, Kind.EMULATOR)
        port = choose_device(find_devices(), Ability.CONSOLE, kinds, target.name if target else None).address
    link = SerialLink(port, baud or (target.baud if target else DEFAULT_BAUD))
    link.open()
    click.echo(f"{port}: type a command and Enter (`help`, `ep id`, ...); Ctrl-C ends", err=True)
    try:
        monitor(link, sys.stdin, sys.stdout, seconds)
    finally:
        link.close()
