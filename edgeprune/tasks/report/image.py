"""A linked network as the figures show it, whether a fit made it or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeprune.fitting.record import ArenaRecord, LayerRecord, RunRecord


@dataclass(frozen=True)
class Image:
    """What was linked, and how long its layers take.

    Attributes:
        layers: in execution order.
        flash_parts: bytes by part.
        arena: what lies in it when; empty where nobody noted it.
        arena_bytes: None on a device without one.
        peak_layer: by the plan, the layer with the most bytes alive; "" where it named none.
        ticks: what times of layers count.
        measured_on: in words.
        why_unmeasured: in words, for where nothing was.
        is_program: for Linux, and no firmware.
        faster_layers, ram_layers: how many were made faster with flash that was left over, and how many read their
            constants from RAM.
    """

    layers: tuple[LayerRecord, ...]
    flash_parts: Mapping[str, int]
    arena: tuple[ArenaRecord, ...]
    arena_bytes: int | None
    peak_layer: str
    ticks: str
    measured_on: str
    why_unmeasured: str
    is_program: bool
    faster_layers: int
    ram_layers: int


def image_of(record: RunRecord) -> Image:
    places = {"emulator": "the emulator", "device": record.board, "host": "this machine"}
    return Image(
        record.layers,
        record.after.flash_parts,
        record.arena,
        record.arena_bytes,
        record.after.peak_layer,
        record.ticks,
        places[record.source],
        "No device was named: nothing is measured here, `--device` or `--port` does it.",
        record.product == "program",
        len(record.faster),
        len(record.in_ram),
    )
