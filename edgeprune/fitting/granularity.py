"""What a fit removes beside whole channels, and at which moment: one function each in `granularities/`.

before channels   the network becomes a smaller one; channels are then chosen for what is left of it
after channels    masks on the weights of each thinned network; training holds them, the engine stores what is left in
                  less flash, and the saving is the linked image's
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgeprune.budget import Budget, Footprint
from edgeprune.catalogue import Catalogue, Explained
from edgeprune.deploy.protocol import Cost
from edgeprune.errors import ModelError
from edgeprune.fitting.job import Job
from edgeprune.prune.network import Network

Shrink = Callable[[Job, Network, Cost, Budget, str], Network]
Hold = Callable[[], None]
Begin = Callable[[Job, nn.Module, Cost, Budget, str], Hold]
Again = Callable[[nn.Module], Hold]
Room = Callable[[Job, Network, Cost, Budget, str], Budget]
Predict = Callable[[Job, Network, Cost], "MaskSaving | None"]


@dataclass(frozen=True, eq=False)
class Granularity(Explained):
    """What a fit removes beside channels.

    Attributes:
        name: as users type it.
        moment: of a fit at which it acts, in words.
        text: what users read about it.
        shrink: (job, network, cost, budget, stage) -> the network to choose channels for. Called once, before channels
            are chosen, with a network that does not fit; decisions that a resumed run must not repeat go through
            `job.workspace.once`.
        begin: (job, thinned module, cost of its network, budget, step) puts masks on it, in place; training calls the
            returned function after every step. Called in every thinning step, before its training.
        again: as `begin`, for a module that was masked before.
        room: (job, network, cost, budget, stage) -> the budget that channels are chosen for, larger by what masks will
            save. Where they saved less, the next round's is tightened like any.
        saving: (job, network, cost) -> the predicted saving of the network's masks; None without any.
    """

    name: str
    moment: str
    text: str
    shrink: Shrink = lambda job, network, cost, budget, stage: network
    begin: Begin = lambda job, module, cost, budget, step: nothing
    again: Again = lambda module: nothing
    room: Room = lambda job, network, cost, budget, stage: budget
    saving: Predict = lambda job, network, cost: None

    @property
    def description(self) -> str:
        return self.text


@dataclass(frozen=True)
class MaskSaving:
    """The predicted saving of masks: the network linked with and without them, values synthetic in both.

    density: share of the masked layers' weights that stay.
    """

    density: float
    footprint: Footprint
    unmasked_flash_bytes: int


def nothing() -> None:
    """Nothing is held."""


def zeros(module: nn.Module, masks: Mapping[str, Tensor]) -> Hold:
    """Zeroes weights outside the masks, in place; the returned function does so again.

    Args:
        masks: parameter -> bool of its shape.
    """
    parameters = dict(module.named_parameters())
    for name, keep in masks.items():
        if name not in parameters or parameters[name].shape != keep.shape:
            raise ModelError(f"the mask of '{name}', {tuple(keep.shape)}, fits no parameter of the network")

    def hold() -> None:
        with torch.no_grad():
            for name, keep in masks.items():
                parameters[name].mul_(keep.to(parameters[name].device))

    hold()
    return hold


def zeros_again(module: nn.Module) -> Hold:
    """Holds the weights that are zero."""
    return zeros(module, {name: weights != 0 for name, weights in module.named_parameters() if weights.dim() > 1})


BEFORE, AFTER, CHANNELS = "before channels", "after channels", "channels alone"
GRANULARITIES: Catalogue[Granularity] = Catalogue("granularity", "edgeprune.fitting.granularities")
GRANULARITIES.add(
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
        GRANULARITIES.add(Granularity(name, BEFORE, inspect.getdoc(shrink) or "", shrink=shrink))
        return shrink

    return register


def after_channels(name: str, text: str, *, begin: Begin, again: Again, room: Room, saving: Predict) -> None:
    """Registers what masks weights; `text` is what users read."""
    GRANULARITIES.add(Granularity(name, AFTER, text, begin=begin, again=again, room=room, saving=saving))
