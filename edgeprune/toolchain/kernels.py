"""The shipped kernels a model uses, as translation units."""

from __future__ import annotations

from collections.abc import Iterable

from edgeprune.budget import Optimize
from edgeprune.errors import ToolchainError
from edgeprune.files.shipped import shipped
from edgeprune.toolchain.compile import Unit
from edgeprune.toolchain.units import shipped_unit

KERNEL_FLAGS = {Optimize.SIZE: ("-Os",), Optimize.BALANCED: ("-O2",), Optimize.SPEED: ("-O2",)}


def kernel_units(names: Iterable[str], flags: tuple[str, ...]) -> list[Unit]:
    """One unit for each C file under `firmware/kernels`; repeated names count once.

    Raises:
        ToolchainError: there is no such file.
    """
    root = shipped("firmware") / "kernels"
    missing = sorted(name for name in set(names) if not (root / name).is_file())
    if missing:
        raise ToolchainError(f"no kernel source {', '.join(missing)} in this installation of EdgePrune")
    return [shipped_unit("kernel", root / name, flags) for name in sorted(set(names))]
