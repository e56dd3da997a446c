"""What charts share: the axis that names layers, beside bars that lie, and colours with their legend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def names_px(width: int) -> int:
    """Pixels left for the names on a page of this width."""
    return 150 if width > 500 else 110


def layer_axis(width: int) -> dict[str, Any]:
    """Of the field `layer`, in the order of the values."""
    room = names_px(width)  # wider than the labels may be: fonts differ
    axis = {"title": None, "labelLimit": 0.85 * room, "minExtent": room, "ticks": False, "domain": False}
    return {"field": "layer", "type": "nominal", "sort": None, "axis": axis}


def colours(field: str, by_name: Mapping[str, str], width: int) -> dict[str, Any]:
    """A colour for each name of a field; names one below another where there is no room beside."""
    scale = {"domain": list(by_name), "range": list(by_name.values())}
    return {
        "field": field,
        "type": "nominal",
        "scale": scale,
        "legend": {"columns": 1 if width < 500 or len("".join(by_name)) > 50 else 3},
    }
