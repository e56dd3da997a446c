"""A thinned network as an int8 `.tflite`, and the program of it: exported, built without limits, run, proved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgeprune.budget import Footprint
from edgeprune.deploy.exit_work import work_of
from edgeprune.deploy.hosted.built import BuiltModel, built_model
from edgeprune.deploy.hosted.prove import prove
from edgeprune.deploy.int8_file import Int8File
from edgeprune.deploy.proof import Proof
from edgeprune.deploy.protocol import ExitWork, TrainedExit
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.files.atomic import write_bytes, write_text
from edgeprune.prune.network import Network
from edgeprune.train.splits import Split

PROGRAM_NAME = "model"
"""Of the target's program, in a run's folder `program`."""


@dataclass(frozen=True, eq=False)
class ProgramArtifact(Int8File):
    """The file, made to a program (`Artifact` of `deploy/protocol.py`)."""

    options: CompileOptions

    def build(self, network: Network, early_exit: TrainedExit | None = None) -> ProgramCandidate:
        """Compiles, builds without limits and runs the file.

        Raises:
            ToolchainError, DeviceError: it cannot be built or run.
        """
        margin = None if early_exit is None else early_exit.margin
        options = replace(self.options, layer_names=self.layers, exit_margin=margin)
        model = compile_model(self.data, self.setup.target, options)
        built = built_model(self.data, model, self.setup.target, self.setup.port)
        return ProgramCandidate(network, self, built, early_exit)


@dataclass(frozen=True, eq=False)
class ProgramCandidate:
    """A network and the program of it (`Candidate` of `deploy/protocol.py`)."""

    network: Network
    artifact: ProgramArtifact
    built: BuiltModel
    early_exit: TrainedExit | None

    @property
    def footprint(self) -> Footprint:
        return self.built.footprint

    @property
    def ticks(self) -> int:
        """Nanoseconds on a device, predicted where there is none."""
        return round((self.footprint.latency_us or 0.0) * 1e3)

    @property
    def in_ram(self) -> tuple[int, ...]:
        return ()  # all of a program is

    @property
    def faster(self) -> tuple[int, ...]:
        """None: a program is built for speed from the start."""
        return ()

    def exit_work(self) -> ExitWork:
        model = self.built.model
        return work_of(model.graph, model.calls, self.built.target.cpu)

    def upgraded(self, predicted: Footprint) -> tuple[ProgramCandidate, Footprint]:
        """As it is."""
        return self, predicted

    def prove(self, samples: Split) -> Proof:
        return prove(self.artifact.setup, self.built, samples)

    def save(self, folder: Path) -> dict[str, str]:
        """The `.tflite`, the C and the target's program."""
        write_bytes(folder / "model.tflite", self.artifact.data)
        for name, text in self.built.model.sources().items():
            write_text(folder / "c" / name, text)
        program = folder / "program" / PROGRAM_NAME
        write_bytes(program, self.built.programs.own.content)
        program.chmod(0o755)
        return {"tflite": "model.tflite", "c": "c/model.c", "program": f"program/{PROGRAM_NAME}"}
