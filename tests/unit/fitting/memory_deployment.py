"""A device that is this process: an artifact is a pickled module, its size the file's, its speed one tick a MAC.

It has neither arena nor image nor instructions: what `fitting` may ask of every device, and no more.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.budget import Budget, Footprint
from edgeprune.deploy.proof import LayerTime, Proof
from edgeprune.deploy.protocol import Candidate, Cost, Deployment, ExitWork, MaskCost, TrainedExit
from edgeprune.errors import ModelError
from edgeprune.prune.masks.masking import Kernels, Masks, kernels_of
from edgeprune.prune.network import Network
from edgeprune.prune.widths.size_model import SizeModel
from edgeprune.quantize.layer_sqnr import LayerSqnr
from edgeprune.train.evaluate import outputs_of
from edgeprune.train.splits import Split

HEADER_BYTES = 400  # of the file, which no prediction knows before one was built


def footprint_of(network: Network, widths: Mapping[str, int], header_bytes: int) -> Footprint:
    names = list(widths)
    sizes = SizeModel(network.traced.graph, network.groups.extents, names).sizes(np.array([[*widths.values()]]))
    return Footprint(
        {"weights": int(sizes.flash_bytes[0]), "header": header_bytes},
        {"process": int(sizes.live_bytes.max())},
        "",
        int(sizes.op_work.sum()),
    )


@dataclass(frozen=True, eq=False)
class MemoryCost:
    network: Network
    header_bytes: int = 0

    def footprint(self, widths: Mapping[str, int]) -> Footprint:
        return footprint_of(self.network, widths, self.header_bytes)

    def corrected(self, widths: Mapping[str, int]) -> Cost:
        return self

    def measured(self, footprint: Footprint) -> Cost:
        return MemoryCost(self.network, footprint.flash_parts["header"])

    def of(self, network: Network) -> Cost:
        return MemoryCost(network, self.header_bytes)

    def masks(self, synthetic: Callable[[np.ndarray], np.ndarray]) -> MaskCost:
        layers = kernels_of(self.network.module, self.network.traced)
        return Unmasked(layers, self.footprint(self.network.widths))


@dataclass(frozen=True, eq=False)
class Unmasked:
    """A zero takes as much of a pickle as any other value."""

    layers: Sequence[Kernels]
    whole: Footprint

    def unmasked(self) -> Footprint:
        return self.whole

    def built(self, masks: Masks) -> Footprint:
        return self.whole

    def footprint(self, masks: Masks) -> Footprint:
        return self.whole


@dataclass(frozen=True, eq=False)
class Pickled:
    data: bytes
    layers: tuple[str, ...] = ()
    sqnr_db: float | None = None
    layer_sqnr: tuple[LayerSqnr, ...] = ()

    @property
    def module(self) -> nn.Module:
        module: nn.Module = pickle.loads(self.data)
        return module

    def outputs(self, split: Split) -> list[np.ndarray]:
        return [outputs_of(self.module, split).numpy()]

    def real(self, outputs: Sequence[np.ndarray]) -> tuple[Tensor, ...]:
        return tuple(map(torch.from_numpy, outputs))

    def build(self, network: Network, early_exit: TrainedExit | None = None) -> Candidate:
        return Loaded(network, self)


@dataclass(frozen=True, eq=False)
class Loaded:
    network: Network
    artifact: Pickled
    early_exit: TrainedExit | None = None
    faster: tuple[int, ...] = ()
    in_ram: tuple[int, ...] = ()

    @property
    def footprint(self) -> Footprint:
        return footprint_of(self.network, self.network.widths, HEADER_BYTES)

    @property
    def ticks(self) -> int:
        return self.footprint.macs

    def exit_work(self) -> ExitWork:
        raise ModelError("no exit is built here")

    def upgraded(self, predicted: Footprint) -> tuple[Candidate, Footprint]:
        return replace(self, faster=(0,)), predicted

    def prove(self, samples: Split) -> Proof:
        layers = (LayerTime("all", "MODULE", (1,), self.footprint.macs, None, self.ticks),)
        return Proof(
            source="device",
            device="this process",
            outputs=tuple(self.artifact.outputs(samples)),
            footprint=self.footprint,
            clock="MACs",
            total_ticks=self.ticks,
            total_us=None,
            layers=layers,
            exit_ticks=None,
        )

    def save(self, folder: Path) -> dict[str, str]:
        (folder / "model.pickle").write_bytes(self.artifact.data)
        return {"pickle": "model.pickle"}


@dataclass(frozen=True, eq=False)
class MemoryDeployment:
    """stages: that were exported; refusal: why nothing can be."""

    limits: Budget
    refusal: str | None = None
    stages: list[str] = field(default_factory=list)
    product: str = "file"

    def check(self, network: Network) -> None:
        if self.refusal is not None:
            raise ModelError(self.refusal)

    def cost(self, network: Network) -> Cost:
        return MemoryCost(network)

    def exit_work(self, after: str, network: Network, leaving: Network) -> ExitWork:
        raise ModelError("nothing is left early here")

    def export(self, module: nn.Module, stage: str) -> Pickled:
        self.stages.append(stage)
        buffer = io.BytesIO()
        pickle.dump(module, buffer)
        return Pickled(buffer.getvalue())


def _implements(deployment: MemoryDeployment) -> Deployment:
    return deployment
