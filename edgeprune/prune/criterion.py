"""What a pruning criterion is: a function from rows of numbers, one row per channel, to one score per channel.

A criterion says what it needs and which rows it looks at, and never asks what kind of layer they came from. Rows of
coupled layers lie side by side, so a channel that many layers share is judged by all of them at once. A few methods
train or search over the whole network before they can tell; those are a `Procedure`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from torch import Tensor, nn

from edgeprune.catalogue import Catalogue, Explained

if TYPE_CHECKING:
    from edgeprune.prune.channels import ChannelGroups
    from edgeprune.prune.evidence import Evidence


class Need(StrEnum):
    """What has to be collected before a criterion can look."""

    WEIGHTS = "weights"  # nothing but the parameters
    GRADIENTS = "gradients"  # of the loss by the weights, the mean over samples
    SQUARED_GRADIENTS = "squared gradients"  # the mean of the squares over batches
    CURVATURE = "curvature"  # the diagonal of the loss's Hessian
    ACTIVATIONS = "activations"  # what the next layers hear
    ACTIVATION_GRADIENTS = "activation gradients"  # of each sample's loss by what the next layers hear
    SHAKEN_ACTIVATIONS = "shaken activations"  # what the next layers hear when the inputs are shaken
    CONTRIBUTIONS = "contributions"  # covariance of what the channels add to the sums of the next layers
    TRAINING = "training"  # samples to train or search on


class Part(StrEnum):
    """Which of a group's slices the weight rows are cut from."""

    FILTERS = "filters"  # the weights that make the channels
    LISTENERS = "listeners"  # the weights that read them
    ALL = "all"  # everything that goes when a channel goes, batch norm and bias included
    NORM = "norm"  # batch norm's scale


@dataclass(frozen=True, eq=False)
class ChannelRows:
    """One group's numbers, float32. Only what the criterion declared is there; the rest raises.

    Rows by name (`Need`): `weights`, `gradients`, `squared_gradients`, `curvature`: (channels, weights per channel);
    `activations`, `activation_gradients`, `shaken_activations`: (channels, samples, positions);
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
    def shaken_activations(self) -> Tensor:
        return self.rows[Need.SHAKEN_ACTIVATIONS]

    @property
    def contributions(self) -> Tensor:
        return self.rows[Need.CONTRIBUTIONS]


Score = Callable[[ChannelRows], Tensor]
Judge = Callable[["nn.Module", "ChannelGroups", "Evidence"], dict[str, Tensor]]


@dataclass(frozen=True, eq=False)
class Criterion(Explained):
    """A way to tell which channels matter.

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
    """A way to tell which channels matter that trains or searches over the whole network.

    Attributes:
        name: as users type it.
        judge: (module, groups, evidence) -> group -> (channels,) scores; the lowest goes first. The module stays.
    """

    name: str
    judge: Judge
    needs: frozenset[Need] = frozenset({Need.WEIGHTS, Need.TRAINING})

    @property
    def description(self) -> str:
        return inspect.getdoc(self.judge) or ""


_catalogue: Catalogue[Criterion | Procedure] = Catalogue("criterion", "edgeprune.prune.criteria")


def criterion(name: str, *needs: Need, part: Part = Part.FILTERS) -> Callable[[Score], Score]:
    """Registers a scoring function under a name. Weights are there always."""

    def register(score: Score) -> Score:
        _catalogue.add(Criterion(name, score, frozenset({Need.WEIGHTS, *needs}), part))
        return score

    return register


def procedure(name: str) -> Callable[[Judge], Judge]:
    """Registers a procedure under a name."""

    def register(judge: Judge) -> Judge:
        _catalogue.add(Procedure(name, judge))
        return judge

    return register


@cache
def criteria() -> Mapping[str, Criterion | Procedure]:
    """All criteria by name, alphabetically."""
    return _catalogue.all()


def find_criterion(name: str) -> Criterion | Procedure:
    """The criterion of that name.

    Raises:
        UsageError: there is none; the nearest name is suggested.
    """
    return _catalogue.find(name)
