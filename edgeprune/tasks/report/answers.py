"""Accuracy as it came, thinned, as int8 and on the device, and what was taken for what."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from edgeprune.fitting.record import AnswersRecord, ConfusionCell, RunRecord
from edgeprune.tasks.report.axes import colours
from edgeprune.tasks.report.figure import Chart, DataTable, Figure, Spec, printable
from edgeprune.units import score_text

_SHARES = ("accuracy", "top3", "top5")  # metrics that count samples: their interval is known
_MOST_CLASSES = 30  # in one matrix; with more, the worst confusions alone are listed
_MOST_LISTED = 50
_Z = 1.96


def accuracy_figure(record: RunRecord) -> Figure:
    """The metric on test samples, with the interval that their number leaves."""
    accuracy = record.accuracy
    has_interval = accuracy.metric in _SHARES
    scores = [
        ("as it came, float", accuracy.float_before, accuracy.int8_samples),
        ("thinned, float", accuracy.float, accuracy.int8_samples),
        ("thinned, int8", accuracy.int8, accuracy.int8_samples),
    ]
    if accuracy.device is not None:
        scores.append((f"thinned, int8, {_place(record)}", accuracy.device, accuracy.device_samples))
    values: list[dict[str, Any]] = []
    for who, score, samples in scores:
        low, high = wilson_interval(score, samples) if has_interval else (score, score)
        words = f"{who}: {score_text(score)} over {samples:,} samples"
        words += f", 95 % interval {low:.1f} to {high:.1f}" if has_interval else ""
        values.append({"who": who, "score": score, "low": low, "high": high, "words": words})

    def spec(width: int) -> Spec:
        y = {
            "field": "who",
            "type": "nominal",
            "sort": None,
            "axis": {"title": None, "labelLimit": 170, "minExtent": 190},
        }
        x: dict[str, Any] = {"type": "quantitative", "scale": {"zero": False}, "axis": {"title": accuracy.metric}}
        bars = {
            "mark": {"type": "rule", "size": 3},
            "encoding": {"y": y, "x": x | {"field": "low"}, "x2": {"field": "high"}},
        }
        points = {
            "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1, "color": "var(--s2)"},
            "encoding": {"y": y, "x": x | {"field": "score"}, "description": {"field": "words"}},
        }
        inner = width - 210 if width > 500 else width - 195
        return {"data": {"values": values}, "width": inner, "height": {"step": 30}, "layer": [bars, points]}

    lead = [f"{accuracy.metric} on test samples, which decided nothing before."]
    if has_interval:
        lead.append("Bars are 95 % intervals: how far the score may be off for no other reason than few samples.")
    if accuracy.device is not None and accuracy.device_samples < accuracy.int8_samples:
        lead.append(
            f"{accuracy.device_samples:,} samples were replayed {_place(record)}: every output byte is the one this "
            "machine computes, so the score differs from int8's by the choice of samples alone."
        )
    rows = [
        [who, score_text(score), f"{value['low']:.1f} to {value['high']:.1f}" if has_interval else "", f"{samples:,}"]
        for (who, score, samples), value in zip(scores, values, strict=True)
    ]
    columns = ["network", accuracy.metric, "95 % interval", "samples"]
    if not has_interval:
        columns, rows = [columns[0], columns[1], columns[3]], [[row[0], row[1], row[3]] for row in rows]
    chart = Chart(". ".join(value["words"] for value in values), spec)
    return Figure("accuracy", "Accuracy", lead, [chart], DataTable(columns, rows, columns[1:]), shows_table=True)


def _place(record: RunRecord) -> str:
    return {"emulator": "on the emulator", "device": "on the device", "host": "in the program, here"}[record.source]


def interval_words(record: RunRecord) -> str:
    """The device's 95 % interval, for a line in the terminal; "" where the metric counts no samples."""
    accuracy = record.accuracy
    if accuracy.metric not in _SHARES or accuracy.device is None:
        return ""
    low, high = wilson_interval(accuracy.device, accuracy.device_samples)
    return f", 95 % sure of {low:.1f} to {high:.1f}"


def wilson_interval(percent: float, samples: int) -> tuple[float, float]:
    """The 95 % interval, in percent, of a share counted over so many samples (Wilson 1927)."""
    share, square = percent / 100, _Z**2 / max(samples, 1)
    middle = (share + square / 2) / (1 + square)
    reach = (share * (1 - share) * square + square**2 / 4) ** 0.5 / (1 + square)
    return 100 * max(0.0, middle - reach), 100 * min(1.0, middle + reach)


def answers_figure(record: RunRecord) -> Figure:
    """Confusion matrices of classes, or how errors are spread."""
    answers = record.answers
    if answers is None:
        missing = (
            "The run kept neither confusions nor errors: its metric compares something else, or it was made by a "
            "version that did not record them."
        )
        return Figure("answers", "What was right and wrong", [missing])
    return _confusion_figure(answers) if answers.confusions else _errors_figure(answers)


