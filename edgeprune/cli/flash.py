"""`edgeprune flash`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.catalogue import plugged_names
from edgeprune.cli.options.common import json_option, target_option
from edgeprune.cli.options.ports import baud_option, port_option
from edgeprune.cli.options.request import gathered
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.cli.output.under_way import progress
from edgeprune.errors import UsageError
from edgeprune.hardware.profile import LOADERS
from edgeprune.units import bytes_text

if TYPE_CHECKING:
    from edgeprune.hardware.profile import Target


@dataclass(frozen=True)
class FlashRequest:
    """How a board is reached, where the image goes, and what happens before and after."""

    port: str | None
    baud: int | None
    loader: str | None
    wiring: str
    address: str | None
    key: Path | None
    erase: bool
    verify: bool
    go: bool
    confirm: bool


_LOADERS = (*LOADERS, *sorted(plugged_names("loaders")))


@click.command("flash")
@click.argument("image", type=click.Path(exists=True, path_type=Path), metavar="IMAGE|RUN")
@target_option
@port_option
@baud_option
@click.option(
    "--loader",
    type=click.Choice(_LOADERS),
    metavar="NAME",
    help=f"Of the target's loaders: {', '.join(_LOADERS)}.  [default: the first connected]",
)
@click.option(
    "--wiring",
    type=click.Choice(("auto", "none", "dtr-rts", "dtr-rts-inverted", "rts-dtr", "rts-dtr-inverted")),
    metavar="LINES",
    default="auto",
    show_default=True,
    help="Adapter lines that drive reset and BOOT0: dtr-rts or rts-dtr, -inverted: BOOT0 through a transistor; none.",
)
@click.option("--address", type=str, help="Where a plain .bin goes.  [default: where the target's images start]")
@click.option("--key", type=click.Path(exists=True, path_type=Path), help="Secret key that signs the image.")
@click.option("--erase", is_flag=True, help="Erase everything first, not only the pages needed.")
@click.option("--verify/--no-verify", default=True, show_default=True, help="Look whether flash holds the image.")
@click.option("--go/--no-go", default=True, show_default=True, help="Start the image afterwards.")
@click.option(
    "--confirm/--no-confirm",
    default=True,
    show_default=True,
    help="Behind EdgePrune's bootloader: talk to the image and have it kept; else the old one comes back.",
)
@json_option
@gathered("request", FlashRequest)
def command(image: Path, target: Target | None, request: FlashRequest, printer: Printer) -> None:
    """Write an image (elf, bin, hex, uf2) or a run's firmware to a board, verify it and start it.

    \b
    Example:
      edgeprune flash runs/latest
    """
    from edgeprune.device.discovery.discover import find_devices
    from edgeprune.device.image.application import SECRET_KEY_BYTES, read_key
    from edgeprune.device.links.kind import link_to
    from edgeprune.device.loaders.agreement import check_vectors
    from edgeprune.device.loaders.confirm import confirm as have_it_kept
    from edgeprune.device.loaders.image_file import load_image
    from edgeprune.device.loaders.kind import LoaderRequest
    from edgeprune.device.loaders.write_image import Erase, WriteOptions, write_image
    from edgeprune.device.reach import reach_loader

    loaded = load_image(image, target, _address(request.address))
    if request.go:
        check_vectors(loaded.image, loaded.target, image.name)
    secret_key = read_key(request.key, SECRET_KEY_BYTES) if request.key else None
    reached = reach_loader(
        loaded.target,
        LoaderRequest(request.port, request.baud, request.loader, request.wiring, secret_key),
        find_devices,
    )
    options = WriteOptions(Erase.ALL if request.erase else Erase.NEEDED, request.verify, request.go)
    report = write_image(reached.loader, loaded.image, options, progress())
    kept = None
    if reached.profile.kind == "edgeprune-boot" and request.go and request.confirm:
        link = link_to(reached.port, request.baud or loaded.target.baud)
        link.open()
        try:
            kept = have_it_kept(link, loaded.build_id).build_id
        finally:
            link.close()
    rows = [
        ["loader", f"{report.loader}: {report.answered}"],
        ["written", f"{bytes_text(report.size_bytes)} at {report.address:#010x} in {report.duration_s:.1f} s"],
        ["verified", "yes" if report.verified else "no"],
        ["started", "yes" if report.started else "no"],
        *([["kept", f"yes, build {kept}"]] if kept else []),
    ]
    data = {**asdict(report), "target": loaded.target.name, "confirmed_build": kept}
    printer.result(data, table([image.name, ""], rows))


def _address(text: str | None) -> int | None:
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        raise UsageError(f"'{text}' is no address", hint="write for example 0x08004000") from None
