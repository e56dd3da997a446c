"""Tables on narrow terminals: what is left out is said, what is shown is whole."""

import pytest
from rich.console import Console

from edgeprune.cli.output.tables import table

COLUMNS = ["layer", "operator", "output", "MACs", "instructions (predicted)", "instructions (emulator)"]
ROWS = [
    ["block1.conv1", "DEPTHWISE_CONV_2D", "1x16x16x24", "1,884,736", "11,290,006", "11,293,249"],
    ["fc", "FULLY_CONNECTED", "1x10", "640", "1,010", "966"],
]


def lines(columns: int, spare: list[str]) -> list[str]:
    console = Console(width=columns, color_system=None)
    with console.capture() as captured:
        console.print(table(COLUMNS, ROWS, COLUMNS[3:], title="a network", spare=spare))
    return captured.get().splitlines()


def test_a_wide_terminal_shows_every_column() -> None:
    shown = "\n".join(lines(200, ["output", "MACs"]))
    assert all(cell in shown for row in ROWS for cell in row)
    assert "left out" not in shown


@pytest.mark.parametrize("columns", range(61, 90, 3))
def test_narrow_ones_leave_out_columns_and_break_no_cell(columns: int) -> None:
    spare = ["output", "MACs"]
    shown = lines(columns, spare)
    assert max(map(len, shown)) <= columns
    left_out = [name for name in spare if name not in "\n".join(shown[:4])]
    said = [line for line in shown if line.startswith("left out")]
    assert said == ([f"left out for want of columns: {', '.join(left_out)}"] if left_out else [])
    for row in ROWS:
        kept = [cell for name, cell in zip(COLUMNS, row, strict=True) if name not in left_out]
        assert any(line.split() == kept for line in shown)


def test_cells_are_broken_where_no_column_is_left_to_spare() -> None:
    shown = lines(30, ["output"])
    assert max(map(len, shown)) <= 30
    assert "left out for want of columns: " in "\n".join(shown)
