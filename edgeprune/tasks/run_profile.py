"""A run's layers with their times, as a table for notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from edgeprune.fitting.record import LayerRecord, RunRecord

_HEAD = ("layer", "kind", "output", "MACs", "predicted", "measured", "of all")


@dataclass(frozen=True)
class RunProfile:
    """Where the time of one inference goes.

    Attributes:
        layers: in execution order.
        ticks: what `predicted_ticks` and `measured_ticks` of a layer count: instructions of an emulator, cycles or
            timer ticks of a device, nanoseconds of a program.
    """

    layers: tuple[LayerRecord, ...]
    ticks: str

    @classmethod
    def of(cls, record: RunRecord) -> RunProfile:
        return cls(record.layers, record.ticks)

    def __repr__(self) -> str:
        rows = [_HEAD, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
        lines = [
            "  ".join(
                cell.ljust(width) if column < 3 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, f"times in {self.ticks}"])

    def _repr_html_(self) -> str:
        body = "".join(
            "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"
            for tag, rows in (("th", [_HEAD]), ("td", self._rows()))
            for row in rows
        )
        return f"<table>{body}</table><p>times in {escape(self.ticks)}</p>"

    def _rows(self) -> list[tuple[str, ...]]:
        times = [_time(layer) for layer in self.layers]
        whole = sum(times) or 1.0
        return [
            (
                layer.name, layer.kind, "x".join(map(str, layer.output_shape)), f"{layer.macs:,}",
                _ticks(layer.predicted_ticks), _ticks(layer.measured_ticks), f"{100 * time / whole:.1f} %",
            )
            for layer, time in zip(self.layers, times, strict=True)
        ]  # fmt: skip


def _time(layer: LayerRecord) -> float:
    return layer.measured_ticks if layer.measured_ticks is not None else layer.predicted_ticks or 0.0


def _ticks(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"
