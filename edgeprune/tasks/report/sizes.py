"""Sizes: against the limits, by part of the flash, and the channels that stay."""

from __future__ import annotations

from collections.abc import Mapping

from edgeprune.fitting.record import FootprintRecord, RunRecord
from edgeprune.tasks.report.axes import colours, layer_axis, names_px
from edgeprune.tasks.report.figure import Chart, DataTable, Figure, Spec, printable
from edgeprune.units import bytes_text, count_text, microseconds_text

_COLOURS = {"before": "var(--s1)", "after": "var(--s2)"}


def limits_figure(record: RunRecord) -> Figure:
    """What was needed before, what is needed now, and what may be."""
    rows = _limit_rows(record)
    values = [
        {
            "limit": name,
            "when": when,
            "percent": 100 * value / limit,
            "words": f"{name} {when}: {shown}, {value / limit:.0%} of the limit",
        }
        for name, limit, sizes in rows
        for when, (value, shown) in sizes.items()
    ]

    def spec(width: int) -> Spec:
        bars = {
            "mark": {"type": "bar"},
            "encoding": {
                "y": {"field": "limit", "type": "nominal", "sort": None, "axis": {"title": None}},
                "yOffset": {"field": "when", "sort": ["before", "after"]},
                "x": {"field": "percent", "type": "quantitative", "axis": {"title": "% of the limit"}},
                "color": colours("when", _COLOURS, width),
                "description": {"field": "words"},
            },
        }
        line = {"mark": {"type": "rule", "strokeDash": [4, 3], "size": 2}, "encoding": {"x": {"datum": 100}}}
        return {"data": {"values": values}, "width": width - 90, "height": {"step": 18}, "layer": [bars, line]}

    words = ". ".join(str(value["words"]) for value in values)
    table = DataTable(
        ["", "before (predicted)", "after", "limit"],
        [
            *_table_rows(record),
            ["MACs", count_text(record.before.macs), count_text(record.macs), ""],
        ],
        ["before (predicted)", "after", "limit"],
    )
    return Figure("limits", "Limits", _limits_lead(record), [Chart(words, spec)], table, shows_table=True)


def _limits_lead(record: RunRecord) -> list[str]:
    over = [
        f"{name} at {values['before'][0] / limit:.0%} of the limit"
        for name, limit, values in _limit_rows(record)
        if values["before"][0] > limit
    ]
    why = f"It did not fit as it came: {', '.join(over)}." if over else "It was within these limits as it came."
    return [f"{why} RAM was at its peak in {printable(record.before.peak_layer)}."]


def _limit_rows(record: RunRecord) -> list[tuple[str, float, dict[str, tuple[float, str]]]]:
    """(limit's name, its value, when -> (value, as text))."""
    before, after = record.before, record.after
    is_program = record.product == "program"

    def sizes(one: int, other: int) -> dict[str, tuple[float, str]]:
        return {"before": (one, bytes_text(one)), "after": (other, bytes_text(other))}

    rows: list[tuple[str, float, dict[str, tuple[float, str]]]] = [
        ("file" if is_program else "flash", record.flash_limit_bytes, sizes(before.flash_bytes, after.flash_bytes)),
        ("memory" if is_program else "RAM", record.ram_limit_bytes, sizes(before.ram_bytes, after.ram_bytes)),
    ]
    if record.latency_limit_us is not None:
        sizes_of = {"before": before, "after": after}
        known = {when: (us, _time_text(one)) for when, one in sizes_of.items() if (us := one.judged_us) is not None}
        rows.append((_time_name(record), record.latency_limit_us, {"before": (0.0, "unknown"), **known}))
    return rows


def _time_text(size: FootprintRecord) -> str:
    assert size.latency_us is not None
    most = "" if size.latency_range_us is None else f" (up to {microseconds_text(size.latency_range_us[1])})"
    return f"{microseconds_text(size.latency_us)}{most}"


def _time_name(record: RunRecord) -> str:
    basis = record.after.latency_basis
    return "latency" if basis is None else f"latency, {basis.words}"


def _table_rows(record: RunRecord) -> list[list[str]]:
    limit_us = record.latency_limit_us
    limits = {_time_name(record): None if limit_us is None else microseconds_text(limit_us)}
    return [
        [
            name,
            values["before"][1],
            values["after"][1] if "after" in values else "nobody measured it",
            limits.get(name) or bytes_text(int(limit)),
        ]
        for name, limit, values in _limit_rows(record)
    ]


def channels_figure(record: RunRecord) -> Figure:
    """How many channels each coupled group of layers had and has."""
    before, after = record.widths_before, record.widths
    names = list(before)
    rows = [[printable(name), str(before[name]), _kept(after, name), _share(before, after, name)] for name in names]
    values = [
        {
            "layer": printable(name),
            "when": when,
            "channels": widths.get(name, 0),
            "words": f"{printable(name)}, {when}: {widths.get(name, 0):,} channels",
        }
        for name in names
        for when, widths in (("before", before), ("after", after))
    ]

    def spec(width: int) -> Spec:
        return {
            "data": {"values": values},
            "width": width - names_px(width) - 20,
            "height": {"step": 9},
            "mark": {"type": "bar"},
            "encoding": {
                "y": layer_axis(width),
                "yOffset": {"field": "when", "sort": ["before", "after"]},
                "x": {"field": "channels", "type": "quantitative", "axis": {"orient": "top"}},
                "color": colours("when", _COLOURS, width),
                "description": {"field": "words"},
            },
        }

    total_before, total_after = sum(before.values()), sum(after.values())
    lead = [f"{total_after:,} of {total_before:,} channels stay, counted once a group of layers that share them."]
    if record.removed:
        lead.append(f"Removed whole: {printable(', '.join(record.removed))}.")
    chart = Chart(f"Channels of {len(names)} groups before and after; the table has each.", spec)
    table = DataTable(["layer", "before", "after", "kept"], rows, ["before", "after", "kept"])
    return Figure("channels", "Channels", lead, [chart], table)


def _kept(widths: Mapping[str, int], name: str) -> str:
    return str(widths[name]) if name in widths else "removed"


def _share(before: Mapping[str, int], after: Mapping[str, int], name: str) -> str:
    return f"{after.get(name, 0) / before[name]:.0%}"
