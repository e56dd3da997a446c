"""`edgeprune flash`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.cli.options import json_option, target_option
from edgeprune.cli.output import Printer, progress, table
from edgeprune.cli.port_options import baud_option, port_option
from edgeprune.errors import UsageError
from edgeprune.units import bytes_text

if TYPE_CHECKING:
    from edgeprune.target.profile import Target

LOADERS = ("stm32-rom", "edgeprune-boot", "uf2", "swd")


@click.command("flash")
@click.argument("image", type=click.Path(exists=True, path_type=Path), metavar="IMAGE|RUN")
@target_option
@port_option
@baud_option
@click.option(
    "--loader", type=click.Choice(LOADERS), help="Which of the target's loaders.  [default: the first connected]"
)
@click.option(
    "--wiring",
    type=click.Choice(("auto", "none", "dtr-rts", "dtr-rts-inverted", "rts-dtr", "rts-dtr-inverted")),
    default="auto",
    show_default=True,
    help="Which adapter lines drive reset and BOOT0, in this order; inverted: BOOT0 through a transistor.",
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
def command(
    image: Path,
    target: Target | None,
    port: str | None,
    baud: int | None,
    loader: str | None,
    wiring: str,
    address: str | None,
    key: Path | None,
    erase: bool,
    verify: bool,
    go: bool,
    confirm: bool,
    printer: Printer,
) -> None:
    """Write an image (elf, bin, hex, uf2) or a run's firmware to a board, verify it and start it."""
    from edgeprune.device.confirm import confirm as have_it_kept
    from edgeprune.device.discover import find_devices
    from edgeprune.device.flash import Erase, FlashOptions, flash
    from edgeprune.device.image_file import load_image
    from edgeprune.device.reach import Wish, reach_loader
    from edgeprune.device.serial_link import SerialLink
    from edgeprune.image.application import SECRET_KEY_BYTES, read_key

    loaded = load_image(image, target, _address(address))
    secret_key = read_key(key, SECRET_KEY_BYTES) if key else None
    reached = reach_loader(loaded.target, Wish(port, baud, loader, wiring, secret_key), find_devices)
    options = FlashOptions(Erase.ALL if erase else Erase.NEEDED, verify, go)
    report = flash(reached.loader, loaded.image, options, progress())
    kept = None
    if reached.profile.kind == "edgeprune-boot" and go and confirm:
        link = SerialLink(reached.port, baud or loaded.target.baud)
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
