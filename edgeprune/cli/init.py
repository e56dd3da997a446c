"""`edgeprune init`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.output.printer import Printer
from edgeprune.errors import UsageError
from edgeprune.files.atomic import write_bytes
from edgeprune.project.template import BOARD, CRITERION, KINDS, LINK, PROJECT, TARGET, template


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path(), metavar="[DIR]")
@click.option(
    "--kind", type=click.Choice(KINDS), default=PROJECT, show_default=True,
    help="A project; a board's file; or a package of your own criterion, board or link. Each with its test.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@json_option
def command(folder: Path, kind: str, force: bool, printer: Printer) -> None:
    """Write a project that works as it is: edgeprune.toml and the files it names.

    It goes into DIR, or into the current folder. A file that is there is never overwritten unless --force is given.

    \b
    Examples:
      edgeprune init digits
      edgeprune init --kind criterion mine
    """
    files = template(kind)
    taken = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if taken and not force:
        raise UsageError(
            f"{folder.resolve()} already holds {', '.join(taken)}; nothing was written",
            hint="choose another folder, or overwrite with --force",
        )
    for name, content in files.items():
        write_bytes(folder / name, content)
    there = "" if folder == Path() else f"cd {folder} && "
    then = {
        PROJECT: f"{there}edgeprune fit --target cortex-m4",
        CRITERION: f"python -m pip install -e {folder}, then edgeprune criteria show my-criterion",
        BOARD: f"python -m pip install -e {folder}, then edgeprune targets show my-board",
        LINK: f"python -m pip install -e {folder}, then edgeprune profile runs/latest --port tcp://HOST:PORT",
        TARGET: f"edgeprune targets check {folder / 'my-board.toml'}",
    }
    printer.result(
        {"folder": folder.resolve(), "files": list(files)},
        f"wrote {', '.join(files)}",
        f"next: {then[kind]}",
    )
