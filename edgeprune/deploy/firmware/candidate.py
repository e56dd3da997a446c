"""A thinned network as an int8 `.tflite`, and the firmware of it: exported, linked without limits, run, proved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgeprune.budget import Budget, Footprint
from edgeprune.deploy.exit_work import work_of
from edgeprune.deploy.firmware.linked import LinkedModel, linked_model
from edgeprune.deploy.firmware.predicted import footprint_of
from edgeprune.deploy.firmware.prove import prove
from edgeprune.deploy.firmware.ram_budget import with_constants_in_ram
from edgeprune.deploy.firmware.upgrade_kernels import with_faster_kernels
from edgeprune.deploy.int8_file import Int8File
from edgeprune.deploy.proof import Proof
from edgeprune.deploy.protocol import ExitWork, TrainedExit
from edgeprune.engine.compile import CompileOptions
from edgeprune.files.atomic import write_bytes, write_text
from edgeprune.prune.network import Network
from edgeprune.train.splits import Split


@dataclass(frozen=True, eq=False)
class TfliteArtifact(Int8File):
    """The file, made to firmware (`Artifact` of `deploy/protocol.py`)."""

    options: CompileOptions

    def build(self, network: Network, early_exit: TrainedExit | None = None) -> FirmwareCandidate:
        """Compiles, links without limits and boots the file; where time is limited, RAM left over holds constants.

        Raises:
            ToolchainError, DeviceError: it cannot be built or run.
        """
        margin = None if early_exit is None else early_exit.margin
        options = replace(self.options, layer_names=self.layers, exit_margin=margin)
        linked = linked_model(self.data, self.setup.target, options)
        if self.setup.limits.latency_us is not None:
            linked = with_constants_in_ram(linked, self.setup.limits)
        return FirmwareCandidate(network, self, linked, early_exit)


@dataclass(frozen=True, eq=False)
class FirmwareCandidate:
    """A network and the firmware of it (`Candidate` of `deploy/protocol.py`)."""

    network: Network
    artifact: TfliteArtifact
    linked: LinkedModel
    early_exit: TrainedExit | None

    @property
    def footprint(self) -> Footprint:
        return self.linked.footprint

    @property
    def ticks(self) -> int:
        """Instructions of the emulated machine."""
        return self.linked.instructions

    @property
    def faster(self) -> tuple[int, ...]:
        return tuple(sorted(self.linked.model.options.faster))

    @property
    def in_ram(self) -> tuple[int, ...]:
        return tuple(sorted(self.linked.model.options.in_ram))

    def exit_work(self) -> ExitWork:
        return work_of(self.linked.model.graph, self.linked.model.calls, self.linked.target.cpu)

    def upgraded(self, predicted: Footprint) -> tuple[FirmwareCandidate, Footprint]:
        """With faster kernels, as many as the flash that is left has room for."""
        setup = self.artifact.setup
        linked, expected = self._upgraded(setup.limits, predicted)
        if linked is self.linked:
            return self, predicted
        setup.progress.note(f"flash left over made {len(linked.model.options.faster)} layers faster")
        return replace(self, linked=linked), expected

    def _upgraded(self, limits: Budget, predicted: Footprint) -> tuple[LinkedModel, Footprint]:
        if limits.latency_us is None:
            return with_faster_kernels(self.linked, limits, predicted)
        # constants of faster kernels are others: RAM is spent anew, and time judged after that
        plain = self.linked.in_flash
        linked, expected = with_faster_kernels(plain, replace(limits, latency_us=None), predicted)
        if linked is plain:
            return self.linked, predicted
        spent = with_constants_in_ram(linked, limits)
        took_us, before_us = spent.footprint.latency_us, self.linked.footprint.latency_us
        is_faster = took_us is not None and before_us is not None and took_us < before_us
        if not is_faster or spent.footprint.exceeds(limits):
            return self.linked, predicted
        model = spent.model
        return spent, footprint_of(model, spent.target, linked.baseline) if model.options.in_ram else expected

    def prove(self, samples: Split) -> Proof:
        return prove(self.artifact.setup, self.linked, samples)

    def save(self, folder: Path) -> dict[str, str]:
        """The `.tflite` and the C; the linked files are where `prove` put them."""
        write_bytes(folder / "model.tflite", self.artifact.data)
        for name, text in self.linked.model.sources().items():
            write_text(folder / "c" / name, text)
        return {
            "tflite": "model.tflite",
            "c": "c/model.c",
            "elf": "firmware/firmware.elf",
            "bin": "firmware/firmware.bin",
            "hex": "firmware/firmware.hex",
        }
