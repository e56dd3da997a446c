"""`edgeprune init`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from edgeprune.atomic import write_bytes
from edgeprune.cli.options import json_option
from edgeprune.cli.output import Printer
from edgeprune.errors import UsageError
from edgeprune.project import project_template


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path(), metavar="[DIR]")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@json_option
def command(folder: Path, force: bool, printer: Printer) -> None:
    """Write a project that works as it is: edgeprune.toml and the files it names.

    It goes into DIR, or into the current folder. A file that is there is never overwritten unless --force is given.
    """
    template = project_template()
    taken = [name for name in template if (folder / name).exists()]
    if taken and not force:
        raise UsageError(
            f"{folder.resolve()} already holds {', '.join(taken)}; nothing was written",
            hint="choose another folder, or overwrite with --force",
        )
    for name, content in template.items():
        write_bytes(folder / name, content)
    target = "" if folder == Path() else f"cd {folder} && "
    printer.result(
        {"folder": folder.resolve(), "files": list(template)},
        f"wrote {', '.join(template)}",
        f"next: {target}edgeprune fit --target cortex-m4",
    )
