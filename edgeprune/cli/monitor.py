"""`edgeprune monitor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.cli.options.common import target_option
from edgeprune.cli.options.ports import baud_option, port_option
from edgeprune.cli.output.plain_text import plain

if TYPE_CHECKING:
    from edgeprune.hardware.profile import Target


@click.command("monitor")
@target_option
@port_option
@baud_option
@click.option(
    "--seconds", type=click.FloatRange(min=0), metavar="S", help="Stop by itself after so long.  [default: at Ctrl-C]"
)
def command(target: Target | None, port: str | None, baud: int | None, seconds: float | None) -> None:
    """Show a board's serial output, and send it the lines typed here.

    A line goes out as a console command: with its `%` added, without a line end. Ctrl-C ends it.

    \b
    Example:
      edgeprune monitor --port /dev/ttyACM0
    """
    from edgeprune.device.console.monitor import monitor
    from edgeprune.device.discovery.discover import choose_device, find_devices
    from edgeprune.device.found import Ability, Kind
    from edgeprune.device.links.kind import link_to
    from edgeprune.hardware.profile import DEFAULT_BAUD

    if port is None:
        kinds = (Kind.SERIAL, Kind.EMULATOR)
        port = choose_device(find_devices(), Ability.CONSOLE, kinds, target.name if target else None).address
    link = link_to(port, baud or (target.baud if target else DEFAULT_BAUD))
    link.open()
    click.echo(f"{plain(port)}: type a command and Enter (`help`, `ep id`, ...); Ctrl-C ends", err=True)
    try:
        monitor(link, sys.stdin, sys.stdout, seconds)
    finally:
        link.close()
