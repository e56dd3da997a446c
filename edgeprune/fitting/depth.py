"""Which layers and blocks go, evaluated together with the channels that must go beside them.

A block is worth removing when the rest, thinned to the same limits, has outputs nearer to the original's. So each
network without a block is sized by the planner, its channels are allocated under flash, RAM and latency, it is thinned
and re-solved by least squares, and compared with the original on training samples it was not solved from (where there
are so many).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isinf

from torch import nn

from edgeprune.budget import Budget, Footprint
from edgeprune.deploy.protocol import Cost
from edgeprune.errors import DoesNotFit, ModelError
from edgeprune.fitting.job import Job
from edgeprune.prune.network import Network
from edgeprune.prune.recovery.reconstruct import Reconstruction
from edgeprune.prune.scoring.criterion import CRITERIA, Criterion
from edgeprune.prune.scoring.score import rank_channels
from edgeprune.prune.surgery.blocks import Block, find_blocks, without
from edgeprune.prune.surgery.thin import thin
from edgeprune.prune.widths.allocate import GroupChoice, allocate
from edgeprune.prune.widths.damage_curves import Probe, class_distance, measure_damage_curves, value_distance
from edgeprune.prune.widths.size_model import SizeModel
from edgeprune.train.evaluate import bn_reestimate, outputs_of

_FEWEST, _MOST = 64, 512  # samples
_MACS = 1e10  # of one forward pass over them
_ROWS = 8_192
_CURVE_SAMPLES = 128
_TRIED = 3  # blocks evaluated with channels, of all that could go next


@dataclass(frozen=True)
class Choice:
    """removed: blocks, in the order they were chosen; damage: of the network without them, thinned to the limits;
    by_channels: the same with channels alone, infinite where they do not suffice; possible: blocks to choose from."""

    removed: tuple[Block, ...]
    damage: float
    by_channels: float
    possible: int


def choose_blocks(job: Job, network: Network, cost: Cost, budget: Budget) -> Choice:
    """Blocks to remove one after the other, as long as each brings the network nearer to the original, or nearer to the
    limits where no channels reach them."""
    judge = _Judge(job, network, cost, budget)
    possible = find_blocks(network.module, job.input_shape)
    current = _Shorter(network, judge.damage(network))
    by_channels = current.damage
    while True:
        shorter: list[_Shorter] = []
        for block in judge.promising(current.network):
            shorter += judge.shorter(current.network, block)
        best = min(shorter, key=lambda one: one.damage, default=current)
        if best is current or (best.damage >= current.damage and current.damage < inf):
            break
        current = best
    removed = current.network.removed if current.damage < inf else ()
    return Choice(removed, current.damage, by_channels, len(possible))


@dataclass(frozen=True, eq=False)
class _Shorter:
    network: Network
    damage: float


class _Judge:
    def __init__(self, job: Job, original: Network, cost: Cost, budget: Budget):
        self._job = job
        self._cost = cost
        self._budget = budget
        self._distance = class_distance if job.objective.loss_name == "cross_entropy" else value_distance
        train, before = job.splits.train, cost.of(original).footprint(original.widths)
        count = min(_MOST, max(_FEWEST, int(_MACS / max(1, before.macs))))
        self._limited = before.latency_us is not None and budget.latency_us is not None
        self._solved_from = train.take(count).tensor()
        self._judged = replace(train, inputs=train.inputs[-count:], targets=train.targets[-count:])
        self._calibration = job.splits.calibration.take(count)
        self._wanted = outputs_of(original.module, self._judged)
        self._curves: dict[tuple[str, int], GroupChoice] = {}
        chosen = CRITERIA.find(job.options.criterion)
        self._criterion = chosen.name if isinstance(chosen, Criterion) else "l2"  # others train again for each network

    def damage(self, network: Network) -> float:
        """Of the network thinned to the limits; infinite where channels alone do not reach them."""
        ranking = self._ranking(network)
        try:
            widths = allocate(
                self._choices(network, ranking),
                SizeModel(
                    network.traced.graph, network.groups.extents, [group.name for group in network.groups.groups]
                ),
                self._cost.of(network).footprint,
                self._budget,
            ).widths
        except DoesNotFit:
            return inf
        if self._limited and self._cost.of(network).footprint(widths).latency_us is None:
            return inf  # a kernel without a measured cost may be too slow
        keep = {name: sorted(ranking[name][:width]) for name, width in widths.items()}
        thinned = thin(network.module, network.groups, keep)
        Reconstruction(network.module, network.groups, self._solved_from, _ROWS).apply(thinned, keep)
        return self._distance_of(thinned)

    def shorter(self, network: Network, block: Block) -> list[_Shorter]:
        """The network without the block, its layers re-solved; nothing where what is left cannot be thinned."""
        shallow = without(network.module, [block])
        try:
            remaining = Network.of(shallow, self._job.input_shape, (*network.removed, block))
        except ModelError:
            return []
        if not remaining.groups.groups:
            return []
        Reconstruction(network.module, network.groups, self._solved_from, _ROWS).apply_without(
            shallow, remaining.groups
        )
        damage = self.damage(remaining)
        outcome = "no channels reach the limits" if isinf(damage) else f"thinned to the limits it loses {damage:.4g}"
        self._job.progress.note(f"without {', '.join(gone.name for gone in remaining.removed)}: {outcome}")
        return [_Shorter(remaining, damage)]

    def promising(self, network: Network) -> list[Block]:
        """The blocks with least damage per saving where limits are broken, and the one with least damage."""
        before = self._cost.of(network).footprint(network.widths)
        lost: dict[Block, float] = {}
        worth: dict[Block, float] = {}
        for block in find_blocks(network.module, self._job.input_shape):
            shallow = without(network.module, [block])
            try:
                remaining = Network.of(shallow, self._job.input_shape)
                after = self._cost.of(remaining).footprint(remaining.widths)
                saved = saved_share(before, after, self._budget)
            except ModelError:
                continue
            if saved > 0:
                bn_reestimate(shallow, self._calibration)
                lost[block] = self._distance_of(shallow)
                worth[block] = lost[block] / saved
        ranked = [
            *sorted(worth, key=lambda block: worth[block])[:_TRIED],
            *sorted(lost, key=lambda block: lost[block])[:1],
        ]
        return list(dict.fromkeys(ranked))

    def _distance_of(self, module: nn.Module) -> float:
        return self._distance(outputs_of(module, self._judged), self._wanted)

    def _ranking(self, network: Network) -> dict[str, list[int]]:
        samples, objective = self._calibration, self._job.objective
        return rank_channels(
            network.module, network.groups, self._criterion, samples.tensor(), samples.targets, objective.loss
        )

    def _choices(self, network: Network, ranking: dict[str, list[int]]) -> list[GroupChoice]:
        """Curves of groups measured before are reused."""
        groups = network.groups
        new = [group.name for group in groups.groups if (group.name, group.size) not in self._curves]
        samples = self._calibration.take(_CURVE_SAMPLES).tensor()
        measured = measure_damage_curves(
            network.module,
            groups,
            ranking,
            self._job.target.channel_multiple,
            Probe(samples, self._distance),
            only=new,
        )
        self._curves |= {(choice.group, choice.widths[-1]): choice for choice in measured}
        return [self._curves[group.name, group.size] for group in groups.groups]


def saved_share(before: Footprint, after: Footprint, budget: Budget) -> float:
    """The share of what is over a limit that is saved, the mean over the limits that are broken."""
    limits = {
        "flash": (before.flash_bytes, after.flash_bytes, budget.flash_bytes),
        "RAM": (before.ram_bytes, after.ram_bytes, budget.ram_bytes),
        "latency": (before.latency_us, after.latency_us, budget.latency_us),
    }
    shares = [
        min(1.0, (was - now) / (was - limit))
        for was, now, limit in limits.values()
        if was is not None and now is not None and limit is not None and was > limit
    ]
    return sum(shares) / len(shares) if shares else 0.0
