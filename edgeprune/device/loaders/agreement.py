"""Whether an image and a target belong together, checked before any device is opened: it could take another's image."""

from __future__ import annotations

from edgeprune.device.image.application import MAGIC, read_application
from edgeprune.device.image.elf import elf_processor, elf_text
from edgeprune.device.image.segments import Image
from edgeprune.errors import UsageError
from edgeprune.hardware.cores import CORES
from edgeprune.hardware.profile import Target

_OTHER_BOARD = "build it for this target, or choose the target it was built for: --target"
_VECTORS_BYTES = 8


def check_elf(data: bytes, target: Target, name: str) -> None:
    """Raises UsageError: EdgePrune's own for another target, or code the target's core does not run."""
    named = elf_text(data, "ep_model_target")
    if named is not None and named != target.name:
        raise UsageError(f"{name} was built for {named}, the target is {target.name}", hint=_OTHER_BOARD)
    processor, core = elf_processor(data), CORES.get(target.cpu.core)
    if processor is None or core is None:
        return
    if processor.profile not in ("", "M") or processor.architecture not in core.architectures:
        raise UsageError(
            f"{name} is built for another core than {target.name}'s {target.cpu.core} "
            f"(its Tag_CPU_arch is {processor.architecture}{processor.profile})",
            hint=_OTHER_BOARD,
        )
    if processor.uses_fpu and not target.cpu.fpu:
        raise UsageError(f"{name} is built for a core with an FPU, {target.name} has none", hint=_OTHER_BOARD)


def check_header(image: Image, target: Target, name: str) -> None:
    """Raises UsageError: it has our bootloader's header, and not the one of this target's images."""
    content = image.segments[0].content
    if not content.startswith(MAGIC):
        return
    if target.boot is None:
        raise UsageError(
            f"{name} has the header of EdgePrune's bootloader, {target.name} starts images without one",
            hint=_OTHER_BOARD,
        )
    application = read_application(image.flat().content, name)
    if application.target != target.name:
        raise UsageError(f"{name} was built for {application.target}, the target is {target.name}", hint=_OTHER_BOARD)
    if (application.load_address, application.header_bytes) != (target.boot.slot_origin, target.boot.header_bytes):
        raise UsageError(
            f"{name} is for address {application.load_address:#010x} (header {application.header_bytes} B), "
            f"{target.name} runs images at {target.boot.slot_origin:#010x} (header {target.boot.header_bytes} B)",
            hint=_OTHER_BOARD,
        )
    if image.address != application.load_address:
        raise UsageError(
            f"{name} is placed at {image.address:#010x}, its header states {application.load_address:#010x}",
            hint="leave --address away",
        )


def check_vectors(image: Image, target: Target, name: str) -> None:
    """What is to run begins with a vector table of this target: a stack in its RAM, a start inside the image.

    Where the image leaves out the place the target starts at, its own first bytes are the vector table.

    Raises:
        UsageError: it does not.
    """
    place = target.vectors_origin if touches_start(image, target) else image.address
    table = image.read(place, _VECTORS_BYTES)
    stack, start = int.from_bytes(table[:4], "little"), int.from_bytes(table[4:], "little")
    has_stack = any(
        region.origin < stack <= region.origin + region.size_bytes for region in target.memory if region.kind == "ram"
    )
    is_inside = any(segment.address <= start - 1 < segment.end for segment in image.segments)
    if not has_stack or stack % 4 != 0 or start % 2 != 1 or not is_inside:
        raise UsageError(
            f"{name} does not begin with a vector table for {target.name}: "
            f"stack {stack:#010x}, start {start:#010x} at {place:#010x}",
            hint=f"{_OTHER_BOARD}; data goes where nothing starts (--address), with --no-go",
        )


def touches_start(image: Image, target: Target) -> bool:
    """Whether any of it lies where the target starts: up to the vector table, a header or boot stage included."""
    first = target.boot.slot_origin if target.boot else target.region("flash").origin
    end = target.vectors_origin + _VECTORS_BYTES
    return any(segment.address < end and first < segment.end for segment in image.segments)
