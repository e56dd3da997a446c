"""Footprints by which weights stay: what is linked under compressed storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from edgeprune.budget import Footprint
from edgeprune.deploy.call_sizes import with_call_sizes
from edgeprune.deploy.predicted import BASELINE, synthetic_graph
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_graph
from edgeprune.engine.constant_channels import without_constant_channels
from edgeprune.engine.cost.flash_size import CallSize, EngineBaseline
from edgeprune.hardware.profile import Target
from edgeprune.ir import Graph
from edgeprune.prune.masks.masking import Masks, kernels_of
from edgeprune.prune.network import Network


@dataclass(frozen=True)
class Linking:
    """How a kind of device links generated C.

    parts: bytes by part, linked without limits.
    sizes: form of call -> what one of it takes.
    footprint: predicted from what was linked before.
    """

    parts: Callable[[CompiledModel], Mapping[str, int]]
    sizes: Callable[[CompiledModel], Mapping[str, CallSize]]
    footprint: Callable[[CompiledModel, EngineBaseline], Footprint]


class LinkedMaskCost:
    """Footprints of one network at its full widths (`MaskCost` of `deploy/protocol.py`). Values are synthetic, zeros
    are not."""

    def __init__(
        self,
        network: Network,
        target: Target,
        options: CompileOptions,
        baseline: EngineBaseline,
        linking: Linking,
        synthetic: Callable[[np.ndarray], np.ndarray],
    ):
        """Args:
        baseline: its variables and stack count.
        synthetic: random weights, none of them zero -> as weights that stay will be.
        """
        self.layers = kernels_of(network.module, network.traced)
        self._target = target
        self._options = options
        self._baseline = baseline
        self._known = dict[str, CallSize]()
        self._linking = linking
        self._synthetic = synthetic
        self._plain = synthetic_graph(network, network.widths)

    def unmasked(self) -> Footprint:
        """Of the network as it is, linked."""
        return self._linked(self._plain)

    def built(self, masks: Masks) -> Footprint:
        """As linked with these masks, parameter -> (outputs, inputs, taps); later predictions start from it."""
        return self._linked(self._masked(masks))

    def footprint(self, masks: Masks) -> Footprint:
        """Predicted from the last link."""
        compiled = self._compiled(self._masked(masks))
        baseline = with_call_sizes(self._baseline, self._known, compiled.calls, lambda: self._linking.sizes(compiled))
        return self._linking.footprint(compiled, baseline)

    def _linked(self, graph: Graph) -> Footprint:
        compiled = self._compiled(graph)
        parts, sizes = self._linking.parts(compiled), self._linking.sizes(compiled)
        self._baseline = self._baseline.linked_again(parts, compiled.calls, sizes)
        return self._linking.footprint(compiled, self._baseline)

    def _compiled(self, graph: Graph) -> CompiledModel:
        """With channels gone that no weight reads any more, as `compile_model` takes them out of a file."""
        lean = without_constant_channels(graph, self._target.cpu.isa)
        return compile_graph(lean, self._target, self._options, BASELINE)

    def _masked(self, masks: Masks) -> Graph:
        stays = {layer.layer: masks[layer.parameter] for layer in self.layers if layer.parameter in masks}
        tensors = list(self._plain.tensors)
        for op in self._plain.ops:
            if op.name in stays:
                weights = tensors[op.inputs[1]]
                assert weights.data is not None
                tensors[op.inputs[1]] = replace(weights, data=self._values(weights.data, stays[op.name]))
        return replace(self._plain, tensors=tuple(tensors))

    def _values(self, plain: np.ndarray, mask: Tensor) -> np.ndarray:
        """(outputs, ..., inputs) int8: zero where the mask is, nowhere else."""
        outputs, inputs, _ = mask.shape
        values = self._synthetic(np.where(plain == 0, 1, plain).reshape(outputs, -1, inputs))
        masked: np.ndarray = np.where(mask.permute(0, 2, 1).cpu().numpy(), values, 0).astype(np.int8)
        return masked.reshape(plain.shape)
