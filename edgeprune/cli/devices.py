"""`edgeprune devices`."""

from __future__ import annotations

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.device.discovery.discover import find_devices


@click.command("devices")
@json_option
def command(printer: Printer) -> None:
    """List the boards, probes, drives, phones, hosts and emulators within reach, and what each can do.

    \b
    Example:
      edgeprune devices --json
    """
    devices = find_devices()
    rows = [
        [device.kind.value, device.address, device.title, ", ".join(device.abilities), device.note or ""]
        for device in devices
    ]
    shown = table(["kind", "port", "what it is", "can", "note"], rows)
    printer.result(
        {"devices": devices}, shown if devices else "no devices: plug a board in, or run `edgeprune emulate`"
    )
