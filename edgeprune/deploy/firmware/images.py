"""A compiled model linked for its target and for the machine that stands in, and a board that runs it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgeprune.deploy.call_sizes import call_sizes
from edgeprune.device.board import open_board
from edgeprune.device.console.console import Console
from edgeprune.engine.compile import CompiledModel
from edgeprune.engine.cost.flash_size import CallSize, constant_bytes
from edgeprune.errors import DeviceError, UsageError
from edgeprune.files import atomic
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.client_form import SAME, ClientForm
from edgeprune.toolchain.firmware import Firmware, FirmwareSources, build_firmware, firmware_objects
from edgeprune.toolchain.package import PackageFacts, package_files
from edgeprune.toolchain.size import ImageSize
from edgeprune.toolchain.space import LinkSpace, target_space, unbounded_space


@dataclass(frozen=True)
class Images:
    """What was linked.

    Attributes:
        own: for the target itself; None where no firmware board exists for it yet.
        emulated: for the machine that stands in, within the target's own limits; `own` where that boots there itself.
    """

    own: Firmware | None
    emulated: Firmware | None

    @property
    def judged(self) -> Firmware:
        """The image whose size counts."""
        image = self.own or self.emulated
        assert image is not None
        return image


def emulated_target(target: Target) -> Target | None:
    """The target whose firmware runs on the emulated machine; None where there is no machine."""
    if target.emulator is None:
        return None
    return target if target.emulator.target is None else load_target(target.emulator.target)


def require_buildable(target: Target) -> None:
    """Raises UsageError where nothing can be built for this target."""
    if target.firmware is None and emulated_target(target) is None:
        raise UsageError(
            f"{target.name} has neither a firmware board nor an emulated machine",
            hint="`edgeprune targets list` shows what each target can do",
        )


def link_images(
    model: CompiledModel, target: Target, folder: Path, limits: LinkSpace | None = None, client: ClientForm = SAME
) -> Images:
    """Links for the target and for its stand-in.

    Args:
        limits: flash, RAM and stack sizes to link within; by default the target's own.
        client: what a client of the console sends and gets.

    Raises:
        DoesNotFit: an image leaves its memory.
        UsageError: nothing can be built for this target.
        ToolchainError: no compiler, or it failed.
    """
    limits = limits or target_space(target)
    require_buildable(target)
    stand_in = emulated_target(target)
    own = _link(model, target, folder, limits, client) if target.firmware is not None else None
    if stand_in is None or stand_in is target:
        return Images(own, own if stand_in is not None else None)
    emulated = _link(model, stand_in, folder / "emulated" if own else folder, limits, client)
    return Images(own, emulated)


def linked_size(model: CompiledModel, target: Target) -> ImageSize:
    """Of the image for the target, linked without its limits.

    Raises:
        UsageError, ToolchainError: as `link_images`.
    """
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        return link_images(model, target, Path(folder), unbounded_space(target)).judged.size


def measured_sizes(model: CompiledModel, target: Target) -> dict[str, CallSize]:
    """Form of call -> what one of it takes in the image whose size counts; nothing is linked.

    Args:
        model: with constant data.

    Raises:
        UsageError, ToolchainError: as `link_images`.
    """
    built_for = target if target.firmware is not None else emulated_target(target) or target
    return call_sizes(model, firmware_objects(_sources(model), built_for))


def package(model: CompiledModel, target: Target, image: Firmware) -> dict[str, str]:
    """The files of the model's C for a firmware engineer's own project; `image` holds the size of its code."""
    constants, parts = constant_bytes(model.calls), image.size.flash_parts
    facts = PackageFacts(
        model_id=model.identity.model_id,
        model_hash=model.identity.model_hash,
        command=model.identity.command,
        version=model.identity.version,
        arena_bytes=model.plan.arena_bytes,
        weight_bytes=constants["weights"],
        table_bytes=constants["tables"],
        optimize=model.options.optimize,
        code_bytes=parts["kernels"] + parts["model"],
        compiler=image.toolchain,
    )
    return package_files(model.graph, model.sources(), model.kernel_sources, target, facts)


def _link(model: CompiledModel, target: Target, folder: Path, limits: LinkSpace, client: ClientForm) -> Firmware:
    origins = target_space(target)
    space = replace(limits, flash_origin=origins.flash_origin, ram_origin=origins.ram_origin)
    atomic.write_text(folder / "tensors.json", model.tensor_table())
    return build_firmware(replace(_sources(model), client=client), target, folder, space)


def _sources(model: CompiledModel) -> FirmwareSources:
    return FirmwareSources(model.sources(), model.kernel_sources, model.input_bytes, model.options.optimize)


@contextmanager
def running_board(images: Images, target: Target, port: str | None = None) -> Iterator[Console]:
    """A console on the firmware: emulated by default, on the board at `port` otherwise.

    Raises:
        DeviceError: no board, no machine, or another firmware on it.
    """
    if port is not None:
        if images.own is None:
            raise DeviceError(f"no firmware was built for {target.name} itself", hint="leave --port away to emulate it")
        with open_board(target, images.own.elf, images.own.build_id, port) as console:
            yield console
        return
    machine = emulated_target(target)
    if machine is None or images.emulated is None:
        raise DeviceError(f"no emulated machine stands in for {target.name}", hint="name the board's port with --port")
    with open_board(machine, images.emulated.elf, images.emulated.build_id) as console:
        yield console
