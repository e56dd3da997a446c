"""Writes the matrix of operators into docs/operators.md, between its two marks.

python scripts/operators.py
"""

from __future__ import annotations

from pathlib import Path

from edgeprune.engine.kernels.matrix import matrix

PAGE = Path(__file__).resolve().parents[1] / "docs" / "operators.md"
BEGIN, END = "<!-- matrix: python scripts/operators.py -->\n", "<!-- end of matrix -->\n"


def with_matrix(page: str) -> str:
    """The page with the matrix as the kernels are."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + "\n".join(matrix()) + "\n\n" + END + after


if __name__ == "__main__":
    PAGE.write_text(with_matrix(PAGE.read_text()))
