"""`edgeprune export`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.options.request import gathered
from edgeprune.cli.output.printer import Printer
from edgeprune.errors import UsageError
from edgeprune.units import bytes_text, count_text

if TYPE_CHECKING:
    from edgeprune.tasks.export import FileOptions

_TFLITE = ("int8", "int16x8", "int4", "float32", "float16", "dynamic-range")
_PTE = ("xnnpack", "xnnpack-dynamic", "xnnpack-float", "cortex-m", "portable")
_VELA = "ethos-u"
_MACS_A_CYCLE = {"55": (32, 64, 128, 256), "65": (256, 512), "85": (128, 256, 512, 1024, 2048)}
_NPUS = tuple(f"ethos-u{family}-{macs}" for family, sizes in _MACS_A_CYCLE.items() for macs in sizes)


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
    npu: str | None
    allow_float: bool
    package_folder: Path | None
    out: Path | None


@click.command("export")
@click.argument("run", required=False, type=click.Path(path_type=Path, file_okay=False), metavar="[RUN]")
@click.option("--project", type=click.Path(path_type=Path), help="Without a run: edgeprune.toml, or its folder.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice([*_TFLITE, _VELA, *_PTE]),
    metavar="FORM",
    default="int8",
    show_default=True,
    help="A .tflite. int8: all of it. int16x8: int16 activations. int4: int4 weights under int8 activations. float16: "
    "half the bytes. dynamic-range: int8 weights, float activations. ethos-u: int8 for that NPU, by Arm's Vela. Or an "
    "ExecuTorch .pte, with edgeprune[executorch]. xnnpack: int8, for phones and Raspberry Pis; also -dynamic and "
    "-float. cortex-m: int8, CMSIS-NN. portable: float, plain C++ kernels.",
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
@click.option(
    "--npu",
    type=click.Choice(_NPUS),
    metavar="NAME",
    help="Whose MACs a cycle an ethos-u file is for.  [ethos-u55-128]",
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
                  asked.allow_float, asked.npu is not None, asked.out is not None)  # fmt: skip
        if any(others):
            raise UsageError("--package holds the int8 files, as they are", hint="leave the other options out")
        _write_package(asked, asked.package_folder, printer)
        return
    if asked.npu is not None and asked.format_name != _VELA:
        raise UsageError("--npu is about --format ethos-u", hint="leave it out for other formats")
    if asked.format_name in _PTE:
        if asked.exporter != "edgeprune" or asked.metadata or asked.stripped:
            raise UsageError(
                "--exporter, --metadata and --stripped are about .tflite files", hint="leave them out for a .pte"
            )
        _write_pte(asked, printer)
        return
    if asked.allow_float:
        raise UsageError("--allow-float is about .pte files", hint="leave it out for a .tflite")
    if asked.format_name == _VELA:
        _write_vela(asked, printer)
        return
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
    from edgeprune.tasks.export import Exporter, FileOptions, Format

    options = FileOptions(Format(asked.format_name), asked.stripped, asked.metadata, Exporter(asked.exporter))
    data, name = _exported(asked, options)
    path = asked.out or Path(f"{name}-{asked.format_name}.tflite")
    write_bytes(path, data)
    result = {"tflite": str(path), "format": asked.format_name, "size_bytes": len(data)}
    printer.result(result, f"{path}: {bytes_text(len(data))}")


def _exported(asked: _Request, options: FileOptions) -> tuple[bytes, str]:
    """The file and the network's name."""
    from edgeprune.tasks.export import exported_project, exported_run
    from edgeprune.tasks.fit import project_here, project_of

    if asked.run is not None:
        return exported_run(asked.run, options), asked.run.resolve().name
    chosen = project_of(str(asked.project) if asked.project else project_here())
    return exported_project(chosen, options), chosen.model.name


def _write_vela(asked: _Request, printer: Printer) -> None:
    from edgeprune.export.vela import Npu, compiled_by_vela
    from edgeprune.files.atomic import write_bytes
    from edgeprune.tasks.export import Exporter, FileOptions, Format

    options = FileOptions(Format.INT8, asked.stripped, asked.metadata, Exporter(asked.exporter))
    int8, name = _exported(asked, options)
    made = compiled_by_vela(int8, Npu(asked.npu or Npu.U55_128))
    path = asked.out or Path(f"{name}-{made.npu}.tflite")
    write_bytes(path, made.data)
    facts = {key: value for key, value in asdict(made).items() if key != "data"}
    printer.result(
        {"tflite": str(path), "format": asked.format_name, "size_bytes": len(made.data)} | facts,
        f"{path}: {bytes_text(len(made.data))}; {made.npu_operators} operators on {made.npu}, Vela {made.version}",
        f"predicted by Vela for its {made.system}, nobody measured it: {count_text(made.cycles)} cycles an inference "
        f"at {made.clock_hz / 1e6:.0f} MHz, SRAM {bytes_text(made.sram_bytes)}, DRAM {bytes_text(made.dram_bytes)}, "
        f"flash {bytes_text(made.flash_bytes)}",
        "not run here: nothing emulates an NPU",
        *(f"stays on the processor: {operator}" for operator in made.left),
    )


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
