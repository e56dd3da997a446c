"""Accuracy along the thinning steps, with what was undone and why, and the curves of every training."""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.fitting.record import EpochRecord, RunRecord, StepRecord
from edgeprune.tasks.report.axes import colours
from edgeprune.tasks.report.figure import Chart, DataTable, Figure, Spec, counted
from edgeprune.units import score_text

_KEPT, _UNDONE = "kept", "undone"


def steps_figure(record: RunRecord) -> Figure:
    """The metric on validation after each step."""
    title, metric = "Accuracy along the steps", record.accuracy.metric
    if not record.steps and record.quantization_aware is None:
        return Figure("steps", title, ["Nothing was thinned: the network was within its limits as it came."])
    steps = [
        {
            "step": f"step {number + 1}",
            "score": step.score,
            "state": _UNDONE if step.undone else _KEPT,
            "words": f"step {number + 1}: {metric} {score_text(step.score)} on validation, {_why(step)}",
        }
        for number, step in enumerate(record.steps)
    ]
    aware = record.quantization_aware
    if aware is not None:
        steps += [
            {
                "step": name,
                "score": score,
                "state": _KEPT if aware.kept or name == "int8" else _UNDONE,
                "words": f"{name}: {metric} {score_text(score)} on validation",
            }
            for name, score in (("int8", aware.before), ("int8, trained", aware.after))
        ]

    def spec(width: int) -> Spec:
        encoding = {
            "x": {"field": "step", "type": "nominal", "sort": None, "axis": {"title": None, "labelAngle": 0}},
            "y": {
                "field": "score",
                "type": "quantitative",
                "scale": {"zero": False},
                "axis": {"title": f"{metric} on validation", "format": ".4~g"},
            },
        }
        points = {
            "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
            "encoding": encoding
            | {
                "color": colours("state", {_KEPT: "var(--s2)", _UNDONE: "var(--s3)"}, width),
                "shape": {
                    "field": "state",
                    "type": "nominal",
                    "scale": {"domain": [_KEPT, _UNDONE], "range": ["circle", "cross"]},
                },
                "description": {"field": "words"},
            },
        }
        line = {"mark": {"type": "line", "color": "var(--muted)", "strokeWidth": 1}, "encoding": encoding}
        return {"data": {"values": steps}, "width": width - 80, "height": 220, "layer": [line, points]}

    undone = sum(step.undone for step in record.steps)
    lead = [
        f"{counted(len(record.steps), 'thinning step')}, {undone or 'none'} of them undone.",
        *([] if aware is None else [_aware_words(record)]),
    ]
    rows = [
        [
            str(number + 1),
            f"{sum(step.widths.values()):,}",
            str(step.epochs),
            score_text(step.score),
            "unknown" if step.drop_points is None else f"{step.drop_points:.2f}",
            _why(step),
        ]
        for number, step in enumerate(record.steps)
    ]
    columns = ["step", "channels", "epochs", f"{metric} on validation", "points lost", "outcome"]
    table = DataTable(columns, rows, columns[:-1])
    chart = Chart(". ".join(str(step["words"]) for step in steps), spec)
    return Figure("steps", title, lead, [chart], table, shows_table=True)


def _why(step: StepRecord) -> str:
    if not step.undone:
        return _KEPT
    if step.drop_points is None or step.allowed_points is None:
        return "undone: it lost too much"
    return f"undone: lost {step.drop_points:.2f} points, {step.allowed_points:g} are allowed; half of it came first"


def _aware_words(record: RunRecord) -> str:
    aware = record.quantization_aware
    assert aware is not None
    outcome = "kept" if aware.kept else "not kept: it was no better, or did not fit"
    return (
        f"Training on the int8 grid, {aware.epochs} epochs: {score_text(aware.before)} before, "
        f"{score_text(aware.after)} after; {outcome}."
    )


def curves_figure(record: RunRecord) -> Figure:
    """Loss and validation after each epoch."""
    title = "Loss curves"
    trainings = [(f"step {number + 1}", step.training) for number, step in enumerate(record.steps)]
    if record.quantization_aware is not None:
        trainings.append(("on the int8 grid", record.quantization_aware.training))
    trainings = [(name, epochs) for name, epochs in trainings if epochs]
    if not trainings:
        trained = sum(step.epochs for step in record.steps)
        missing = (
            "The run kept no curves: a schedule trained (`--schedule`), or a version that did not record them."
            if trained
            else "Nothing was trained in this run."
        )
        return Figure("curves", title, [missing])
    metric = record.accuracy.metric
    rows = [
        [name, str(number + 1), f"{epoch.loss:.4g}", score_text(epoch.validation)]
        for name, epochs in trainings
        for number, epoch in enumerate(epochs)
    ]
    charts = [
        _curve(trainings, "loss", "mean loss of the epoch"),
        _curve(trainings, "validation", f"{metric} on validation"),
    ]
    epochs = sum(len(one) for _, one in trainings)
    lead = [f"{counted(epochs, 'epoch')} in {counted(len(trainings), 'training')}, in the order they ran."]
    table = DataTable(
        ["training", "epoch", "loss", f"{metric} on validation"], rows, ["epoch", "loss", f"{metric} on validation"]
    )
    return Figure("curves", title, lead, charts, table)


def _curve(trainings: Sequence[tuple[str, Sequence[EpochRecord]]], field: str, title: str) -> Chart:
    flat = [(name, epoch) for name, epochs in trainings for epoch in epochs]
    values = [
        {
            "training": name,
            "epoch": number + 1,
            "value": getattr(epoch, field),
            "words": f"epoch {number + 1}, {name}: {title} {getattr(epoch, field):.4g}",
        }
        for number, (name, epoch) in enumerate(flat)
    ]
    names = {name: f"var(--part{number % 6})" for number, (name, _) in enumerate(trainings)}

    def spec(width: int) -> Spec:
        return {
            "data": {"values": values},
            "width": width - 80,
            "height": 180,
            "mark": {"type": "line", "point": {"size": 50, "filled": True}},
            "encoding": {
                "x": {"field": "epoch", "type": "ordinal", "axis": {"labelAngle": 0, "labelOverlap": True}},
                "y": {
                    "field": "value",
                    "type": "quantitative",
                    "scale": {"zero": False},
                    "axis": {"title": title, "format": ".4~g"},
                },
                "color": colours("training", names, width),
                "description": {"field": "words"},
            },
        }

    first, last = values[0]["value"], values[-1]["value"]
    return Chart(f"{title}, {len(values)} epochs: {first:.4g} after the first, {last:.4g} after the last.", spec)
