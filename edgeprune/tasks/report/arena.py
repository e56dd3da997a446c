"""The arena over time: each thing it holds a rectangle of its bytes by the layers over which it is alive."""

from __future__ import annotations

from typing import Any

from edgeprune.fitting.record import ArenaRecord
from edgeprune.tasks.report.figure import Chart, DataTable, Figure, Spec, printable
from edgeprune.tasks.report.image import Image
from edgeprune.units import bytes_text

_MOST_NAMED = 30  # layers that have their names at the axis
_CHARACTER_PX = 7


def arena_figure(image: Image) -> Figure:
    """Rectangles alive at the peak stand out; the peak is where the most bytes are alive at once."""
    if not image.arena:
        missing = (
            "This target has no arena." if image.arena_bytes is None else "The run kept no plan of its arena: it was "
            "made by a version that did not record it. Fit again to see it."
        )  # fmt: skip
        return Figure("arena", "Arena over time", [missing])
    names = ["input", *(layer.name for layer in image.layers)]
    peak, used_bytes = _peak(image)
    layer = printable(image.layers[peak].name) if peak < len(image.layers) else "reading the outputs"
    lead = [
        f"{bytes_text(image.arena_bytes or 0)} in all. At its peak, {layer}, {bytes_text(used_bytes)} hold "
        f"{', '.join(_alive(image, peak))}.",
        "A rectangle is as high as it has bytes and as wide as the layers over which they are needed. Where two "
        "overlap, a layer writes its output over an input that it has read.",
    ]
    table = DataTable(
        ["bytes from", "size", "what", "from layer", "to layer"],
        [
            [
                f"{block.offset_bytes:,}",
                bytes_text(block.size_bytes),
                printable(block.name),
                printable(names[min(block.first_layer + 1, len(names) - 1)]),
                printable(image.layers[block.end_layer - 1].name)
                if block.end_layer <= len(image.layers)
                else "the end",
            ]
            for block in image.arena
        ],
        ["bytes from", "size"],
    )
    words = f"{len(image.arena)} rectangles over {len(image.layers)} layers; the peak is at {layer}."
    return Figure("arena", "Arena over time", lead, [Chart(words, lambda width: _spec(image, peak, width))], table)


def _peak(image: Image) -> tuple[int, int]:
    """(position of the layer with the most bytes in use, how many)."""
    used = [_bytes_used(image, layer) for layer in range(len(image.layers) + 1)]
    named = [layer.name for layer in image.layers]
    planned = named.index(image.peak_layer) if image.peak_layer in named else None
    peak = planned if planned is not None else max(range(len(used)), key=used.__getitem__)
    return peak, used[peak]


def _bytes_used(image: Image, layer: int) -> int:
    """That hold something while the layer runs; what overlaps counts once."""
    blocks = [block for block in image.arena if block.first_layer <= layer < block.end_layer]
    total, reached = 0, 0
    for block in sorted(blocks, key=lambda block: block.offset_bytes):
        end = block.offset_bytes + block.size_bytes
        total += max(0, end - max(reached, block.offset_bytes))
        reached = max(reached, end)
    return total


def _alive(image: Image, layer: int) -> list[str]:
    blocks = [block for block in image.arena if block.first_layer <= layer < block.end_layer]
    return [
        f"{printable(block.name)} ({bytes_text(block.size_bytes)})"
        for block in sorted(blocks, key=lambda block: -block.size_bytes)
    ]


def _spec(image: Image, peak: int, width: int) -> Spec:
    layers, inner = len(image.layers), width - 90
    total = max(block.offset_bytes + block.size_bytes for block in image.arena)
    height = 300
    values = [
        {
            "from": block.first_layer,
            "to": min(block.end_layer, layers + 1),
            "low": block.offset_bytes,
            "high": block.offset_bytes + block.size_bytes,
            "alive": "alive at the peak" if block.first_layer <= peak < block.end_layer else "not alive at the peak",
            "label": _label(image, block, inner / (layers + 1), height / total),
            "words": f"{printable(block.name)}: {bytes_text(block.size_bytes)} from byte {block.offset_bytes:,}, "
            f"layers {block.first_layer + 1} to {block.end_layer}",
        }
        for block in image.arena
    ]
    x = {"field": "from", "type": "quantitative", "axis": _axis(image, width)}
    x["scale"] = {"domain": [0, layers + 1], "nice": False}
    y: dict[str, Any] = {"field": "low", "type": "quantitative", "axis": {"title": "bytes", "format": ",d"}}
    y["scale"] = {"domain": [0, total], "nice": False}
    alive = {"domain": ["alive at the peak", "not alive at the peak"], "range": ["var(--part1)", "var(--part0)"]}
    band = {
        "data": {"values": [{"from": peak, "to": peak + 1}]},
        "mark": {"type": "rect", "fill": "none", "stroke": "var(--ink)", "strokeDash": [4, 3]},
        "encoding": {"x": {"field": "from", "type": "quantitative"}, "x2": {"field": "to"}},
    }
    boxes = {
        "mark": {"type": "rect", "stroke": "var(--paper)", "strokeWidth": 1, "fillOpacity": 0.85},
        "encoding": {
            "x": x,
            "x2": {"field": "to"},
            "y": y,
            "y2": {"field": "high"},
            "color": {"field": "alive", "type": "nominal", "scale": alive},
            "description": {"field": "words"},
        },
    }
    labels = {
        "mark": {"type": "text", "align": "left", "baseline": "middle", "dx": 4, "color": "#ffffff"},
        "transform": [{"filter": "datum.label != ''"}, {"calculate": "(datum.low + datum.high) / 2", "as": "middle"}],
        "encoding": {
            "x": x,
            "y": {"field": "middle", "type": "quantitative"},
            "text": {"field": "label"},
        },
    }
    return {
        "data": {"values": values},
        "params": [{"name": "layers", "value": [printable(layer.name) for layer in image.layers]}],
        "width": inner,
        "height": height,
        "layer": [boxes, labels, band],
    }


def _label(image: Image, block: ArenaRecord, layer_px: float, byte_px: float) -> str:
    """Its name as far as the rectangle has room for it, up to where the next begins that overlaps its middle."""
    if block.size_bytes * byte_px < 15:
        return ""
    middle = block.offset_bytes + block.size_bytes / 2
    begins = [
        other.first_layer
        for other in image.arena
        if other is not block
        and block.first_layer <= other.first_layer < block.end_layer
        and other.offset_bytes - 15 / byte_px < middle < other.offset_bytes + other.size_bytes + 15 / byte_px
    ]
    room = int((min([block.end_layer, *begins]) - block.first_layer) * layer_px - 8) // _CHARACTER_PX
    name = printable(block.name)
    if len(name) <= room:
        return name
    return f"{name[: room - 1]}…" if room >= 5 else ""


def _axis(image: Image, width: int) -> dict[str, Any]:
    layers = len(image.layers)
    if layers > _MOST_NAMED or width < 500:
        return {"title": "layers, in the order they run", "grid": False, "tickMinStep": 1}
    return {
        "title": None,
        "grid": False,
        "values": [layer + 0.5 for layer in range(layers)],
        "labelExpr": "layers[floor(datum.value)]",
        "labelAngle": -60,
        "labelLimit": 110,
        "labelOverlap": False,
    }
