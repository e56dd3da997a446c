"""`edgeprune boot keys|build|pack`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.cli.options.common import json_option, target_option
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.errors import UsageError
from edgeprune.files import atomic
from edgeprune.units import bytes_text

if TYPE_CHECKING:
    from edgeprune.hardware.profile import Target

_FILE = click.Path(path_type=Path)
_UNSIGNED = "unsigned images too, from whoever reaches its port (--public-key)"
_UNWATCHED = "no watchdog on this board: a hung image stays until somebody resets it"
_VERSION = click.IntRange(0, 2**32 - 1)
_EXISTING = click.Path(exists=True, path_type=Path)


@click.group("boot")
def command() -> None:
    """Make keys, build EdgePrune's own bootloader, pack images for it.

    \b
    Examples:
      edgeprune boot keys update
      edgeprune boot build --target mps2-an386-boot
    """


@command.command("keys")
@click.argument("name", type=_FILE)
@json_option
def keys(name: Path, printer: Printer) -> None:
    """Write a new key pair: NAME.key (secret, readable by you alone) and NAME.pub."""
    from edgeprune.device.image.application import new_keys

    if name.name in ("", ".", ".."):
        raise UsageError(f"{name} is no name of a file", hint="for example: edgeprune boot keys release-1.2")
    secret_path, public_path = name.with_name(f"{name.name}.key"), name.with_name(f"{name.name}.pub")
    secret, public = new_keys()
    secret_path.parent.mkdir(parents=True, exist_ok=True)
    try:
        atomic.create(secret_path, secret.hex() + "\n", mode=0o600)
        try:
            atomic.create(public_path, public.hex() + "\n", mode=0o644)
        except OSError:
            secret_path.unlink()
            raise
    except FileExistsError as error:
        raise UsageError(
            f"{error.filename} is there already", hint="a lost key cannot be made again; choose another name"
        ) from None
    data = {"secret": secret_path, "public": public_path, "public_key": public.hex()}
    printer.result(data, table(["", "file"], [["secret", str(secret_path)], ["public", str(public_path)]]))


@command.command("build")
@target_option
@click.option(
    "--public-key", type=_EXISTING, help="Run only images signed by its owner.  [default: unsigned images too]"
)
@click.option(
    "--minimum-version",
    type=_VERSION,
    help="Run nothing older than that, nor than the newest image that was kept.  [default: any version]",
)
@click.option("--out", type=_FILE, default=Path("boot"), show_default=True, help="Folder for boot.elf and boot.hex.")
@json_option
def build(
    target: Target | None, public_key: Path | None, minimum_version: int | None, out: Path, printer: Printer
) -> None:
    """Build the bootloader for a target with a [boot] table; write it to the board once, with a probe."""
    from edgeprune.device.image.application import PUBLIC_KEY_BYTES, read_key
    from edgeprune.toolchain.bootloader import BootOptions, build_bootloader

    key = read_key(public_key, PUBLIC_KEY_BYTES) if public_key else None
    made = build_bootloader(_needed(target), out, BootOptions(key, minimum_version))
    rows = [
        ["elf", str(made.elf)],
        ["hex", str(made.hex)],
        ["flash", bytes_text(made.size_bytes)],
        ["runs", f"images signed by {key.hex()[:16]}..." if key else _UNSIGNED],
        ["versions", "any" if minimum_version is None else f"{minimum_version} and newer, never older than one kept"],
    ]
    rows.append(["trials", "a hung image is reset by the watchdog" if made.watches_trials else _UNWATCHED])
    data = {
        "elf": made.elf,
        "hex": made.hex,
        "flash_bytes": made.size_bytes,
        "public_key": key.hex() if key else None,
        "minimum_version": minimum_version,
        "watches_trials": made.watches_trials,
    }
    printer.result(data, table(["bootloader", ""], rows))


@command.command("pack")
@click.argument("image", type=_EXISTING, metavar="IMAGE|RUN")
@target_option
@click.option("--key", type=_EXISTING, help="Secret key that signs it.  [default: not signed]")
@click.option("--version", "version_number", type=_VERSION, default=0, show_default=True)
@click.option("--out", type=_FILE, required=True, help="The packed image; .hex for Intel HEX, else plain binary.")
@json_option
def pack(
    image: Path, target: Target | None, key: Path | None, version_number: int, out: Path, printer: Printer
) -> None:
    """Put the bootloader's header before an image, for other tools to flash or for updates in the field."""
    from edgeprune.device.image.application import SECRET_KEY_BYTES, make_application, read_key
    from edgeprune.device.image.intel_hex import intel_hex
    from edgeprune.device.image.segments import Image
    from edgeprune.device.loaders.image_file import load_image

    loaded = load_image(image, target, None)
    boot = loaded.target.boot
    if boot is None:
        raise UsageError(f"{loaded.target.name} has no [boot] table", hint="docs/boot.md lists what one holds")
    payload = loaded.image.flat()
    if payload.address != boot.payload_origin:
        raise UsageError(f"{image} is linked to {payload.address:#010x}, images start at {boot.payload_origin:#010x}")
    secret = read_key(key, SECRET_KEY_BYTES) if key else None
    packed = make_application(payload, boot.header_bytes, loaded.target.name, version_number, secret)
    content = intel_hex(Image((packed,))).encode() if out.suffix == ".hex" else packed.content
    atomic.write_bytes(out, content)
    data = {"file": out, "address": packed.address, "size_bytes": len(packed.content), "signed": secret is not None}
    printer.result(data, table(["packed", ""], [["file", str(out)], ["goes to", f"{packed.address:#010x}"]]))


def _needed(target: Target | None) -> Target:
    if target is None:
        raise UsageError("no target named", hint="--target, or EDGEPRUNE_TARGET")
    return target
