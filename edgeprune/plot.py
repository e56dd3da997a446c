"""A small plot as SVG text: lines through points with bars, no library needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _LEGEND = 640, 400, 60, 40, 50, 200  # pixels
_COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#8e5ea2", "#b8860b", "#444444", "#2a9d8f", "#d1495b")


@dataclass(frozen=True)
class Point:
    """bar: half the height of the bar through it, in units of y."""

    x: float
    y: float
    bar: float


def svg(title: str, x_name: str, y_name: str, lines: Mapping[str, Sequence[Point]]) -> str:
    """An SVG document with one line for each name."""
    points = [point for line in lines.values() for point in line]
    x_low, x_high = _range([point.x for point in points])
    y_low, y_high = _range([point.y + side * point.bar for point in points for side in (-1, 1)])
    right, bottom = _WIDTH - _LEGEND, _HEIGHT - _BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (x - x_low) / (x_high - x_low) * (right - _LEFT)
        return round(across, 1), round(bottom - (y - y_low) / (y_high - y_low) * (bottom - _TOP), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, 20, title, size=14),
        _text((_LEFT + right) / 2 - 40, _HEIGHT - 12, x_name),
        _text(8, _TOP - 8, y_name),
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#888"/>',
    ]
    for step in range(5):
        x, y = x_low + step / 4 * (x_high - x_low), y_low + step / 4 * (y_high - y_low)
        parts += [_text(at(x, y_low)[0] - 18, bottom + 18, f"{x:,.0f}"), _text(14, at(x_low, y)[1] + 4, f"{y:.2f}")]
    for number, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [at(point.x, point.y) for point in line]
        parts.append(f'<polyline points="{" ".join(f"{x},{y}" for x, y in places)}" fill="none" stroke="{colour}"/>')
        for point, (x, y) in zip(line, places, strict=True):
            low, high = at(point.x, point.y - point.bar)[1], at(point.x, point.y + point.bar)[1]
            parts.append(f'<path d="M{x} {low}V{high}" stroke="{colour}"/>')
            parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>')
        parts.append(f'<rect x="{right + 12}" y="{_TOP + 18 * number}" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(right + 28, _TOP + 9 + 18 * number, name))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) * 0.05 or max(abs(high) * 0.01, 0.5)
    return low - margin, high + margin


def _text(x: float, y: float, text: str, size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}">{escape(text)}</text>'
