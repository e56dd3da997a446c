"""What a pruning criterion is: a function from rows of numbers, one row per channel, to one score per channel.

A criterion says what it needs and which rows it looks at, and never asks what kind of layer they came from. Rows of
coupled layers lie side by side, so a channel that many layers share is judged by all of them at once.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from functools import cache

from torch import Tensor

from edgeprune.errors import UsageError


class Need(StrEnum):
    """What has to be collected before a criterion can look."""

    WEIGHTS = "weights"  # nothing but the parameters
    GRADIENTS = "gradients"  # of the loss by the weights, the mean over samples
    SQUARED_GRADIENTS = "squared gradients"  # the mean of the squares over batches
    CURVATURE = "curvature"  # the diagonal of the loss's Hessian
    ACTIVATIONS = "activations"  # what the next layers hear
    ACTIVATION_GRADIENTS = "activation gradients"  # of the loss by what the next layers hear


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
    `activations`, `activation_gradients`: (channels, samples, positions).
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


Score = Callable[[ChannelRows], Tensor]


@dataclass(frozen=True, eq=False)
class Criterion:
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
    def summary(self) -> str:
        """The first line of its description."""
        return self.description.splitlines()[0]

    @property
    def description(self) -> str:
        return inspect.getdoc(self.score) or ""


_registry: dict[str, Criterion] = {}


def criterion(name: str, *needs: Need, part: Part = Part.FILTERS) -> Callable[[Score], Score]:
    """Registers a scoring function under a name. Weights are there always."""

    def register(score: Score) -> Score:
        if name in _registry:
            raise ValueError(f"two criteria are called '{name}'")
        _registry[name] = Criterion(name, score, frozenset({Need.WEIGHTS, *needs}), part)
        return score

    return register


@cache
def criteria() -> Mapping[str, Criterion]:
    """All criteria by name, alphabetically."""
    from edgeprune.prune import criteria as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(_registry.items()))


def find_criterion(name: str) -> Criterion:
    """The criterion of that name.

    Raises:
        UsageError: there is none; the nearest names are suggested.
    """
    known = criteria()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"one of {', '.join(known)}"
        raise UsageError(f"no criterion is called '{name}'", hint)
    return known[name]