def _confusion_figure(answers: AnswersRecord) -> Figure:
    names = [printable(name) or f"class {number}" for number, name in enumerate(answers.class_names)]
    shown = {who: cells for who, cells in answers.confusions.items() if who != "device"}
    wrong = sorted(
        ((cell.samples, who, cell) for who, cells in shown.items() for cell in cells if cell.true != cell.found),
        key=lambda one: (-one[0], one[1], one[2].true, one[2].found),
    )
    rows = [
        [_NAMED[who], names[cell.true], names[cell.found], f"{count:,}"] for count, who, cell in wrong[:_MOST_LISTED]
    ]
    table = DataTable(["network", "true class", "taken for", "samples"], rows, ["samples"])
    lead = [_wrong_words(who, cells, names) for who, cells in shown.items()]
    if len(names) > _MOST_CLASSES:
        lead.append(f"{len(names):,} classes are too many for a matrix: the worst confusions are listed.")
        return Figure("answers", "Confusion", lead, (), table, shows_table=True)
    charts = [_matrix(who, cells, names) for who, cells in shown.items()]
    return Figure("answers", "Confusion", lead, charts, table)


_NAMED = {"float": "thinned, float", "int8": "thinned, int8", "device": "on the device"}


def _wrong_words(who: str, cells: tuple[ConfusionCell, ...], names: list[str]) -> str:
    total = sum(cell.samples for cell in cells)
    wrong = [cell for cell in cells if cell.true != cell.found]
    if not wrong:
        return f"{_NAMED[who]}: none of {total:,} wrong."
    worst = max(wrong, key=lambda cell: cell.samples)
    return (
        f"{_NAMED[who]}: {sum(cell.samples for cell in wrong):,} of {total:,} wrong, most often {names[worst.true]} "
        f"taken for {names[worst.found]} ({worst.samples:,})."
    )


def _matrix(who: str, cells: tuple[ConfusionCell, ...], names: list[str]) -> Chart:
    totals = {true: sum(cell.samples for cell in cells if cell.true == true) for true in {cell.true for cell in cells}}
    values = [
        {
            "true": f"{cell.true} {names[cell.true]}" if _are_alike(names) else names[cell.true],
            "found": f"{cell.found} {names[cell.found]}" if _are_alike(names) else names[cell.found],
            "samples": cell.samples,
            "share": cell.samples / totals[cell.true],
            "right": "right" if cell.true == cell.found else "wrong",
            "words": f"{names[cell.true]} taken for {names[cell.found]}: {cell.samples:,} samples",
        }
        for cell in cells
    ]
    domain = [f"{number} {name}" if _are_alike(names) else name for number, name in enumerate(names)]

    def spec(width: int) -> Spec:
        side = max(10, min(32, (width - 130) // len(names)))
        axis = {"labelLimit": 100}
        encoding = {
            "x": {
                "field": "found",
                "type": "nominal",
                "scale": {"domain": domain},
                "axis": axis | {"title": "taken for", "orient": "top"},
            },
            "y": {
                "field": "true",
                "type": "nominal",
                "scale": {"domain": domain},
                "axis": axis | {"title": "true class"},
            },
        }
        opacity = {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1], "range": [0.3, 0.65]}}
        boxes = {
            "mark": {"type": "rect"},
            "encoding": encoding
            | {
                "color": colours("right", {"right": "var(--s2)", "wrong": "var(--s3)"}, width),
                "fillOpacity": opacity | {"legend": None},
                "description": {"field": "words"},
            },
        }
        counts = {"mark": {"type": "text", "fontSize": 11}, "encoding": encoding | {"text": {"field": "samples"}}}
        layer = [boxes, counts] if side >= 22 else [boxes]
        return {
            "data": {"values": values},
            "title": {"text": _NAMED[who], "color": "var(--ink)", "fontSize": 13, "anchor": "start"},
            "width": side * len(names),
            "height": side * len(names),
            "layer": layer,
        }

    return Chart(_wrong_words(who, cells, names), spec)


def _are_alike(names: list[str]) -> bool:
    return len(set(names)) < len(names)


def _errors_figure(answers: AnswersRecord) -> Figure:
    edges = answers.error_edges
    shown = {who: counts for who, counts in answers.error_counts.items() if who != "device"}
    values = [
        {
            "who": _NAMED[who],
            "low": low,
            "high": high,
            "share": 100 * count / max(sum(counts), 1),
            "words": f"{_NAMED[who]}: {count:,} values off by {low:.3g} to {high:.3g}",
        }
        for who, counts in shown.items()
        for (low, high), count in zip(pairwise(edges), counts, strict=True)
    ]

    def spec(width: int) -> Spec:
        return {
            "data": {"values": values},
            "width": width - 80,
            "height": 220,
            "mark": {"type": "bar", "binSpacing": 0, "opacity": 0.55},
            "encoding": {
                "x": {"field": "low", "type": "quantitative", "axis": {"title": "output less target"}, "bin": "binned"},
                "x2": {"field": "high"},
                "y": {"field": "share", "type": "quantitative", "stack": None, "axis": {"title": "% of the values"}},
                "color": colours("who", {_NAMED["float"]: "var(--s1)", _NAMED["int8"]: "var(--s2)"}, width),
                "description": {"field": "words"},
            },
        }

    rows = [
        [f"{low:.4g}", f"{high:.4g}", *(f"{counts[number]:,}" for counts in shown.values())]
        for number, (low, high) in enumerate(pairwise(edges))
    ]
    columns = ["from", "to", *(_NAMED[who] for who in shown)]
    words = f"Errors between {edges[0]:.3g} and {edges[-1]:.3g}, thinned and as int8."
    lead = ["How far outputs are from their targets, over all outputs of the test samples."]
    return Figure("answers", "Errors", lead, [Chart(words, spec)], DataTable(columns, rows, columns))
