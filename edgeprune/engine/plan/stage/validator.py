"""Proof of a stage's placement by simulation, byte by byte. Shares no code with `flow.py` or `layout.py`.

Every byte of scratch records what it holds: a row of an edge, or nothing. The rows a layer reads must be the ones its
operator needs, border rows included; a run may write its own row and its own scratch and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeprune.engine.plan.stage.flow import Flow
from edgeprune.engine.plan.stage.layout import Layout
from edgeprune.errors import PlanError

_NOTHING, _SUMS = -1, -2
_MOST_ROWS = 1 << 16


def validate_stage(flow: Flow, layout: Layout, out_row_bytes: int, lead_bytes: int) -> None:
    """Simulates one inference as `ep_stage_run` does.

    Raises:
        PlanError: naming edge, row and layer of the first clash.
    """
    _Walk(flow, layout, out_row_bytes, lead_bytes).run()


class _Walk:
    def __init__(self, flow: Flow, layout: Layout, out_row_bytes: int, lead_bytes: int):
        self.flow = flow
        self.layout = layout
        self.out_row_bytes = out_row_bytes
        self.lead_bytes = lead_bytes
        self.bytes = np.full(layout.scratch_bytes, _NOTHING, np.int64)
        self.counters_end = 4 * len(flow.edges) + 2 * len(flow.layers)
        self.first_row = [-edge.pad_top for edge in flow.edges]  # number of the row at each buffer's front
        self.next_row = [-edge.pad_top for edge in flow.edges]  # number of the row that is stored next
        self.done = [0] * len(flow.layers)

    def run(self) -> None:
        for edge, border in enumerate(self.flow.edges):
            for _ in range(border.pad_top):
                self._store(edge)
        while self.done[-1] < self.flow.layers[-1].out_rows:
            layer = self._pick()
            if layer is not None:
                self._make(layer)
            elif self.next_row[0] < self.flow.edges[0].in_rows:
                self._store_all(self.flow.sources)
            else:
                raise PlanError(f"the stage stops with {self.done} rows made")

    def _pick(self) -> int | None:
        for index in reversed(range(len(self.flow.layers))):
            layer = self.flow.layers[index]
            if self.done[index] < layer.out_rows and all(
                self.next_row[e] - self.first_row[e] >= self.flow.edges[e].needed
                or self.next_row[e] >= self.flow.edges[e].in_rows
                for e in range(layer.first_edge, layer.first_edge + layer.edges)
            ):
                return index
        return None

    def _make(self, index: int) -> None:
        layer = self.flow.layers[index]
        own = range(layer.first_edge, layer.first_edge + layer.edges)
        for e in own:
            while self.next_row[e] - self.first_row[e] < self.flow.edges[e].needed:
                self._store(e)
        if layer.call.scratch_bytes:
            start = self.layout.scratch_offset_bytes[index]
            span = self._inside(start, layer.call.scratch_bytes, f"scratch of {layer.op.name}")
            if layer.sums and self.done[index] and (self.bytes[span] != _SUMS).any():
                raise PlanError(f"{layer.op.name}: its sums are spoilt before row {self.done[index]}")
            self.bytes[span] = _SUMS if layer.sums else _NOTHING
        if layer.takers:
            self._store(layer.takers[0])
        for e in own:  # the run reads them to its end: nothing it wrote may have overwritten them
            edge = self.flow.edges[e]
            wanted = self.done[index] * edge.dropped - edge.pad_top
            for row in range(wanted, wanted + edge.needed):
                self._expect(e, row, layer.op.name)
        self.done[index] += 1
        self._store_all(layer.takers[1:])
        for e in own:
            if self.flow.sources == (e,):
                first = self.done[index] * self.flow.edges[e].dropped - self.flow.edges[e].pad_top
                self.first_row[e] = self.next_row[e] = first
                while self.next_row[e] < 0:
                    self._store(e)
                continue
            kept = range(self.first_row[e] + self.flow.edges[e].dropped, self.next_row[e])
            for row in kept:
                self._expect(e, row, layer.op.name)
            self.first_row[e] = kept.start
            self.next_row[e] = kept.start
            for _ in kept:
                self._store(e)
        if not layer.takers:
            self._check_input(layer.op.name, 1 if layer.sums else self.done[index])

    def _check_input(self, name: str, rows: int) -> None:
        """Output rows may cover no input row that is still to be fed."""
        unread = max(0, self.next_row[0])
        if unread < self.flow.edges[0].in_rows and self.done[-1] < self.flow.layers[-1].out_rows:
            written = self.out_row_bytes * rows - self.lead_bytes
            if written > unread * self.flow.edges[0].data_bytes:
                raise PlanError(f"{name}: {rows} output rows cover input row {unread}, which is still to be read")

    def _store_all(self, edges: Sequence[int]) -> None:
        for edge in edges:
            self._store(edge)

    def _store(self, edge: int) -> None:
        self.bytes[self._span(edge, self.next_row[edge])] = self._owner(edge, self.next_row[edge])
        self.next_row[edge] += 1

    def _expect(self, edge: int, row: int, reader: str) -> None:
        held = self.first_row[edge] <= row < self.next_row[edge]
        if not held or (self.bytes[self._span(edge, row)] != self._owner(edge, row)).any():
            raise PlanError(f"{reader}: row {row} of line buffer {edge} is not there when it is read")

    def _span(self, edge: int, row: int) -> slice:
        size = self.flow.edges[edge].row_bytes
        start = self.layout.edge_offset_bytes[edge] + (row - self.first_row[edge]) * size
        return self._inside(start, size, f"row {row} of line buffer {edge}")

    def _inside(self, start: int, size: int, what: str) -> slice:
        if start < self.counters_end or start + size > self.layout.scratch_bytes:
            raise PlanError(f"{what} at [{start}, {start + size}) leaves scratch of {self.layout.scratch_bytes} B")
        return slice(start, start + size)

    @staticmethod
    def _owner(edge: int, row: int) -> int:
        return edge * _MOST_ROWS + row + _MOST_ROWS // 2
