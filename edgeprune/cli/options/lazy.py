"""A command that is imported when it is run, so that `edgeprune --help` imports none."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import rich_click as click


class LazyCommand(click.RichCommand):
    """Stands in for `command` of a module under `edgeprune.cli` in listings; becomes it when called.

    Args:
        name: as typed; the module's name has `_` where this has `-`.
        help: the line the listing shows, the same as the command's own first line.
        folder: under `edgeprune.cli` that the module lies in; None: in `edgeprune.cli` itself.
    """

    def __init__(self, name: str, help: str, folder: str | None = None):
        super().__init__(name=name, help=help, short_help=help)
        self._package = "edgeprune.cli" if folder is None else f"edgeprune.cli.{folder}"

    def load(self) -> click.Command:
        module = import_module(f"{self._package}.{str(self.name).replace('-', '_')}")
        command: click.Command = module.command
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        return self.load().make_context(info_name, args, parent, **extra)
