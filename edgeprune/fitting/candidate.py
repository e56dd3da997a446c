"""A thinned network exported, linked without limits and run once: its footprint is measured, not predicted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgeprune.atomic import write_bytes
from edgeprune.budget import Footprint
from edgeprune.build.space import target_space
from edgeprune.cost.flash import EngineBaseline
from edgeprune.deploy import CompiledModel, compile_model, link_images, running_board
from edgeprune.export.exporter import Exporter
from edgeprune.export.tflite import export_tflite
from edgeprune.fitting.cost import footprint_of
from edgeprune.fitting.job import Job
from edgeprune.fitting.network import Network
from edgeprune.measure import memory_in_use
from edgeprune.model.exits import ExitPlace

_ROOMY_BYTES = 1 << 26


@dataclass(frozen=True)
class TrainedExit:
    """An early exit and what it does on validation samples, as int8 on this machine.

    Attributes:
        place: where it is.
        margin: at which an input leaves.
        share: of the inputs (0..1) that leave.
        drop_points: what that loses against none leaving.
        head: its weights, `.safetensors`.
    """

    place: ExitPlace
    margin: int
    share: float
    drop_points: float
    head: Path


@dataclass(frozen=True, eq=False)
class Candidate:
    """A network and what became of it.

    Attributes:
        tflite: its int8 file, stripped.
        layer_names: of the file's operators.
        model: compiled from the file.
        baseline: what of the linked image and its board does not depend on the model's arrays.
        footprint: of its linked image on the board.
        instructions: of one inference to its end, as the emulated machine counts them.
        early_exit: of the file; None without one.
    """

    network: Network
    tflite: bytes
    layer_names: tuple[str, ...]
    model: CompiledModel
    baseline: EngineBaseline
    footprint: Footprint
    instructions: int
    early_exit: TrainedExit | None = None

    @property
    def exit_margin(self) -> int | None:
        return None if self.early_exit is None else self.early_exit.margin


def make_candidate(job: Job, network: Network, exporter: Exporter, stage: str) -> Candidate:
    """Exports, links and boots the network.

    Raises:
        ModelError: it cannot be exported.
        ToolchainError, DeviceError: it cannot be built or run.
    """
    folder = job.workspace.folder / "candidates" / stage.replace(" ", "-")

    def export() -> list[str]:
        exported = export_tflite(network.module, job.splits.calibration.tensor(), exporter)
        write_bytes(folder / "model.tflite", exported.data)
        job.progress.note(f"exported {len(exported.data):,} B, {exported.sqnr_db:.1f} dB above quantization noise")
        return list(exported.layers)

    layers = job.workspace.once(f"{stage}: export", export)
    return linked(job, network, (folder / "model.tflite").read_bytes(), tuple(layers), folder)


def with_faster(job: Job, candidate: Candidate, faster: frozenset[int], stage: str) -> Candidate:
    """The same network linked and booted with other kernels for some of its ops.

    Args:
        faster: their positions in the compiled graph.
    """
    folder = job.workspace.folder / "candidates" / stage.replace(" ", "-")
    tflite, layers, leaving = candidate.tflite, candidate.layer_names, candidate.early_exit
    return linked(job, candidate.network, tflite, layers, folder, faster, leaving)


def linked(
    job: Job,
    network: Network,
    tflite: bytes,
    layers: tuple[str, ...],
    folder: Path,
    faster: frozenset[int] = frozenset(),
    early_exit: TrainedExit | None = None,
) -> Candidate:
    """Compiles, links and boots a file; arguments as `Candidate` has them."""
    model = compile_model(
        tflite,
        job.target,
        optimize=job.options.kernels,
        model_id=job.project.model.name,
        command=job.options.command,
        layer_names=layers,
        faster=faster,
        ram_first=job.options.ram_first,
        exit_margin=None if early_exit is None else early_exit.margin,
    )
    roomy = replace(target_space(job.target), flash_bytes=_ROOMY_BYTES, ram_bytes=_ROOMY_BYTES)
    images = link_images(model, job.target, folder, roomy)
    with running_board(images, job.target) as board:
        memory = memory_in_use(board, model.input_bytes)
        timings = board.layers(1)
    instructions = timings.total_ticks
    if early_exit is not None:  # this input may have left
        instructions = max(instructions, sum(timings.layer_ticks))
    measured = EngineBaseline.of(images.judged.size.flash_parts, model.calls, memory.data_bytes, memory.stack_all_bytes)
    footprint = footprint_of(model, job.target, measured)
    if footprint.latency_us is None:  # a kernel whose cost on this core nobody measured
        footprint = replace(footprint, latency_us=instructions * 1e6 / job.target.cpu.clock_hz)
    return Candidate(network, tflite, layers, model, measured, footprint, instructions, early_exit)
