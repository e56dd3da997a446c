"""Pruning criteria: a function from rows of values, one row per channel, to one score per channel.

A criterion declares what it needs and which rows it reads, and never depends on the kind of layer they came from. Rows
of coupled layers lie side by side, so a channel that several layers share is scored by all of them at once. A few
methods train or search over the whole network; those are a `Procedure`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from torch import Tensor, nn

from edgeprune.catalogue import Catalogue, Explained

if TYPE_CHECKING:
    from edgeprune.prune.coupling.channels import ChannelGroups
    from edgeprune.prune.scoring.calibration_statistics import CalibrationData


class Need(StrEnum):
    """What has to be collected before a criterion can score."""

    WEIGHTS = "weights"  # the parameters alone
    GRADIENTS = "gradients"  # of the loss by the weights, the mean over samples
    SQUARED_GRADIENTS = "squared gradients"  # the mean of the squares over batches
    CURVATURE = "curvature"  # the diagonal of the loss's Hessian
    ACTIVATIONS = "activations"  # inputs of the next layers
    ACTIVATION_GRADIENTS = "activation gradients"  # of each sample's loss by the next layers' inputs
    PERTURBED_ACTIVATIONS = "perturbed activations"  # the next layers' inputs under input noise
    CONTRIBUTIONS = "contributions"  # covariance of the channels' terms in the next layers' sums
    TRAINING = "training"  # samples to train or search on


class Part(StrEnum):
    """Which of a group's slices the weight rows are cut from."""

    FILTERS = "filters"  # the weights that make the channels
    READERS = "readers"  # the weights that read them
    ALL = "all"  # everything that goes when a channel goes, batch norm and bias included
    NORM = "norm"  # batch norm's scale


@dataclass(frozen=True, eq=False)
class ChannelRows:
    """One group's values, float32. Only what the criterion declared is there; the rest raises.

    Rows by name (`Need`): `weights`, `gradients`, `squared_gradients`, `curvature`: (channels, weights per channel);
    `activations`, `activation_gradients`, `perturbed_activations`: (channels, samples, positions);
    `contributions`: (channels, channels).
    """

    group: str
    rows: Mapping[Need, Tensor] = field(default_factory=dict)

    @property
    def weights(self) -> Tensor:
        return self.rows[Need.WEIGHTS]

    @property
    def gradients(self) -> Tensor:
        return self.rows[Need.GRADIENTS]

    @property
    def squared_gradients(self) -> Tensor:
        return self.rows[Need.SQUARED_GRADIENTS]

    @property
    def curvature(self) -> Tensor:
        return self.rows[Need.CURVATURE]

    @property
    def activations(self) -> Tensor:
        return self.rows[Need.ACTIVATIONS]

    @property
    def activation_gradients(self) -> Tensor:
        return self.rows[Need.ACTIVATION_GRADIENTS]

    @property
    def perturbed_activations(self) -> Tensor:
        return self.rows[Need.PERTURBED_ACTIVATIONS]

    @property
    def contributions(self) -> Tensor:
        return self.rows[Need.CONTRIBUTIONS]


Score = Callable[[ChannelRows], Tensor]
Judge = Callable[["nn.Module", "ChannelGroups", "CalibrationData"], dict[str, Tensor]]


@dataclass(frozen=True, eq=False)
class Criterion(Explained):
    """A formula that scores channels by importance.

    Attributes:
        name: as users type it.
        score: rows -> (channels,) scores; the lowest goes first.
        needs: what to collect.
        part: which slices the weight rows come from.
    """

    name: str
    score: Score
    needs: frozenset[Need]
    part: Part

    @property
    def description(self) -> str:
        return inspect.getdoc(self.score) or ""


@dataclass(frozen=True, eq=False)
class Procedure(Explained):
    """A criterion that trains or searches over the whole network.

    Attributes:
        name: as users type it.
        judge: (module, groups, calibration) -> group -> (channels,) scores; the lowest goes first. The module is not
            changed.
    """

    name: str
    judge: Judge
    needs: frozenset[Need] = frozenset({Need.WEIGHTS, Need.TRAINING})

    @property
    def description(self) -> str:
        return inspect.getdoc(self.judge) or ""


CRITERIA: Catalogue[Criterion | Procedure] = Catalogue("criterion", "edgeprune.prune.criteria")


def criterion(name: str, *needs: Need, part: Part = Part.FILTERS) -> Callable[[Score], Score]:
    """Registers a scoring function under a name. Weights are always collected."""

    def register(score: Score) -> Score:
        CRITERIA.add(Criterion(name, score, frozenset({Need.WEIGHTS, *needs}), part))
        return score

    return register


def procedure(name: str) -> Callable[[Judge], Judge]:
    """Registers a procedure under a name."""

    def register(judge: Judge) -> Judge:
        CRITERIA.add(Procedure(name, judge))
        return judge

    return register
