"""Kinds of loader: each module of this package that is one declares it as `LOADER`, and is registered by that.

So do modules that packages of others bring as `edgeprune.loaders`, under the loader's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeprune.catalogue import modules_of, plugged_in
from edgeprune.device.found import Kind
from edgeprune.device.loaders.loader import FlashLoader
from edgeprune.errors import UsageError

if TYPE_CHECKING:
    from edgeprune.hardware.profile import Loader, Target


@dataclass(frozen=True)
class LoaderRequest:
    """The user's choices; None and "auto" are left to EdgePrune.

    Attributes:
        port: serial port, drive or probe's serial number.
        baud: bits a second.
        loader: kind of loader.
        wiring: of DTR and RTS (`links/wiring.py`).
        secret_key: signs images for our bootloader.
    """

    port: str | None = None
    baud: int | None = None
    loader: str | None = None
    wiring: str = "auto"
    secret_key: bytes | None = None


@dataclass(frozen=True)
class LoaderKind:
    """One way to write flash.

    Attributes:
        name: in targets' profiles and after `--loader`.
        devices: kinds of connected device it can go through.
        takes: whether a port of that name may be such a device.
        open: (target, the loader's table in its profile, request, port) -> the loader, its link open.
    """

    name: str
    devices: tuple[Kind, ...]
    takes: Callable[[str], bool]
    open: Callable[[Target, Loader, LoaderRequest, str], FlashLoader]


def loader_kinds() -> Mapping[str, LoaderKind]:
    """All of them by name.

    Raises:
        UsageError: a package of others that brings none, or one of another name.
    """
    ours = [module.LOADER for module in modules_of("edgeprune.device.loaders") if hasattr(module, "LOADER")]
    kinds = {kind.name: kind for kind in ours}
    for name, kind in plugged_in("loaders", "LOADER").items():
        if kind.name != name or name in kinds:
            raise UsageError(
                f"a package brings the loader '{name}' as a LOADER called '{kind.name}'",
                hint="give both one name, which no other loader has",
            )
        kinds[name] = kind
    return kinds
