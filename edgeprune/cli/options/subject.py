"""What `run`, `profile` and `verify` have in common: their subject, the board it runs on, the samples they replay."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.cli.options.common import ram_first_option
from edgeprune.cli.options.request import Command, gathered
from edgeprune.errors import UsageError

if TYPE_CHECKING:
    from edgeprune.tasks.program_subject import ProgramSubject
    from edgeprune.tasks.pte_subject import PteSubject
    from edgeprune.tasks.samples import Samples
    from edgeprune.tasks.subject import Subject


@dataclass(frozen=True)
class SubjectRequest:
    """What to run, and where."""

    path: Path
    target: str | None
    optimize: str
    ram_first: bool
    port: str | None
    runtime: str

    @contextmanager
    def opened(self, command: str) -> Iterator[Subject | ProgramSubject]:
        """The subject, a `.tflite` built in a temporary folder; `command`: the one that runs."""
        from edgeprune.budget import Optimize
        from edgeprune.tasks.litert_subject import LitertSubject
        from edgeprune.tasks.subject import open_subject

        words = f"edgeprune {command} {self.path}"
        with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
            optimize = Optimize(self.optimize)
            found = open_subject(self.path, self.target, optimize, Path(folder), words, self.ram_first)
            yield LitertSubject.of(found) if self.runtime == _LITERT else found

    def refuse_choices(self, option: str) -> None:
        """Raises UsageError where something was chosen that `option` decides."""
        chosen = {
            "--runtime": self.runtime == _LITERT,
            "--optimize": self.optimize != _OPTIMIZE,
            "--ram-first": self.ram_first,
        }
        given = [name for name, is_given in chosen.items() if is_given]
        if given:
            raise UsageError(
                f"{option} decides what runs: {', '.join(given)} would choose nothing",
                hint=f"leave away {', '.join(given)}, or {option}",
            )

    def opened_pte(self) -> PteSubject:
        """The ExecuTorch program at `path`."""
        from edgeprune.tasks.pte_subject import PteSubject

        if self.runtime == _LITERT:
            raise UsageError(f"{self.path.name} is ExecuTorch's", hint="--runtime litert is for .tflite files and runs")
        return PteSubject.open(self.path, self.target, self.port)


@dataclass(frozen=True)
class SampleRequest:
    """How many samples, and of what."""

    samples: int | Path
    data: Path | None

    @property
    def given(self) -> tuple[int, Path | None]:
        """How many at most, and the file they come from."""
        return (_ALL, self.samples) if isinstance(self.samples, Path) else (self.samples, self.data)

    def of(self, subject: Subject | ProgramSubject) -> Samples:
        """With the host's answers; as `samples_for`."""
        from edgeprune.tasks.samples import samples_for

        return samples_for(subject, *self.given)


def subject_options(function: Command) -> Command:
    """RUN|FILE, --target, --optimize, --ram-first, --port (also --device), --runtime: a `SubjectRequest`, `subject`."""
    command = gathered("subject", SubjectRequest)(function)
    for decorate in reversed(_OPTIONS):
        command = decorate(command)
    return command


def sample_options(count: int, help: str) -> Callable[[Command], Command]:
    """--samples, `count` of them by default, and --data: a `SampleRequest` called `replayed`."""

    def decorated(function: Command) -> Command:
        samples = click.option("--samples", type=_CountOrFile(), default=count, show_default=True, help=help)
        return samples(_DATA(gathered("replayed", SampleRequest)(function)))

    return decorated


class _CountOrFile(click.ParamType[int | Path, str]):
    """A number of samples, or an `.npz` of them, all of which are meant."""

    name = "count"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "N|FILE.npz"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int | Path:
        if str(value).endswith(".npz"):
            return Path(value)
        return int(click.IntRange(1)(value, param, ctx))


_ALL = 1 << 20
_OPTIMIZE = "balanced"
_OWN, _LITERT = "generated-c", "litert"
_OPTIONS = [
    click.argument("path", type=click.Path(path_type=Path), metavar="RUN|FILE"),
    click.option("--target", envvar="EDGEPRUNE_TARGET", show_envvar=True, metavar="NAME|TOML", help="The device."),
    click.option(
        "--optimize",
        type=click.Choice(["size", "balanced", "speed"]),
        metavar="LEVEL",
        default=_OPTIMIZE,
        show_default=True,
        help="size, balanced or speed, where a .tflite is built.",
    ),
    ram_first_option,
    click.option(
        "--port",
        "--device",
        "port",
        envvar="EDGEPRUNE_PORT",
        show_envvar=True,
        help="Where: a serial port, ssh://USER@HOST, adb:SERIAL, or auto for the only one connected; emulated without.",
    ),
    click.option(
        "--runtime",
        type=click.Choice([_OWN, _LITERT]),
        default=_OWN,
        show_default=True,
        help="What computes on Linux: our own program, or LiteRT in the device's Python.",
    ),
]
_DATA = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help=".npz with an array for each input by its tensor's name, 'x' where there is one, and perhaps labels 'y'.",
)
