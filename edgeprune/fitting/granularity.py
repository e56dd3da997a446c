"""What a fit removes beside whole channels, and at which moment: one function each in `granularities/`.

before channels   the network becomes a smaller one; channels are then chosen for what is left of it
after channels    masks on the weights of each thinned network; training holds them, the engine stores what is left in
                  less flash, and the saving is the linked image's
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from edgeprune.budget import Budget
from edgeprune.catalogue import Catalogue, Explained
from edgeprune.errors import ModelError

if TYPE_CHECKING:
    from edgeprune.fitting.cost import WidthCost
    from edgeprune.fitting.job import Job
    from edgeprune.fitting.network import Network

Masks = Mapping[str, Tensor]  # parameter -> bool of its shape, False where a weight is zero
Shrink = Callable[["Job", "Network", "WidthCost", Budget, str], "Network"]
FindMasks = Callable[["Job", nn.Module], Masks]
Room = Callable[["Job", "Network", Budget], Budget]
Hold = Callable[[], None]


@dataclass(frozen=True, eq=False)
class Granularity(Explained):
    """What a fit removes beside channels.

    Attributes:
        name: as users type it.
        moment: of a fit at which it acts, in words.
        text: what users read about it.
        shrink: (job, network, cost, budget, stage) -> the network to choose channels for. Asked once, before channels
            are, of a network that does not fit; whatever a resumed run must not decide anew goes through
            `job.workspace.once`.
        masks: (job, thinned module) -> masks; asked in every thinning step, before its training.
        room: (job, network, budget) -> the budget that channels are chosen for, larger by what masks will save. Where
            they saved less, the next round's is tightened like any.
    """

    name: str
    moment: str
    text: str
    shrink: Shrink = lambda job, network, cost, budget, stage: network
    masks: FindMasks = lambda job, module: {}
    room: Room = lambda job, network, budget: budget

    @property
    def description(self) -> str:
        return self.text

    def mask(self, job: Job, module: nn.Module) -> Hold:
        """Zeroes what the masks say, in place; training calls the answer after every step."""
        masks = self.masks(job, module)
        parameters = dict(module.named_parameters())
        for name, keep in masks.items():
            if name not in parameters or parameters[name].shape != keep.shape:
                raise ModelError(f"the mask of '{name}', {tuple(keep.shape)}, fits no parameter of the network")
        return _hold([(parameters[name], keep) for name, keep in masks.items()])

    def hold(self, module: nn.Module) -> Hold:
        """As `mask`, for a module that was masked before: its weights that are zero stay zero."""
        if self.moment != AFTER:
            return _hold([])
        return _hold([(weights, weights != 0) for weights in module.parameters() if weights.dim() > 1])


def _hold(masked: list[tuple[nn.Parameter, Tensor]]) -> Hold:
    def hold() -> None:
        with torch.no_grad():
            for weights, keep in masked:
                weights.mul_(keep)

    hold()
    return hold


BEFORE, AFTER, CHANNELS = "before channels", "after channels", "channels alone"
_catalogue: Catalogue[Granularity] = Catalogue("granularity", "edgeprune.fitting.granularities")
_catalogue.add(
    Granularity(
        "channels",
        CHANNELS,
        "Whole channels and nothing else: flash, RAM and time all shrink, on every kernel.\n\n"
        "Which ones go is `--criterion`'s; how many of each layer, the limits'.",
    )
)


def before_channels(name: str) -> Callable[[Shrink], Shrink]:
    """Registers a function that gives a smaller network; its docstring is what users read."""

    def register(shrink: Shrink) -> Shrink:
        _catalogue.add(Granularity(name, BEFORE, inspect.getdoc(shrink) or "", shrink=shrink))
        return shrink

    return register


def after_channels(name: str, room: Room) -> Callable[[FindMasks], FindMasks]:
    """Registers a function that finds masks; its docstring is what users read."""

    def register(masks: FindMasks) -> FindMasks:
        _catalogue.add(Granularity(name, AFTER, inspect.getdoc(masks) or "", masks=masks, room=room))
        return masks

    return register


def granularities() -> Mapping[str, Granularity]:
    """All granularities by name, alphabetically."""
    return _catalogue.all()


def find_granularity(name: str) -> Granularity:
    """The granularity of that name.

    Raises:
        UsageError: there is none; the nearest name is suggested.
    """
    return _catalogue.find(name)
