"""What the commands show of an ExecuTorch program."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import ColumnsThatFit, table
from edgeprune.errors import UsageError
from edgeprune.units import bytes_text

if TYPE_CHECKING:
    from edgeprune.export.pte.program import Program
    from edgeprune.tasks.inspect_pte import OwnImage


def program_data(program: Program) -> dict[str, Any]:
    """For JSON: sizes, planned memory, ends, operators in order."""
    return {
        "size_bytes": program.size_bytes,
        "constant_bytes": program.constant_bytes,
        "delegate_bytes": program.delegate_bytes,
        "planned_bytes": sum(program.planned_bytes),
        "inputs": [asdict(end) for end in program.inputs],
        "outputs": [asdict(end) for end in program.outputs],
        "delegates": dict(Counter(program.delegates)),
        "operators": [asdict(operator) for operator in program.operators],
    }


def operators_table(program: Program, title: str) -> ColumnsThatFit:
    """Each kind of operator: what runs it, in what, how often."""
    counts = Counter((one.runs_on, one.name, one.precision) for one in program.operators)
    rows = [[name, place, precision, str(count)] for (place, name, precision), count in counts.items()]
    return table(["operator", "runs on", "computes in", "times"], rows, ["times"], title=title)


def sizes_line(program: Program) -> str:
    return (
        f"file {bytes_text(program.size_bytes)}: constants {bytes_text(program.constant_bytes)}, kept by delegates "
        f"{bytes_text(program.delegate_bytes)}; planned memory {bytes_text(sum(program.planned_bytes))}"
        + (", beside what the delegates take" if program.delegates else "")
    )


def show_program(path: Path, beside: Path | None, target: str | None, printer: Printer) -> None:
    """Prints what is in the file; `beside`: an int8 `.tflite` of the same network, to compare with on `target`.

    Raises:
        UsageError: a file is not there, or no target is named to compare on.
        ModelError: a file is damaged, or does not compile.
    """
    from edgeprune.tasks.inspect_pte import own_image, read_program

    program = read_program(path)
    if beside is not None and target is None:
        raise UsageError("--beside names no target", hint="--target cortex-m4, or a TOML file of your own")
    own = None if beside is None or target is None else own_image(beside, target)
    data = program_data(program) | {"pte": str(path), "own": None if own is None else asdict(own)}
    compared: list[Any] = [] if own is None else [_comparison(program, own), _NOT_COUNTED]
    printer.result(data, operators_table(program, str(path)), sizes_line(program), *_ends(program), *compared)


_NOT_COUNTED = (
    "ExecuTorch's own code is not counted: its runtime and the kernels linked with it come on top of its figures"
)


def _comparison(program: Program, own: OwnImage) -> ColumnsThatFit:
    rows = [
        ["flash: the network", bytes_text(program.size_bytes), bytes_text(own.model_bytes)],
        ["flash: kernels", "not known here", bytes_text(own.kernel_bytes)],
        ["RAM: tensors, planned", bytes_text(sum(program.planned_bytes)), bytes_text(own.arena_bytes)],
    ]
    title = f"the same network on {own.target}"
    return table(["", "ExecuTorch", "EdgePrune"], rows, ["ExecuTorch", "EdgePrune"], title=title)


def _ends(program: Program) -> list[str]:
    kinds = (("input", program.inputs), ("output", program.outputs))
    return [f"{kind}: {end.dtype} {'x'.join(map(str, end.shape))}" for kind, ends in kinds for end in ends]
