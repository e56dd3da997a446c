"""`edgeprune version`."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.release import __version__

PACKAGES = ("torch", "litert-torch", "ai-edge-litert", "ai-edge-quantizer", "numpy", "pyserial", "ziglang")


@click.command("version")
@json_option
def command(printer: Printer) -> None:
    """Show the versions a fault report needs.

    \b
    Example:
      edgeprune version --json
    """
    packages = {name: _installed(name) for name in PACKAGES}
    data = {"edgeprune": __version__, "python": platform.python_version(), "platform": platform.platform()}
    rows = [*data.items(), *((name, installed or "not installed") for name, installed in packages.items())]
    printer.result({**data, "packages": packages}, table(["", "version"], rows))


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
