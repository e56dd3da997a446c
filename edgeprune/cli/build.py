"""`edgeprune build`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.options import json_option, ram_first_option, target_option
from edgeprune.cli.output import Printer, table
from edgeprune.errors import UsageError
from edgeprune.units import bytes_text

if TYPE_CHECKING:
    from edgeprune.target.profile import Target


@click.command("build")
@click.argument("model", type=click.Path(path_type=Path), metavar="FILE.tflite")
@target_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for firmware and C; by default build/MODEL-TARGET."
)
@click.option(
    "--optimize",
    type=click.Choice(["size", "balanced", "speed"]),
    default="balanced",
    show_default=True,
    help="How much flash may buy speed.",
)
@ram_first_option
@click.option(
    "--package",
    "package_folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the C alone, with CMakeLists.txt, Makefile and README, to drop into a firmware project.",
)
@click.option("--model-id", help="What the console answers to 'profile', for example kws01.")
@json_option
def command(
    model: Path,
    target: Target | None,
    out: Path | None,
    optimize: str,
    ram_first: bool,
    package_folder: Path | None,
    model_id: str | None,
    printer: Printer,
) -> None:
    """Compile an int8 .tflite to C, link it with the console for a target, and say what it takes."""
    from edgeprune.atomic import write_text
    from edgeprune.cost.flash import constant_bytes
    from edgeprune.deploy import compile_file, link_images, package
    from edgeprune.kernels.base import Optimize

    if target is None:
        raise UsageError("no target was named", hint="--target cortex-m4, or a TOML file of your own")
    folder = out or Path("build") / f"{model.stem}-{target.name}"
    compiled = compile_file(
        model,
        target,
        optimize=Optimize(optimize),
        model_id=model_id or model.stem,
        command=f"edgeprune build {model.name} --target {target.name} --optimize {optimize}"
        + (" --ram-first" if ram_first else ""),
        ram_first=ram_first,
    )
    images = link_images(compiled, target, folder)
    for name, text in compiled.sources().items():
        write_text(folder / "c" / name, text)
    if package_folder is not None:
        for name, text in package(compiled, target, images.judged).items():
            write_text(package_folder / name, text)
    size, constants = images.judged.size, constant_bytes(compiled.calls)
    result: dict[str, Any] = {
        "target": target.name,
        "flash_bytes": size.flash_bytes,
        "engine_flash_bytes": size.flash_parts["kernels"] + size.flash_parts["model"],
        "runtime_flash_bytes": size.flash_parts["runtime"],
        "model_flash_bytes": constants["weights"],
        "table_flash_bytes": size.flash_parts["constants"] - constants["weights"],
        "ram_bytes": size.ram_bytes,
        "arena_bytes": size.ram_parts["arena"],
        "data_bytes": size.ram_parts["data"],
        "reserved_stack_bytes": size.ram_parts["stack"],
        "folder": str(folder),
        "elf": str(images.judged.elf),
        "row_by_row_layers": compiled.row_by_row_layers,
        "extra_macs": compiled.extra_macs,
        "uf2": str(images.own.uf2) if images.own and images.own.uf2 else None,
        "package": str(package_folder) if package_folder else None,
        "build_id": images.judged.build_id,
    }
    rows = [
        ["flash", bytes_text(size.flash_bytes)],
        ["  weights and biases", bytes_text(result["model_flash_bytes"])],
        ["  tables", bytes_text(result["table_flash_bytes"])],
        ["  kernels and calls", bytes_text(result["engine_flash_bytes"])],
        ["  start-up and console", bytes_text(result["runtime_flash_bytes"])],
        ["RAM", bytes_text(size.ram_bytes)],
        ["  arena", bytes_text(result["arena_bytes"])],
        ["  data", bytes_text(result["data_bytes"])],
        ["  stack, reserved", bytes_text(result["reserved_stack_bytes"])],
    ]
    if ram_first:
        rows.append(["layers run row by row", str(compiled.row_by_row_layers)])
        rows.append(["  MACs they cost more", f"{compiled.extra_macs:,}"])
    printer.result(result, table(["", "bytes"], rows, ["bytes"], title=f"{model.name} for {target.name}"), str(folder))
