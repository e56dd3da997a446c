"""The parts of the image as a treemap, those of layers within them."""

from __future__ import annotations

from typing import Any

from edgeprune.tasks.report.figure import Chart, DataTable, Figure, Spec, printable
from edgeprune.tasks.report.image import Image
from edgeprune.units import bytes_text


def flash_figure(image: Image) -> Figure:
    """The parts of the image, those of layers within them."""
    parts = image.flash_parts
    layers = {
        f"{number} {layer.name}": (layer.weight_bytes or 0) + (layer.table_bytes or 0)
        for number, layer in enumerate(image.layers)
    }
    holder = next((part for part in ("constants", "weights") if part in parts), None)
    known = sum(layers.values())
    nodes: list[dict[str, Any]] = [{"id": "all", "parent": None, "name": "", "part": "", "bytes": 0}]
    for part, size in parts.items():
        is_split = part == holder and 0 < known <= size
        rest = size - known if is_split else size
        nodes.append({"id": part, "parent": "all", "name": part, "part": part, "bytes": 0 if is_split else size})
        if is_split:
            nodes += [
                {"id": f"layer {name}", "parent": part, "name": name.partition(" ")[2], "part": part, "bytes": bytes_}
                for name, bytes_ in layers.items()
                if bytes_
            ]
            nodes += [{"id": "rest", "parent": part, "name": "other", "part": part, "bytes": rest}] if rest else []
    nodes = [node | {"name": printable(node["name"]), "shown": bytes_text(node["bytes"])} for node in nodes]
    shown = [node for node in nodes if node["bytes"]]
    total = sum(parts.values())
    table = DataTable(
        ["part", "of", "bytes", "share"],
        [
            [node["name"], node["part"], f"{node['bytes']:,}", f"{node['bytes'] / total:.1%}"]
            for node in sorted(shown, key=lambda node: -node["bytes"])
        ],
        ["bytes", "share"],
    )
    lead = [f"{bytes_text(total)} by part: {', '.join(f'{part} {bytes_text(size)}' for part, size in parts.items())}."]
    if not known:
        lead.append("The run kept no sizes of single layers: it was made by a version that did not record them.")
    words = f"Flash by part; the largest is {max(shown, key=lambda node: node['bytes'])['name']}."
    chart = Chart(words, lambda width: _treemap(nodes, list(parts), width))
    return Figure("flash", "File" if image.is_program else "Flash", lead, [chart], table)


def _treemap(nodes: list[dict[str, Any]], parts: list[str], width: int) -> Spec:
    height = 320 if width > 500 else 420
    box = {
        "x": {"field": "x0"},
        "x2": {"field": "x1"},
        "y": {"field": "y0"},
        "y2": {"field": "y1"},
    }
    leaves = {"data": "leaves"}
    room = "datum.x1 - datum.x0 - 8"
    is_roomy = "datum.x1 - datum.x0 > 44 && datum.y1 - datum.y0 > {height}"

    def text(field: str, dy: int, least: int) -> dict[str, Any]:
        return {
            "type": "text",
            "from": leaves,
            "encode": {
                "enter": {
                    "x": {"field": "x0", "offset": 5},
                    "y": {"field": "y0", "offset": dy},
                    "text": {"signal": f"{is_roomy.format(height=least)} ? datum.{field} : ''"},
                    "limit": {"signal": room},
                    "fill": {"value": "#ffffff"},
                    "fontSize": {"value": 12},
                }
            },
        }

    return {
        "$schema": "https://vega.github.io/schema/vega/v6.json",
        "width": width - 10,
        "height": height,
        "padding": 4,
        "data": [
            {
                "name": "tree",
                "values": nodes,
                "transform": [
                    {"type": "stratify", "key": "id", "parentKey": "parent"},
                    {
                        "type": "treemap",
                        "field": "bytes",
                        "sort": {"field": "value", "order": "descending"},
                        "paddingInner": 1.5,
                        "paddingOuter": 1,
                        "size": [width - 10, height],
                    },
                ],
            },
            {"name": "leaves", "source": "tree", "transform": [{"type": "filter", "expr": "datum.bytes > 0"}]},
        ],
        "scales": [
            {
                "name": "part",
                "type": "ordinal",
                "domain": parts,
                "range": [f"var(--part{number % 6})" for number in range(len(parts))],
            }
        ],
        "marks": [
            {
                "type": "rect",
                "from": leaves,
                "encode": {
                    "enter": box
                    | {
                        "fill": {"scale": "part", "field": "part"},
                        "description": {"signal": "datum.part + ', ' + datum.name + ': ' + datum.shown"},
                    }
                },
            },
            text("name", 16, 18),
            text("shown", 31, 36),
        ],
    }
