"""`edgeprune boot keys|build|pack`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from edgeprune import atomic
from edgeprune.cli.options import json_option, target_option
from edgeprune.cli.output import Printer, table
from edgeprune.errors import UsageError
from edgeprune.units import bytes_text

if TYPE_CHECKING:
    from edgeprune.target.profile import Target

_FILE = click.Path(path_type=Path)
_EXISTING = click.Path(exists=True, path_type=Path)


@click.group("boot")
def command() -> None:
    """Make keys, build EdgePrune's own bootloader, pack images for it."""


@command.command("keys")
@click.argument("name", type=_FILE)
@json_option
def keys(name: Path, printer: Printer) -> None:
    """Write a new key pair: NAME.key (secret, readable by you alone) and NAME.pub."""
    from edgeprune.image.application import new_keys

    secret_path, public_path = name.with_suffix(".key"), name.with_suffix(".pub")
    if secret_path.exists():
        raise UsageError(f"{secret_path} is there already", hint="a lost key cannot be made again; choose another name")
    secret, public = new_keys()
    secret_path.parent.mkdir(parents=True, exist_ok=True)
    secret_path.touch(mode=0o600)
    secret_path.write_text(secret.hex() + "\n")
    atomic.write_text(public_path, public.hex() + "\n")
    data = {"secret": secret_path, "public": public_path, "public_key": public.hex()}
    printer.result(data, table(["", "file"], [["secret", str(secret_path)], ["public", str(public_path)]]))


@command.command("build")
@target_option
@click.option(
    "--public-key", type=_EXISTING, help="Run only images signed by its owner.  [default: unsigned images too]"
)
@click.option("--out", type=_FILE, default=Path("boot"), show_default=True, help="Folder for boot.elf and boot.hex.")
@json_option
def build(target: Target | None, public_key: Path | None, out: Path, printer: Printer) -> None:
    """Build the bootloader for a target with a [boot] table; write it to the board once, with a probe."""
    from edgeprune.build.bootloader import build_bootloader
    from edgeprune.image.application import PUBLIC_KEY_BYTES, read_key

    key = read_key(public_key, PUBLIC_KEY_BYTES) if public_key else None
    made = build_bootloader(_needed(target), out, public_key=key)
    rows = [
        ["elf", str(made.elf)],
        ["hex", str(made.hex)],
        ["flash", bytes_text(made.size_bytes)],
        ["runs", f"images signed by {key.hex()[:16]}..." if key else "unsigned images"],
    ]
    data = {"elf": made.elf, "hex": made.hex, "flash_bytes": made.size_bytes, "public_key": key.hex() if key else None}
    printer.result(data, table(["bootloader", ""], rows))


@command.command("pack")
@click.argument("image", type=_EXISTING, metavar="IMAGE|RUN")
@target_option
@click.option("--key", type=_EXISTING, help="Secret key that signs it.  [default: not signed]")
@click.option("--version", "version_number", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--out", type=_FILE, required=True, help="The packed image; .hex for Intel HEX, else plain binary.")
@json_option
def pack(
    image: Path, target: Target | None, key: Path | None, version_number: int, out: Path, printer: Printer
) -> None:
    """Put the bootloader's header before an image, for other tools to flash or for updates in the field."""
    from edgeprune.device.image_file import load_image
    from edgeprune.image.application import SECRET_KEY_BYTES, make_application, read_key
    from edgeprune.image.intel_hex import intel_hex
    from edgeprune.image.segments import Image

    loaded = load_image(image, target, None)
    boot = loaded.target.boot
    if boot is None:
        raise UsageError(f"{loaded.target.name} has no [boot] table", hint="docs/boot.md says what one holds")
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
