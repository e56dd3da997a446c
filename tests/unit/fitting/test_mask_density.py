"""How far masks go: until the image fits, and not at all where they save nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
import torch
from torch import Tensor

from edgeprune.budget import Budget, Footprint, Limits, Optimize
from edgeprune.deploy.protocol import MaskCost
from edgeprune.errors import UsageError
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.fitting.job import FitOptions, Job
from edgeprune.fitting.mask_density import LEAST_DENSITY, masks_within, room_with_masks
from edgeprune.prune.masks.masking import Kernels, density_of
from edgeprune.tasks.fit import FitRequest

LAYER = Kernels("layer", "layer.weight", torch.arange(1.0, 1001).reshape(10, 100, 1), 0)


class Linked:
    """A network of 2,000 B of code and 1,000 of weights, of which masked ones take a share; decoding takes code."""

    layers = (LAYER,)

    def __init__(self, left: float, decoder_bytes: int, off_by: int = 0):
        self.left, self.decoder_bytes, self.off_by, self.links = left, decoder_bytes, off_by, 0

    def unmasked(self) -> Footprint:
        return self._of(1000, 0)

    def built(self, masks: dict[str, Tensor]) -> Footprint:
        self.links += 1
        return self.footprint(masks)

    def footprint(self, masks: dict[str, Tensor]) -> Footprint:
        """Before the second link it promises too much."""
        code = self.decoder_bytes - (self.off_by if self.links < 2 else 0)
        return self._of(round(1000 * (self.left + (1 - self.left) * density_of(masks))), code)

    def _of(self, weights: int, code: int) -> Footprint:
        return Footprint({"kernels": 2000 + code, "weights": weights, "tables": 0}, {"arena": 500}, "layer", 1000)


def within(cost: Linked, flash_bytes: int) -> tuple[dict[str, Tensor], Footprint, Footprint]:
    return masks_within(cast(MaskCost, cost), [LAYER.weights.square()], flash_bytes)


def test_as_many_weights_stay_as_fit_though_a_prediction_was_wrong() -> None:
    masks, found, unmasked = within(Linked(left=0.125, decoder_bytes=100, off_by=60), 2600)
    assert unmasked.flash_bytes == 3000 and 2590 <= found.flash_bytes <= 2600
    assert density_of(masks) == pytest.approx((500 - 125) / 875, abs=0.02)
    gone = LAYER.weights[~masks["layer.weight"]]
    assert gone.max() < LAYER.weights[masks["layer.weight"]].min()


def test_what_saves_nothing_or_is_not_needed_masks_nothing() -> None:
    masks, found, unmasked = within(Linked(left=0.6, decoder_bytes=900), 2600)
    assert masks == {} and found is unmasked
    assert within(Linked(left=0.1, decoder_bytes=0), 3000)[0] == {}


def test_the_sparsest_is_given_where_none_fits() -> None:
    masks, found, _ = within(Linked(left=0.5, decoder_bytes=0), 2300)
    assert density_of(masks) == pytest.approx(LEAST_DENSITY) and found.flash_bytes == 2550


class Notes:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.progress = self.deployment = self
        self.product = "linked image"

    def note(self, text: str) -> None:
        self.notes.append(text)


def room(cost: Linked, flash_bytes: int, ram_bytes: int = 9000) -> tuple[dict[str, int], list[str]]:
    job, scores, budget = Notes(), [LAYER.weights.square()], Budget(flash_bytes, ram_bytes)
    return room_with_masks(cast(Job, job), "weights", cast(MaskCost, cost), scores, budget), job.notes


def test_a_mask_that_saves_nothing_is_reported_and_channels_meet_the_limit() -> None:
    allowed, notes = room(Linked(left=0.6, decoder_bytes=900), 2600)
    assert allowed["flash_bytes"] == 2600
    assert len(notes) == 1 and "would save nothing" in notes[0] and "3,000 B" in notes[0] and "3,600 B" in notes[0]


def test_channels_are_chosen_for_what_masks_leave_of_them() -> None:
    allowed, notes = room(Linked(left=0.1, decoder_bytes=200), 2350)
    assert not notes
    # 2,200 B of code, so 150 of arrays, which are 0.325 of what they were without masks
    assert allowed["flash_bytes"] == pytest.approx(2000 + 150 / 0.325, abs=2)


@pytest.mark.parametrize(
    ("masked_arena_bytes", "ram_bytes", "left_bytes"), [(540, 9000, 8960), (540, 30, 1), (500, 30, 30), (460, 30, 30)]
)
def test_channels_leave_the_memory_that_decoding_takes(
    masked_arena_bytes: int, ram_bytes: int, left_bytes: int
) -> None:
    class Decoding(Linked):
        def footprint(self, masks: dict[str, Tensor]) -> Footprint:
            return replace(super().footprint(masks), ram_parts={"arena": masked_arena_bytes})

    allowed, _ = room(Decoding(left=0.1, decoder_bytes=200), 2350, ram_bytes)
    assert allowed["ram_bytes"] == left_bytes


def test_no_room_is_left_for_weights_where_code_alone_is_over() -> None:
    allowed, _ = room(Linked(left=0.1, decoder_bytes=200), 2150)
    assert allowed["flash_bytes"] == 2150
    assert room(Linked(left=0.1, decoder_bytes=200), 1900)[0]["flash_bytes"] == 2000


def test_masks_want_the_smallest_kernels_and_refuse_others() -> None:
    def request(optimize: Optimize | None, granularity: str = "kernels") -> FitRequest:
        options = FitOptions(1, 1, "l2", 5.0, 0.5, 1, optimize, None, "")
        return FitRequest(None, "cortex-m4", Limits(), GRANULARITIES.find(granularity), options)

    assert request(None).kernels is Optimize.SIZE and request(None, "channels").kernels is Optimize.BALANCED
    request(Optimize.SIZE).check()
    request(Optimize.SPEED, "channels").check()
    with pytest.raises(UsageError, match="--granularity kernels masks weights, which --optimize speed stores"):
        request(Optimize.SPEED).check()
