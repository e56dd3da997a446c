"""What a command was pointed at: a run folder, an int8 `.tflite`, or a firmware's ELF file, made ready to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import emulated_target, link_images
from edgeprune.device.board import open_board
from edgeprune.device.console.console import Console
from edgeprune.device.discovery.discover import choose_device, find_devices
from edgeprune.device.found import Ability, Kind
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_model, compile_named
from edgeprune.errors import DeviceError, UsageError
from edgeprune.files.names import name_from
from edgeprune.fitting.record import RunRecord, load_record
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target
from edgeprune.tasks.fit import FitRequest
from edgeprune.tasks.program_subject import AUTO, ProgramSubject
from edgeprune.tasks.replaying import Replaying
from edgeprune.toolchain.size import build_id_of


@dataclass(frozen=True, eq=False)
class Subject:
    """Something that runs on a board.

    Attributes:
        name: as it was given.
        target: what it is for.
        own_elf: image for the target itself; None where only a stand-in exists.
        emulated_elf: image for the machine that stands in; None where none does.
        tflite: the model file; None for a bare ELF.
        model: compiled from it; None for a bare ELF.
        record: of the run it came from.
        samples: the run's own, as `deploy/replay.py` keeps them.
    """

    name: str
    target: Target
    own_elf: Path | None
    emulated_elf: Path | None
    tflite: bytes | None
    model: CompiledModel | None
    record: RunRecord | None = None
    samples: Path | None = None

    @property
    def exit_margin(self) -> int | None:
        """At which an input leaves at the run's early exit; None without one."""
        return self.record.early_exit.margin if self.record and self.record.early_exit else None

    @contextmanager
    def running(self, port: str | None) -> Iterator[Console]:
        """A console on it: emulated, on the board at `port`, or on the only board connected when that is "auto".

        Raises:
            DeviceError: no board or machine, several and none chosen, or other firmware on it.
        """
        if port == AUTO:
            device = choose_device(find_devices(), Ability.PROFILE, (Kind.SERIAL, Kind.EMULATOR), self.target.name)
            port = device.address
        machine = self.target if port is not None else emulated_target(self.target)
        elf = self.own_elf if port is not None else self.emulated_elf
        if machine is None or elf is None:
            raise DeviceError(
                f"no {'image for the board itself' if port else 'emulated machine'} for {self.target.name}",
                hint="leave --port away to emulate it" if port else "name the board's serial port with --port",
            )
        with open_board(machine, elf, build_id_of(elf), port) as console:
            yield console

    @contextmanager
    def replaying(self, port: str | None) -> Iterator[Replaying]:
        """As `running`, for samples."""
        with self.running(port) as board:

            def outputs(inputs: np.ndarray) -> Iterator[np.ndarray]:
                if self.model is not None and self.model.graph.states:
                    board.reset()  # these samples are the first ones of a sequence
                for sample in inputs:
                    yield np.frombuffer(board.infer(sample.tobytes()), np.uint8)

            yield Replaying("device" if port else "emulator", "board", board.identity().build_id, outputs)


def open_subject(
    path: Path, target: str | None, optimize: Optimize, folder: Path, command: str, ram_first: bool = False
) -> Subject | ProgramSubject:
    """Makes what is at `path` ready to run.

    Args:
        path: a run folder, a `.tflite` or an `.elf`.
        target: name or TOML; a run has its own.
        folder: where a `.tflite` is built.
        ram_first: as in `CompileOptions`, of a `.tflite`; a run has its own.
        command: for the generated files.

    Raises:
        UsageError: none of these, or no target named.
        ModelError, ToolchainError, DoesNotFit: a `.tflite` cannot be built.
    """
    if path.is_dir():
        return _run(path, target)
    if not path.is_file():
        raise UsageError(f"{path} is not there", hint="give a run folder (runs/latest), a .tflite or an .elf")
    if target is None:
        raise UsageError(f"{path.name} names no target", hint="--target cortex-m4, or a TOML file of your own")
    chosen = load_target(target)
    if path.suffix == ".elf":
        return _elf(path, chosen)
    tflite = path.read_bytes()
    options = CompileOptions(optimize, name_from(path.stem), command, ram_first=ram_first)
    model = compile_named(path.name, tflite, chosen, options)
    if chosen.hosted is not None:
        return ProgramSubject(path.name, chosen, tflite, model)
    images = link_images(model, chosen, folder)
    own, emulated = images.own, images.emulated
    return Subject(path.name, chosen, own.elf if own else None, emulated.elf if emulated else None, tflite, model)


def _run(path: Path, target: str | None) -> Subject | ProgramSubject:
    record = load_record(path)
    request = FitRequest.noted_in(path)
    chosen = load_target(request.target)
    if target is not None and load_target(target).name != chosen.name:
        raise UsageError(f"{path} was made for {chosen.name}, not {target}", hint="leave --target away")
    try:
        tflite = (path / "model.tflite").read_bytes()
    except OSError as error:
        raise UsageError(f"{path} has no model.tflite: {error.strerror}", hint="run `edgeprune fit` again") from None
    options = CompileOptions(
        optimize=request.kernels,
        model_id=record.model,
        command=record.command,
        layer_names=record.layer_names,
        faster=frozenset(record.faster),
        in_ram=frozenset(record.in_ram),
        ram_first=request.options.ram_first,
        exit_margin=record.early_exit.margin if record.early_exit else None,
    )
    model = compile_model(tflite, chosen, options)
    if chosen.hosted is not None:
        return ProgramSubject(path.name, chosen, tflite, model, record, path / "samples.npz")
    own, emulated = path / "firmware" / "firmware.elf", path / "firmware" / "emulated" / "firmware.elf"
    stand_in = emulated_target(chosen)
    boots_itself = stand_in is not None and stand_in.name == chosen.name
    if chosen.firmware is None:
        return Subject(path.name, chosen, None, own, tflite, model, record, path / "samples.npz")
    machine_elf = own if boots_itself else emulated
    return Subject(path.name, chosen, own, machine_elf, tflite, model, record, path / "samples.npz")


def _elf(path: Path, target: Target) -> Subject:
    boots_itself = target.emulator is not None and target.emulator.target is None
    return Subject(path.name, target, path, path if boots_itself else None, None, None)
