"""Writes docs/python.md from the docstrings of what `import edgeprune` offers.

python scripts/python_page.py
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "python.md"
HEAD = """# Python

The page is made by `python scripts/python_page.py` from the docstrings. Errors are those of [errors](errors.md); sizes
are in bytes and times in microseconds unless text gives a unit.
"""


def section(name: str, thing: Any) -> str:
    signature = str(inspect.signature(thing)).replace("'", "")
    kind = "class " if inspect.isclass(thing) else ""
    text = f"## {name}\n\n```text\n{kind}edgeprune.{name}{_folded(signature)}\n\n{_documented(thing)}\n```\n"
    if not inspect.isclass(thing):
        return text
    members = [
        (member, value)
        for member, value in vars(thing).items()
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    ]
    rows = [f"| `{member}` | {' '.join((inspect.getdoc(value) or '').split())} |" for member, value in members]
    return "\n".join([text, "| member | what |", "|---|---|", *rows, ""])


def _documented(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").replace("see `errors.py`", "see the page of errors")


def _folded(signature: str) -> str:
    """An argument a line."""
    inside, _, returned = signature[1:].rpartition(")")
    return f"(\n    {inside.replace(', ', chr(10) + '    ')}\n){returned}" if len(signature) > 80 else signature


def page() -> str:
    sys.path.insert(0, str(ROOT))
    import edgeprune

    names = ("fit", "Run", "load", "thin")
    return "\n".join([HEAD, *(section(name, getattr(edgeprune, name)) for name in names)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
