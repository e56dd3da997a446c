"""`edgeprune build`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.options.common import (
    SizeType,
    json_option,
    optimize_option,
    ram_first_option,
    require_target,
    target_option,
)
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.errors import UsageError
from edgeprune.files.names import RULE, is_name, name_from
from edgeprune.toolchain.client_form import RUNNER_FORMS
from edgeprune.units import bytes_text

if TYPE_CHECKING:
    from edgeprune.hardware.profile import Target


@click.command("build")
@click.argument("model", type=click.Path(path_type=Path), metavar="FILE.tflite")
@target_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for firmware and C; by default build/MODEL-TARGET."
)
@optimize_option("balanced")
@click.option(
    "--flash",
    type=SizeType(),
    help="Flash the whole image may take, for example 200KiB: as fast as that allows, up to --optimize.",
)
@click.option(
    "--ram",
    type=SizeType(),
    help="RAM the whole image may take, for example 64KiB: what is left over holds constants that else wait for flash.",
)
@ram_first_option
@click.option(
    "--package",
    "package_folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the C alone, with CMakeLists.txt, Makefile and README, to drop into a firmware project.",
)
@click.option(
    "--verify/--no-verify",
    "verifies",
    default=True,
    show_default=True,
    help="Run the image on the emulated machine and compare its bytes with LiteRT's before ending.",
)
@click.option(
    "--model-id",
    help=f"The console's reply to 'profile'. {', '.join(RUNNER_FORMS)}: also what MLPerf's runner sends and reads.",
)
@click.option(
    "--input-form",
    type=click.Choice(["uint8", "float32", "int8"]),
    help="Elements that clients of the console send with 'db'.  [default: the model's own, or by --model-id]",
)
@click.option(
    "--score",
    type=click.Choice(["mse"]),
    help="Results in place of the outputs: mse, the mean squared error between input and output.",
)
@json_option
def command(
    model: Path,
    target: Target | None,
    out: Path | None,
    optimize: str,
    flash: int | None,
    ram: int | None,
    ram_first: bool,
    package_folder: Path | None,
    verifies: bool,
    model_id: str | None,
    input_form: str | None,
    score: str | None,
    printer: Printer,
) -> None:
    """Compile an int8 .tflite to C, link it with the console for a target, and report flash and RAM.

    \b
    Examples:
      edgeprune build model.tflite --target cortex-m4 --out firmware
      edgeprune build model.tflite --target nucleo-f446re --package model
    """
    from edgeprune.budget import Limits, Optimize
    from edgeprune.deploy.firmware.client_form import client_form
    from edgeprune.deploy.firmware.flash_budget import within_flash
    from edgeprune.deploy.firmware.images import link_images, package
    from edgeprune.deploy.firmware.limits import budget_for, require_within
    from edgeprune.deploy.firmware.ram_budget import within_ram
    from edgeprune.deploy.firmware.verified import Verified, verify_build
    from edgeprune.engine.compile import CompileOptions, compile_named
    from edgeprune.engine.cost.flash_size import constant_bytes
    from edgeprune.files.atomic import sweep_all, write_text
    from edgeprune.files.lock import FolderLock
    from edgeprune.ir import DType
    from edgeprune.toolchain.client_form import Score

    target = require_target(target)
    if not model.is_file():
        raise UsageError(f"{model} is not there", hint="give an int8 .tflite")
    folder = out or Path("build") / f"{model.stem}-{target.name}"
    options = CompileOptions(
        optimize=Optimize(optimize),
        model_id=_checked(model_id) if model_id else name_from(model.stem),
        command=shlex.join(
            ["edgeprune", "build", model.name, "--target", target.name, "--optimize", optimize]
            + ([] if flash is None else ["--flash", str(flash)])
            + ([] if ram is None else ["--ram", str(ram)])
            + ["--ram-first"] * ram_first
            + ([] if input_form is None else ["--input-form", input_form])
            + ([] if score is None else ["--score", score])
        ),
        ram_first=ram_first,
    )
    tflite = model.read_bytes()
    compiled = compile_named(model.name, tflite, target, options)
    client = client_form(
        compiled.graph, options.model_id, DType(input_form) if input_form else None, Score(score) if score else None
    )
    if flash is not None:
        compiled = within_flash(tflite, target, options, client, flash)
    if ram is not None:
        compiled = within_ram(compiled, target, ram, client)
    folder.mkdir(parents=True, exist_ok=True)
    with FolderLock(folder):  # another build's files would mix with these
        sweep_all(folder)
        images = link_images(compiled, target, folder, client=client)
        if flash is not None or ram is not None:
            require_within(images.judged.size, budget_for(target, Limits(flash, ram)))
        verified = verify_build(compiled, tflite, images, target) if verifies else Verified(0, "--no-verify")
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
        "console_flash_bytes": size.flash_parts["console"],
        "model_flash_bytes": constants["weights"],
        "table_flash_bytes": size.flash_parts["constants"] - constants["weights"],
        "ram_bytes": size.ram_bytes,
        "arena_bytes": size.ram_parts["arena"],
        "data_bytes": size.ram_parts["data"],
        "console_bytes": size.ram_parts["console"],
        "reserved_stack_bytes": size.ram_parts["stack"],
        "folder": str(folder),
        "elf": str(images.judged.elf),
        "optimize": str(compiled.options.optimize),
        "faster_layers": [compiled.graph.ops[index].name for index in sorted(compiled.options.faster)],
        "layers_in_ram": [compiled.graph.ops[index].name for index in sorted(compiled.options.in_ram)],
        "row_by_row_layers": compiled.row_by_row_layers,
        "extra_macs": compiled.extra_macs,
        "uf2": str(images.own.uf2) if images.own and images.own.uf2 else None,
        "package": str(package_folder) if package_folder else None,
        "build_id": images.judged.build_id,
        "input_form": str(client.input_form),
        "score": str(client.score),
        "verified_samples": verified.samples,
        "unverified_reason": verified.reason,
    }
    rows = [
        ["flash", bytes_text(size.flash_bytes)],
        ["  weights and biases", bytes_text(result["model_flash_bytes"])],
        ["  tables", bytes_text(result["table_flash_bytes"])],
        ["  kernels and calls", bytes_text(result["engine_flash_bytes"])],
        ["  start-up and drivers", bytes_text(result["runtime_flash_bytes"])],
        ["  console", bytes_text(result["console_flash_bytes"])],
        ["RAM", bytes_text(size.ram_bytes)],
        ["  arena", bytes_text(result["arena_bytes"])],
        ["  data", bytes_text(result["data_bytes"])],
        ["  console, its copy of the input", bytes_text(result["console_bytes"])],
        ["  stack, reserved", bytes_text(result["reserved_stack_bytes"])],
    ]
    if flash is not None:
        made = str(compiled.options.optimize)
        faster = len(compiled.options.faster)
        rows.append(["kernels", f"{made}, {faster} of them for speed" if faster else made])
    if ram is not None:
        rows.append(["layers whose constants lie in RAM", str(len(compiled.options.in_ram))])
    if ram_first:
        rows.append(["layers run row by row", str(compiled.row_by_row_layers)])
        rows.append(["  MACs they cost more", f"{compiled.extra_macs:,}"])
    outcome = f"{verified.samples} random inputs on the emulated machine: the same bytes as LiteRT's"
    if verified.reason is not None:
        outcome = f"not verified: {verified.reason}"
    sizes = table(["", "bytes"], rows, ["bytes"], title=f"{model.name} for {target.name}")
    printer.result(result, sizes, outcome, str(folder))


def _checked(model_id: str) -> str:
    if not is_name(model_id):
        raise UsageError(f"--model-id {model_id!r} is no name", hint=f"a name is {RULE}")
    return model_id
