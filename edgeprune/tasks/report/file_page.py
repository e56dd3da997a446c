"""The page of a `.tflite` that no run made: what it takes of a target, where its time goes, and why."""

from __future__ import annotations

from dataclasses import asdict

from edgeprune.fitting.record import ArenaRecord, LayerRecord
from edgeprune.release import __version__
from edgeprune.tasks.report.arena import arena_figure
from edgeprune.tasks.report.board_time import board_time_words
from edgeprune.tasks.report.figure import Chart, DataTable, Figure, Spec, printable
from edgeprune.tasks.report.flash import flash_figure
from edgeprune.tasks.report.image import Image
from edgeprune.tasks.report.layers import kernels_figure, time_figure
from edgeprune.tasks.report.linked_file import LinkedFile
from edgeprune.tasks.report.page import Verdict, page
from edgeprune.units import bytes_text, count_text


def file_page(linked: LinkedFile) -> str:
    """The HTML of a linked file."""
    image = _image(linked)
    figures = [
        _memory_figure(linked),
        arena_figure(image),
        flash_figure(image),
        time_figure(image),
        kernels_figure(image),
        _again(linked),
    ]
    return page(_verdict(linked), figures)


def _image(linked: LinkedFile) -> Image:
    return Image(
        tuple(LayerRecord(**asdict(layer)) for layer in linked.layers),
        linked.size.flash_parts,
        tuple(ArenaRecord(**asdict(block)) for block in linked.arena),
        linked.arena_bytes,
        "",
        "instructions",
        "the emulator",
        f"No emulated machine stands in for {linked.target} here: nothing is measured.",
        False,
        0,
        0,
    )


def _verdict(linked: LinkedFile) -> Verdict:
    ran, why_not = linked.verified.samples, linked.verified.reason
    checked = f"{ran} random inputs ran on an emulated board; every output byte is the one LiteRT computes."
    if why_not is not None:
        checked = f"Not verified: {printable(why_not)}."
    notes = []
    if linked.timings is not None:
        notes.append(f"One inference takes {count_text(linked.timings.total_ticks)} instructions.")
    if linked.board_time is not None:
        notes.append(f"Time {board_time_words(linked.board_time, linked.target)}.")
    title = f"{printable(linked.name)} on {printable(linked.target)}"
    return Verdict(title, checked, "fits", True, notes)


def _memory_figure(linked: LinkedFile) -> Figure:
    """Flash and RAM against what the target has."""
    size, space = linked.size, linked.space
    sizes = {"flash": (size.flash_bytes, space.flash_bytes), "RAM": (size.ram_bytes, space.ram_bytes)}
    values = [
        {
            "memory": name,
            "percent": 100 * taken / there,
            "words": f"{name}: {bytes_text(taken)}, {taken / there:.0%} of what the target has",
        }
        for name, (taken, there) in sizes.items()
    ]

    def spec(width: int) -> Spec:
        bars = {
            "mark": {"type": "bar"},
            "encoding": {
                "y": {"field": "memory", "type": "nominal", "sort": None, "axis": {"title": None}},
                "x": {"field": "percent", "type": "quantitative", "axis": {"title": "% of the target's"}},
                "color": {"value": "var(--s2)"},
                "description": {"field": "words"},
            },
        }
        line = {"mark": {"type": "rule", "strokeDash": [4, 3], "size": 2}, "encoding": {"x": {"datum": 100}}}
        return {"data": {"values": values}, "width": width - 90, "height": {"step": 22}, "layer": [bars, line]}

    rows = [[name, bytes_text(taken), bytes_text(there)] for name, (taken, there) in sizes.items()]
    parts = [[f"of the RAM: {part}", bytes_text(taken), ""] for part, taken in size.ram_parts.items() if taken]
    table = DataTable(
        ["", "linked", "there is"],
        [*rows, *parts, ["MACs", count_text(linked.macs), ""]],
        ["linked", "there is"],
    )
    lead = ["As linked, with the console that answers on the serial port; a firmware of your own has none."]
    words = ". ".join(str(value["words"]) for value in values)
    return Figure("memory", "Memory", lead, [Chart(words, spec)], table, shows_table=True)


def _again(linked: LinkedFile) -> Figure:
    rows = [
        ["command", printable(linked.command)],
        [f"SHA-256 of {printable(linked.name)}", linked.sha256],
        ["edgeprune", __version__],
    ]
    return Figure("again", "How to make it again", [], (), DataTable(["", "value"], rows), shows_table=True)
