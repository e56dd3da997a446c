"""The budget of a program: the device's memory, less what the user keeps, overridden by the user's own limits."""

from __future__ import annotations

from edgeprune.budget import Budget, Limits
from edgeprune.errors import UsageError
from edgeprune.hardware.profile import Target
from edgeprune.units import bytes_text


def budget_for(target: Target, limits: Limits) -> Budget:
    """Limits of the program on this target: its file (`flash`), its memory (`ram`), its time.

    A file without a limit of its own has that of the memory, which it is mapped into whole.

    Raises:
        UsageError: a limit is larger than the target's memory, or the reserves leave nothing.
    """
    memory_bytes = target.region("ram").size_bytes
    if limits.ram_bytes is not None and limits.ram_bytes > memory_bytes:
        raise UsageError(
            f"--ram asks for {bytes_text(limits.ram_bytes)}; {target.name} has {bytes_text(memory_bytes)}",
            hint="choose a larger target, or leave the flag away",
        )
    reserved_bytes = target.reserve.ram_bytes + limits.reserve_ram_bytes
    ram_bytes = (memory_bytes if limits.ram_bytes is None else limits.ram_bytes) - (
        reserved_bytes if limits.ram_bytes is None else limits.reserve_ram_bytes
    )
    file_bytes = (ram_bytes if limits.flash_bytes is None else limits.flash_bytes) - limits.reserve_flash_bytes
    for name, left_bytes in (("ram", ram_bytes), ("flash", file_bytes)):
        if left_bytes <= 0:
            raise UsageError(
                f"the reserves leave nothing of the limit of --{name} on {target.name}", hint=f"lower --reserve-{name}"
            )
    return Budget(file_bytes, ram_bytes, limits.latency_us, limits.max_drop_points)
