"""Layer by layer: what was predicted beside what was measured, the kernel and why no faster one, and int8's noise."""

from __future__ import annotations

from edgeprune.fitting.record import LayerRecord, RunRecord
from edgeprune.tasks.report.axes import colours, layer_axis, names_px
from edgeprune.tasks.report.figure import Chart, DataTable, Figure, Spec, printable
from edgeprune.tasks.report.image import Image
from edgeprune.units import count_text

_SHOWN = {"ref": "plain C", "dsp": "DSP extension", "mve": "vector extension", "scalar": "scalar", "memcpy": "memcpy"}


def time_figure(image: Image) -> Figure:
    """Time a layer, in the device's own ticks."""
    unit, layers = image.ticks, image.layers
    measured_on = f"measured ({image.measured_on})"
    values = [
        {
            "layer": f"{number + 1} {printable(layer.name)}",
            "who": who,
            "ticks": ticks,
            "words": f"{printable(layer.name)}, {who}: {ticks:,.0f} {unit}",
        }
        for number, layer in enumerate(layers)
        for who, ticks in (("predicted", layer.predicted_ticks), (measured_on, layer.measured_ticks))
        if ticks is not None
    ]
    if not values:
        return Figure("time", "Time a layer", ["Nobody predicted or measured the time of a layer in this run."])
    who_colours = {"predicted": "var(--s1)", measured_on: "var(--s2)"}

    def spec(width: int) -> Spec:
        return {
            "data": {"values": values},
            "width": width - names_px(width) - 20,
            "height": {"step": 9},
            "mark": {"type": "bar"},
            "encoding": {
                "y": layer_axis(width),
                "yOffset": {"field": "who", "sort": list(who_colours)},
                "x": {
                    "field": "ticks",
                    "type": "quantitative",
                    "axis": {"title": unit, "orient": "top", "format": "~s", "tickCount": width // 110},
                },
                "color": colours("who", who_colours, width),
                "description": {"field": "words"},
            },
        }

    lead = [_slowest(image)]
    if not any(layer.measured_ticks is not None for layer in layers):
        lead.append(image.why_unmeasured)
    chart = Chart(f"Time of {len(layers)} layers, predicted and measured. {_slowest(image)}", spec)
    return Figure("time", "Time a layer", lead, [chart], _time_table(image))


def _time_table(image: Image) -> DataTable:
    columns = ["layer", "operator", "output", "MACs", "predicted", "measured", "difference"]
    rows = [
        [
            printable(layer.name),
            layer.kind,
            "x".join(map(str, layer.output_shape)),
            count_text(layer.macs),
            _ticks(layer.predicted_ticks),
            _ticks(layer.measured_ticks),
            _difference(layer),
        ]
        for layer in image.layers
    ]
    return DataTable(columns, rows, ["MACs", "predicted", "measured", "difference"])


def _ticks(ticks: float | None) -> str:
    return "unknown" if ticks is None else count_text(round(ticks))


def _difference(layer: LayerRecord) -> str:
    if not layer.predicted_ticks or layer.measured_ticks is None:
        return ""
    return f"{100 * (layer.measured_ticks / layer.predicted_ticks - 1):+.1f} %"


def _slowest(image: Image) -> str:
    def ticks(layer: LayerRecord) -> float:
        known = layer.predicted_ticks if layer.measured_ticks is None else layer.measured_ticks
        return known or 0.0

    total = sum(map(ticks, image.layers))
    slow = sorted(image.layers, key=ticks, reverse=True)[:3]
    shares = ", ".join(f"{printable(layer.name)} {ticks(layer) / total:.0%}" for layer in slow) if total else ""
    return f"Most of the time goes to {shares}." if shares else "The layers take no time that was measured."


def kernels_figure(image: Image) -> Figure:
    """What runs each layer, and why nothing faster does."""
    if not any(layer.kernel for layer in image.layers):
        missing = "The run kept no kernels: it was made by a version that did not record them, or for another device."
        return Figure("kernels", "Kernels", [missing])
    rows = [
        [
            printable(layer.name),
            layer.kernel,
            _SHOWN.get(layer.runs_on, layer.runs_on),
            printable(layer.why_plain or ""),
        ]
        for layer in image.layers
    ]
    macs = sum(layer.macs for layer in image.layers)
    plain = sum(layer.macs for layer in image.layers if layer.runs_on == "ref")
    lead = [f"{plain / macs:.0%} of the multiplications run in plain C." if macs else "No layer multiplies."]
    if image.faster_layers:
        lead.append(f"Flash that was left over made {image.faster_layers} layers faster.")
    if image.ram_layers:
        lead.append(f"RAM that was left over holds the constants of {image.ram_layers} layers.")
    table = DataTable(["layer", "kernel", "made for", "why nothing faster"], rows)
    return Figure("kernels", "Kernels", lead, (), table, shows_table=True)


def noise_figure(record: RunRecord) -> Figure:
    """How far rounding moves each layer from the float network's."""
    layers = record.layer_sqnr
    if not layers:
        return Figure("sqnr", "int8 noise a layer", ["Nothing was quantized, or the run did not compare its layers."])
    worst = max(layers, key=lambda layer: layer.share)
    names = {
        "alone_db": "at the outputs, this layer alone rounded",
        "so_far_db": "at this layer, all rounding up to it",
    }
    values = [
        {
            "layer": f"{number + 1} {printable(layer.name)}",
            "what": names[field],
            "db": value,
            "words": f"{printable(layer.name)}, {names[field]}: {value:.1f} dB",
        }
        for number, layer in enumerate(layers)
        for field, value in (("alone_db", layer.alone_db), ("so_far_db", layer.so_far_db))
        if value is not None
    ]
    what_colours = dict(zip(names.values(), ("var(--s2)", "var(--s3)"), strict=True))

    def spec(width: int) -> Spec:
        encoding = {
            "y": layer_axis(width),
            "x": {
                "field": "db",
                "type": "quantitative",
                "scale": {"zero": False},
                "axis": {"title": "SQNR in dB (more is better)", "orient": "top"},
            },
            "color": colours("what", what_colours, width),
            "shape": {"field": "what", "type": "nominal", "scale": {"domain": list(what_colours)}},
            "description": {"field": "words"},
        }
        return {
            "data": {"values": values},
            "width": width - names_px(width) - 20,
            "height": {"step": 14},
            "mark": {"type": "point", "filled": True, "size": 50, "opacity": 1},
            "encoding": encoding,
        }

    lead = [
        f"The outputs are {record.sqnr_db:.1f} dB above their noise." if record.sqnr_db is not None else "",
        f"{printable(worst.name)} ({worst.kind}) makes {worst.share:.0%} of it, more than any other layer.",
    ]
    rows = [
        [printable(layer.name), layer.kind, _db(layer.alone_db), _db(layer.so_far_db), f"{layer.share:.1%}"]
        for layer in layers
    ]
    table = DataTable(
        ["layer", "operator", "at the outputs, alone", "at this layer", "share of the noise"],
        rows,
        ["at the outputs, alone", "at this layer", "share of the noise"],
    )
    chart = Chart(f"SQNR of {len(layers)} layers; {printable(worst.name)} is the worst.", spec)
    return Figure("sqnr", "int8 noise a layer", [line for line in lead if line], [chart], table)


def _db(value: float | None) -> str:
    return "no noise" if value is None else f"{value:.1f} dB"
