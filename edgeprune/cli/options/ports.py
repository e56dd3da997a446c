"""Options of the commands that talk to a board."""

from __future__ import annotations

import rich_click as click

port_option = click.option(
    "--port",
    metavar="PORT",
    envvar="EDGEPRUNE_PORT",
    show_envvar=True,
    help="Serial port, UF2 drive or probe: one of 'edgeprune devices'. Left out, the only one that fits is taken.",
)

baud_option = click.option(
    "--baud",
    type=click.IntRange(1200, 12_000_000),
    metavar="N",
    envvar="EDGEPRUNE_BAUD",
    show_envvar=True,
    help="Bits a second on a serial port.  [default: the target's, else 115200]",
)
