"""Charts as SVG text by Vega (`vl_convert`), drawn here so that the page runs no code and asks for nothing.

Colours are CSS variables of the page (`page.css`), which has two sets of them.
"""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from edgeprune.tasks.report.figure import Spec

_SVG = "http://www.w3.org/2000/svg"
_FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
_LABELS = {"labelColor": "var(--ink)", "titleColor": "var(--muted)", "labelFont": _FONT, "titleFont": _FONT}
_CONFIG: dict[str, Any] = {
    "background": None,
    "padding": {"left": 4, "right": 16, "top": 5, "bottom": 5},
    "font": _FONT,
    "view": {"stroke": None},
    "axis": _LABELS
    | {
        "gridColor": "var(--grid)",
        "domainColor": "var(--grid)",
        "tickColor": "var(--grid)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "legend": _LABELS
    | {"labelFontSize": 12, "title": None, "orient": "top", "columnPadding": 28}
    | {"symbolBaseFillColor": "var(--ink)", "symbolBaseStrokeColor": "var(--ink)"},
    "text": {"color": "var(--ink)", "font": _FONT, "fontSize": 12},
    "rule": {"color": "var(--muted)"},
}
_DROPPED = ("aria-label", "aria-roledescription", "aria-hidden", "role", "class", "pointer-events")
_EMPTY = (f"{{{_SVG}}}path", f"{{{_SVG}}}g")


def drawn(spec: Spec, width: int) -> str:
    """An SVG element for a page of so many pixels.

    A mark's `description` becomes its title, which browsers show under the pointer.
    """
    import vl_convert

    legend = _CONFIG["legend"] | {"labelLimit": width - 100}
    if width < 500:
        legend |= {"layout": {"top": {"direction": "vertical", "anchor": "start"}}}
    config = _CONFIG | {"axisX": {"tickCount": max(3, width // 110)}, "legend": legend}
    text = json.dumps({"config": config, **spec})
    is_vega = "vega/v" in str(spec.get("$schema", ""))
    convert = vl_convert.vega_to_svg if is_vega else vl_convert.vegalite_to_svg
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(convert(text, allowed_base_urls=[]))
    _tidied(root)
    root.set("aria-hidden", "true")  # the figure around it has the words, and the table beside it the values
    root.set("focusable", "false")
    return ElementTree.tostring(root, encoding="unicode")


def _tidied(element: ElementTree.Element) -> None:
    for child in list(element):
        _tidied(child)
        if child.tag in _EMPTY and not len(child) and (child.get("display") == "none" or not child.get("d")):
            element.remove(child)
    is_mark = element.get("role") == "graphics-symbol" and element.get("aria-roledescription") != "axis"
    words = element.get("aria-label")
    for name in _DROPPED:
        element.attrib.pop(name, None)
    if is_mark and words and element.tag != f"{{{_SVG}}}g":
        ElementTree.SubElement(element, f"{{{_SVG}}}title").text = words
