"""`edgeprune export`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.options.request import gathered
from edgeprune.cli.output.printer import Printer
from edgeprune.errors import UsageError
from edgeprune.units import bytes_text

_TFLITE = ("int8", "int16x8", "int4", "float32", "float16", "dynamic-range")
_PTE = ("xnnpack", "xnnpack-dynamic", "xnnpack-float", "cortex-m", "portable")


@dataclass(frozen=True)
class _Request:
    """What to write, of which network."""

    run: Path | None
    project: Path | None
    format_name: str
    exporter: str
    metadata: bool
    stripped: bool
    target: str | None
    allow_float: bool
    package_folder: Path | None
    out: Path | None


@click.command("export")
@click.argument("run", required=False, type=click.Path(path_type=Path, file_okay=False), metavar="[RUN]")
@click.option("--project", type=click.Path(path_type=Path), help="Without a run: edgeprune.toml, or its folder.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice([*_TFLITE, *_PTE]),
    metavar="FORM",
    default="int8",
    show_default=True,
    help="A .tflite. int8: all of it. int16x8: int16 activations. int4: int4 weights under int8 activations. float16: "
    "half the bytes. dynamic-range: int8 weights, float activations. Or an ExecuTorch .pte, with "
    "edgeprune[executorch]. xnnpack: int8, for phones and Raspberry Pis; also -dynamic and -float. cortex-m: int8, "
    "CMSIS-NN. portable: float, plain C++ kernels.",
)
@click.option(
    "--exporter",
    type=click.Choice(["edgeprune", "litert-torch"]),
    metavar="NAME",
    default="edgeprune",
    show_default=True,
    help="edgeprune, or litert-torch: that converter's float32 or int8 file instead; needs edgeprune[litert-torch].",
)
@click.option("--metadata", is_flag=True, help="Store how inputs are scaled in it, as edgeprune.json.")
@click.option("--stripped", is_flag=True, help="Leave out names, signature and metadata: for microcontrollers.")
@click.option(
    "--target",
    envvar="EDGEPRUNE_TARGET",
    show_envvar=True,
    metavar="NAME|TOML",
    help="Whose core a cortex-m program is for; the run's or project's own without.",
)
@click.option("--allow-float", is_flag=True, help="Let operators of an int8 .pte stay in float where no int8 one is.")
@click.option(
    "--package",
    "package_folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write a folder for a program of yours instead: the int8 .tflite and C, C++ and Python that feed them, a test "
    "vector, CMake.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="By default MODEL-FORMAT.tflite or .pte here."
)
@json_option
@gathered("asked", _Request)
def command(asked: _Request, printer: Printer) -> None:
    """Write a run's thinned network, or a project's as it is, as a .tflite or an ExecuTorch .pte.

    The float form of a .tflite is compared with PyTorch before anything is written; a .pte is read back and run on
    samples of the test set: no float operators where int8 was promised, and its outputs near the float network's.

    \b
    Examples:
      edgeprune export runs/latest --format int8
      edgeprune export --format float32
      edgeprune export runs/latest --package app
    """
    if asked.package_folder is not None:
        others = (asked.format_name != "int8", asked.exporter != "edgeprune", asked.metadata, asked.stripped,
                  asked.allow_float, asked.out is not None)  # fmt: skip
        if any(others):
            raise UsageError("--package holds the int8 files, as they are", hint="leave the other options out")
        _write_package(asked, asked.package_folder, printer)
        return
    if asked.format_name in _PTE:
        if asked.exporter != "edgeprune" or asked.metadata or asked.stripped:
            raise UsageError(
                "--exporter, --metadata and --stripped are about .tflite files", hint="leave them out for a .pte"
            )
        _write_pte(asked, printer)
        return
    if asked.allow_float:
        raise UsageError("--allow-float is about .pte files", hint="leave it out for a .tflite")
    _write_tflite(asked, printer)


def _write_package(asked: _Request, folder: Path, printer: Printer) -> None:
    from edgeprune.files.atomic import write_bytes
    from edgeprune.tasks.app import app_of_project, app_of_run
    from edgeprune.tasks.fit import project_here, project_of

    if folder.is_dir() and any(folder.iterdir()) and not (folder / "constants.json").is_file():
        raise UsageError(f"{folder} holds something else", hint="name a folder that is not there yet")
    if asked.run is not None:
        files = app_of_run(asked.run)
    else:
        files = app_of_project(project_of(str(asked.project) if asked.project else project_here()))
    for name, content in files.items():
        write_bytes(folder / name, content)
    build = f"cmake -S {folder} -B {folder}/build && cmake --build {folder}/build && (cd {folder} && build/app --check)"
    printer.result({"package": str(folder), "files": sorted(files)}, f"{folder}: {len(files)} files", build)


def _write_tflite(asked: _Request, printer: Printer) -> None:
    from edgeprune.files.atomic import write_bytes
    from edgeprune.tasks.export import Exporter, FileOptions, Format, exported_project, exported_run
    from edgeprune.tasks.fit import project_here, project_of

    options = FileOptions(Format(asked.format_name), asked.stripped, asked.metadata, Exporter(asked.exporter))
    if asked.run is not None:
        data, name = exported_run(asked.run, options), asked.run.resolve().name
    else:
        chosen = project_of(str(asked.project) if asked.project else project_here())
        data, name = exported_project(chosen, options), chosen.model.name
    path = asked.out or Path(f"{name}-{asked.format_name}.tflite")
    write_bytes(path, data)
    result = {"tflite": str(path), "format": asked.format_name, "size_bytes": len(data)}
    printer.result(result, f"{path}: {bytes_text(len(data))}")


def _write_pte(asked: _Request, printer: Printer) -> None:
    from edgeprune.cli.output.pte import operators_table, program_data, sizes_line
    from edgeprune.export.pte.lowering import PteFormat
    from edgeprune.files.atomic import write_bytes
    from edgeprune.tasks.export_pte import PteWish, pte_of_project, pte_of_run
    from edgeprune.tasks.fit import project_here, project_of

    wish = PteWish(PteFormat(asked.format_name), asked.target, asked.allow_float)
    if asked.run is not None:
        made, name = pte_of_run(asked.run, wish), asked.run.resolve().name
    else:
        chosen = project_of(str(asked.project) if asked.project else project_here())
        made, name = pte_of_project(chosen, wish), chosen.model.name
    path = asked.out or Path(f"{name}-{asked.format_name}.pte")
    write_bytes(path, made.data)
    samples = len(made.outputs[0])
    result = program_data(made.program) | {
        "pte": str(path),
        "format": asked.format_name,
        "sqnr_db": made.sqnr_db,
        "argmax_agreement": made.argmax_agreement,
        "samples": samples,
        "ran": made.ran,
        "float_operators": list(made.floats),
    }
    same = "" if made.argmax_agreement is None else f", the same largest output on {made.argmax_agreement:.1%}"
    where = "run by ExecuTorch here" if made.ran == "executorch" else "its kernels emulated by torch here"
    printer.result(
        result,
        operators_table(made.program, str(path)),
        sizes_line(made.program),
        f"{made.sqnr_db:.1f} dB from the float network on {samples} samples{same} ({where})",
        *(f"stays in float: {layer}" for layer in made.floats),
    )
