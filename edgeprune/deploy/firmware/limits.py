"""The budget of a firmware: the target's memory, less what the user keeps, overridden by the user's own limits."""

from __future__ import annotations

from edgeprune.budget import Budget, Limits
from edgeprune.errors import DoesNotFit, UsageError
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.size import ImageSize
from edgeprune.units import bytes_text


def budget_for(target: Target, limits: Limits) -> Budget:
    """Limits of the firmware on this target.

    Raises:
        UsageError: a limit is larger than the target's memory, or the reserves leave nothing.
    """
    flash_bytes = _limit("flash", target, limits.flash_bytes, target.reserve.flash_bytes + limits.reserve_flash_bytes)
    ram_bytes = _limit("ram", target, limits.ram_bytes, target.reserve.ram_bytes + limits.reserve_ram_bytes)
    return Budget(flash_bytes, ram_bytes, limits.latency_us, limits.max_drop_points)


def require_within(size: ImageSize, budget: Budget) -> None:
    """Raises DoesNotFit where a linked image takes more flash or RAM than the budget allows."""
    for kind, taken, allowed in (
        ("flash", size.flash_bytes, budget.flash_bytes),
        ("RAM", size.ram_bytes, budget.ram_bytes),
    ):
        if taken > allowed:
            raise DoesNotFit(
                f"the linked image takes {bytes_text(taken)} of {kind}, {bytes_text(allowed)} are allowed",
                hint=f"allow {bytes_text(taken)}, or thin the network: `edgeprune fit`",
            )


def _limit(kind: str, target: Target, asked_bytes: int | None, reserved_bytes: int) -> int:
    regions = [region for region in target.memory if region.kind == kind]
    if not regions:
        raise UsageError(
            f"{target.name} has no {kind} region to link a firmware into",
            hint="choose a Cortex-M target: `edgeprune targets list`",
        )
    size_bytes = regions[0].size_bytes
    if asked_bytes is not None and asked_bytes > size_bytes:
        raise UsageError(
            f"--{kind} asks for {bytes_text(asked_bytes)}; {target.name} has {bytes_text(size_bytes)}",
            hint="choose a larger target, or leave the flag away",
        )
    limit_bytes = (size_bytes if asked_bytes is None else asked_bytes) - reserved_bytes
    if limit_bytes <= 0:
        raise UsageError(
            f"reserving {bytes_text(reserved_bytes)} of {kind} leaves nothing of the {bytes_text(size_bytes)} of "
            f"{target.name}",
            hint=f"lower --reserve-{kind}",
        )
    return limit_bytes
