"""Networks side by side: accuracy against flash, RAM and time, those that none beats in both, and a table of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgeprune.tasks.report.axes import colours
from edgeprune.tasks.report.figure import Chart, DataTable, Figure, Spec, counted, printable
from edgeprune.tasks.report.page import Verdict, page
from edgeprune.units import bytes_text, microseconds_text, score_text

_COLOURS = 6


@dataclass(frozen=True)
class Compared:
    """One network as it ships.

    Attributes:
        name: of its own among the others.
        group: that has a colour of its own: a method, or a target.
        score: of the int8 network on test samples, in the metric's unit; `spread` around it, 0 where unknown.
        latency_us: of one inference; None where nobody measured.
    """

    name: str
    group: str
    score: float
    spread: float
    flash_bytes: int
    ram_bytes: int
    latency_us: float | None
    fits: bool


def comparison_page(
    title: str, subtitle: str, metric: str, higher_is_better: bool, networks: Sequence[Compared]
) -> str:
    """The HTML document.

    Args:
        networks: one or more.
    """
    shown = _Shown(metric, higher_is_better, networks)
    figures = [
        shown.figure("flash", "Flash", lambda one: one.flash_bytes, bytes_text),
        shown.figure("ram", "RAM", lambda one: one.ram_bytes, bytes_text),
        shown.figure("time", "Time", lambda one: one.latency_us, microseconds_text),
        shown.table(),
    ]
    fitting = sum(network.fits for network in networks)
    words = f"{fitting} of {counted(len(networks), 'network')} fit{'s' if fitting == 1 else ''}"
    return page(Verdict(printable(title), printable(subtitle), words, fitting == len(networks)), figures)


def front(networks: Sequence[Compared], cost: Callable[[Compared], float], higher_is_better: bool) -> list[Compared]:
    """The Pareto front by rising cost: no other network costs no more and scores better, or less and as well."""
    sign = 1 if higher_is_better else -1
    kept: list[Compared] = []
    for network in sorted(networks, key=lambda one: (cost(one), -sign * one.score)):
        if not kept or sign * network.score > sign * kept[-1].score:
            kept.append(network)
    return kept


@dataclass(frozen=True)
class _Shown:
    metric: str
    higher_is_better: bool
    networks: Sequence[Compared]

    def figure(
        self, anchor: str, what: str, cost: Callable[[Compared], float | None], text: Callable[[Any], str]
    ) -> Figure:
        known = [network for network in self.networks if cost(network) is not None]
        title = f"{self.metric} against {what if what == 'RAM' else what.lower()}"
        if not known:
            return Figure(anchor, title, ["Nobody measured it for any of these networks."])

        def value(network: Compared) -> float:
            given = cost(network)
            assert given is not None
            return given

        best = front(known, value, self.higher_is_better)
        values = [
            {
                "group": printable(network.group),
                "cost": value(network),
                "score": network.score,
                "low": network.score - network.spread,
                "high": network.score + network.spread,
                "fits": "fits" if network.fits else "does not fit",
                "words": f"{printable(network.name)}: {self.metric} {score_text(network.score)}, {what} "
                f"{text(value(network))}{', on the front' if network in best else ''}"
                f"{'' if network.fits else ', does not fit'}",
            }
            for network in known
        ]
        line = [{"cost": value(network), "score": network.score} for network in best]
        lead = [
            f"On the front, where nothing is better for as little: {', '.join(printable(one.name) for one in best)}."
        ]
        if len(known) < len(self.networks):
            lead.append(f"{counted(len(self.networks) - len(known), 'network')} left out: nobody measured it.")
        return Figure(anchor, title, lead, [Chart(lead[0], lambda width: self._spec(values, line, what, width))])

    def _spec(self, values: list[dict[str, Any]], line: list[dict[str, Any]], what: str, width: int) -> Spec:
        groups = list(dict.fromkeys(value["group"] for value in values))
        by_group = {name: f"var(--part{number % _COLOURS})" for number, name in enumerate(groups)}
        unit = "us of one inference" if what == "Time" else f"{what}, bytes"
        x = {
            "field": "cost",
            "type": "quantitative",
            "scale": {"zero": False},
            "axis": {"title": unit, "format": "~s" if width < 500 else ",d"},
        }
        y = {"type": "quantitative", "scale": {"zero": False}, "axis": {"title": f"{self.metric}, int8 on test"}}
        steps = {
            "data": {"values": line},
            "mark": {"type": "line", "interpolate": "step-after", "color": "var(--muted)", "strokeDash": [4, 3]},
            "encoding": {"x": x, "y": y | {"field": "score"}},
        }
        bars = {
            "mark": {"type": "rule"},
            "encoding": {
                "x": x,
                "y": y | {"field": "low"},
                "y2": {"field": "high"},
                "color": colours("group", by_group, width),
            },
        }
        shapes = {"domain": ["fits", "does not fit"], "range": ["circle", "cross"]}
        points = {
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
            "encoding": {
                "x": x,
                "y": y | {"field": "score"},
                "color": colours("group", by_group, width),
                "shape": {"field": "fits", "type": "nominal", "scale": shapes},
                "description": {"field": "words"},
            },
        }
        layer = [steps, bars, points]
        return {"data": {"values": values}, "width": width - 90, "height": 300, "layer": layer}

    def table(self) -> Figure:
        numeric = [f"{self.metric}, int8", "flash", "RAM", "one inference"]
        rows = [
            [
                printable(network.name),
                f"{score_text(network.score)}{f' ± {score_text(network.spread)}' if network.spread else ''}",
                bytes_text(network.flash_bytes),
                bytes_text(network.ram_bytes),
                "nobody measured it" if network.latency_us is None else microseconds_text(network.latency_us),
                "yes" if network.fits else "no",
            ]
            for network in self.networks
        ]
        table = DataTable(["network", *numeric, "fits"], rows, numeric)
        return Figure("all", "All of them", [], (), table, shows_table=True)
