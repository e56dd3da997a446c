"""What `run`, `profile` and `verify` have in common: their subject and the board it runs on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from edgeprune.subject import Subject

F = TypeVar("F", bound=Callable[..., object])


def subject_options(function: F) -> F:
    """RUN|FILE, --target, --optimize, --port."""
    for decorate in reversed(
        [
            click.argument("subject", type=click.Path(path_type=Path), metavar="RUN|FILE.tflite|FILE.elf"),
            click.option(
                "--target", envvar="EDGEPRUNE_TARGET", show_envvar=True, metavar="NAME|FILE.toml", help="The device."
            ),
            click.option(
                "--optimize",
                type=click.Choice(["size", "balanced", "speed"]),
                default="balanced",
                show_default=True,
                help="How much flash may buy speed, where a .tflite is built.",
            ),
            click.option(
                "--port",
                envvar="EDGEPRUNE_PORT",
                show_envvar=True,
                help="Serial port of a real board, or auto for the only one connected; emulated without.",
            ),
        ]
    ):
        function = decorate(function)
    return function


@contextmanager
def opened(subject: Path, target: str | None, optimize: str, command: str) -> Iterator[Subject]:
    """The subject, a `.tflite` built in a folder that goes again."""
    from edgeprune.kernels.base import Optimize
    from edgeprune.subject import open_subject

    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        yield open_subject(subject, target, Optimize(optimize), Path(folder), command)
