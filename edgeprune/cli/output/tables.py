"""Tables of text that stay readable on a narrow terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeprune.cli.output.plain_text import plain

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.table import Table

_BETWEEN = 2  # blanks a column, of rich's box
_LONG = 500  # rows: rich takes milliseconds for each, so longer tables are written by lines, without a frame
_NAME = 20  # characters of a first column, names of layers: longer ones go on in the next line


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Sequence[str] = (),
    title: str = "",
    spare: Sequence[str] = (),
) -> ColumnsThatFit:
    """Args:
    numeric: columns set to the right.
    spare: columns that a narrow terminal goes without, the first of them first; a line below says which.
    """
    plain_rows = tuple(tuple(map(plain, row)) for row in rows)
    return ColumnsThatFit(tuple(map(plain, columns)), plain_rows, frozenset(numeric), plain(title), tuple(spare))


@dataclass(frozen=True)
class ColumnsThatFit:
    """Headings are broken between words before a cell is broken, cells (but for long names) only where no column is
    left to spare.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[str]
    title: str
    spare: tuple[str, ...]

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[RenderableType | Segment]:
        if len(self.rows) > _LONG:
            yield self._lines()
            return
        left_out: tuple[str, ...] = ()
        widths = self._widths(left_out, options.max_width)
        for count in range(1, len(self.spare) + 1):
            if widths is not None:
                break
            left_out = self.spare[:count]
            widths = self._widths(left_out, options.max_width)
        yield self._drawn(left_out, widths)
        if left_out:
            yield f"left out for want of columns: {', '.join(left_out)}"

    def _lines(self) -> Segment:
        """Columns as wide as their widest cell, on any terminal."""
        from rich.cells import cell_len
        from rich.segment import Segment

        rows = [self.columns, *self.rows]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        ends = [">" if column in self.numeric else "<" for column in self.columns]

        def line(row: tuple[str, ...]) -> str:
            blanks = (" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
            pairs = zip(row, blanks, ends, strict=True)
            return "  ".join(blank + cell if end == ">" else cell + blank for cell, blank, end in pairs).rstrip()

        title = f"{self.title}\n" if self.title else ""
        return Segment(title + "".join(f"{line(row)}\n" for row in rows))

    def _kept(self, left_out: Sequence[str]) -> list[int]:
        return [index for index, column in enumerate(self.columns) if column not in left_out]

    def _widths(self, left_out: Sequence[str], terminal: int) -> list[int] | None:
        """Of the columns that stay, in characters; None where a cell would be broken."""
        from rich.cells import cell_len

        kept = self._kept(left_out)
        cells = [max((cell_len(row[index]) for row in self.rows), default=0) for index in kept]
        words = [max(map(cell_len, self.columns[index].split()), default=0) for index in kept]
        natural = [max(cell, cell_len(self.columns[index])) for cell, index in zip(cells, kept, strict=True)]
        widths = [max(pair) for pair in zip(cells, words, strict=True)]
        if kept[0] == 0:
            widths[0] = max(words[0], min(widths[0], _NAME))
        room = terminal - _BETWEEN * len(kept) - sum(widths)
        if room < 0:
            return None
        for number, wanted in enumerate(natural):
            more = min(room, wanted - widths[number])
            widths[number], room = widths[number] + more, room - more
        return widths

    def _drawn(self, left_out: Sequence[str], widths: Sequence[int] | None) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        made = Table(
            box=box.SIMPLE_HEAD, title=self.title or None, title_justify="left", pad_edge=False, collapse_padding=True
        )
        kept = self._kept(left_out)
        for number, index in enumerate(kept):
            made.add_column(
                Text(self.columns[index]),
                justify="right" if self.columns[index] in self.numeric else "left",
                overflow="fold",
                width=None if widths is None else widths[number],
            )
        for row in self.rows:
            made.add_row(*(Text(row[index]) for index in kept))
        return made
