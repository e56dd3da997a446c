"""`edgeprune doctor`."""

from __future__ import annotations

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.errors import ToolchainError


@click.command("doctor")
@json_option
def command(printer: Printer) -> None:
    """Look for what EdgePrune uses on this machine, and show the command that mends each gap.

    Compilers, emulators, packages, disk space, serial ports and who may open them, debug probes, ssh, adb. Nothing
    is changed. Exit code 6: something is missing that nothing works without.

    \b
    Example:
      edgeprune doctor
    """
    from edgeprune.tasks.doctor import State, checkups

    found = checkups()
    rows = [[one.state.value, one.name, one.found, one.serves] for one in found]
    mends = [f"{one.name}: {one.mend}" for one in found if one.mend is not None]
    missing = [one.name for one in found if one.state is State.MISSING]
    printer.result(
        {"good": not missing, "checks": found},
        table(["", "what", "found", "for"], rows),
        *(["", "to mend:", *(f"  {mend}" for mend in mends)] if mends else []),
    )
    if missing:
        raise ToolchainError(f"missing: {', '.join(missing)}", hint="the commands above install them")
