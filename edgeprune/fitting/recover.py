"""Recovery without training, right after channels are removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np
from torch import nn

from edgeprune.fitting.job import Job
from edgeprune.model.trace import TracedModel
from edgeprune.prune.network import Network
from edgeprune.prune.recovery.reconstruct import Reconstruction, reconstruct
from edgeprune.prune.surgery.blocks import Block, without
from edgeprune.prune.surgery.thin import thin
from edgeprune.prune.widths.damage_curves import MEASURED_SHARES
from edgeprune.prune.widths.size_model import SizeModel
from edgeprune.train.evaluate import bn_reestimate, outputs_of
from edgeprune.train.memory import arranged, fastest_order
from edgeprune.train.splits import Split

_SAMPLES = 2_048  # layers are solved from, at most
_FEWEST = 64
_MOST_MACS = 4e11  # of forward passes, one a layer: about a minute on one core
_MOST_VALUES = 1 << 26  # in them: 256 MiB
_JUDGED = 512
_READERS = 1.5  # of a group, solved one after the other


def thin_and_recover(job: Job, network: Network, keep: Mapping[str, Sequence[int]]) -> nn.Module:
    """The network with the units of `keep`, its layers re-solved by least squares or its batch norms re-estimated:
    whichever has the lower loss on training samples the layers were not solved from (where there are so many)."""
    solved, reestimated = (thin(network.module, network.groups, keep) for _ in range(2))
    train = job.splits.train
    samples = train.take(samples_to_solve_from(network.traced, prod(train.inputs.shape[1:])))
    with fastest_order(samples, network.module, solved) as order:
        reconstruct(solved, network.module, network.groups, keep, arranged(samples.tensor(), order))
    return _better(job, solved, reestimated)


def shorten_and_recover(job: Job, network: Network, block: Block) -> Network:
    """The network without a block, recovered as in `thin_and_recover`.

    Raises:
        ModelError: what is left cannot be traced.
    """
    solved, reestimated = (without(network.module, [block]) for _ in range(2))
    shorter = Network.of(solved, job.input_shape, (*network.removed, block))
    samples = job.splits.train.take(samples_to_solve_from(network.traced, prod(job.input_shape)))
    with fastest_order(samples, network.module, solved) as order:
        inputs = arranged(samples.tensor(), order)
        Reconstruction(network.module, network.groups, inputs).apply_without(solved, shorter.groups)
    return shorter.with_module(_better(job, solved, reestimated))


def _better(job: Job, solved: nn.Module, reestimated: nn.Module) -> nn.Module:
    bn_reestimate(reestimated, job.splits.calibration)
    train = job.splits.train
    judged = replace(train, inputs=train.inputs[-_JUDGED:], targets=train.targets[-_JUDGED:])
    solved_loss, renewed_loss = (_loss(job, module, judged) for module in (solved, reestimated))
    job.progress.note(
        f"recovered: loss {solved_loss:.4g} with layers solved again, {renewed_loss:.4g} with batch norms re-estimated"
    )
    return solved if solved_loss <= renewed_loss else reestimated


def samples_to_solve_from(traced: TracedModel, values_a_sample: int) -> int:
    """As many as time and memory allow: every layer of a deep network is solved from a forward pass of its own."""
    layers, macs = _layers_and_macs(traced)
    affordable = max(_FEWEST, int(_MOST_MACS / (max(1, layers) * macs)))
    return min(_SAMPLES, affordable, max(1, _MOST_VALUES // values_a_sample))


def samples_to_measure_with(traced: TracedModel, groups: int, most: int) -> int:
    """As many as time allows where each group is thinned to a few widths and its readers are solved after each; 0 where
    those were too few to solve layers from."""
    layers, macs = _layers_and_macs(traced)
    passes = layers + _READERS * len(MEASURED_SHARES) * groups
    count = min(most, int(_MOST_MACS / max(1.0, passes * macs)))
    return count if count >= _FEWEST else 0


def _layers_and_macs(traced: TracedModel) -> tuple[int, float]:
    graph = traced.graph
    macs = float(SizeModel(graph, {}, []).sizes(np.zeros((1, 0))).op_work.sum())
    return sum(op.traits.has_weights for op in graph.ops), macs


def _loss(job: Job, module: nn.Module, split: Split) -> float:
    return float(job.objective.loss(outputs_of(module, split), split.targets))
