"""What `edgeprune init` writes, by kind: file name -> content, working as it is written."""

from __future__ import annotations

from pathlib import Path

from edgeprune.files.shipped import shipped
from edgeprune.project.file import project_template

PROJECT, CRITERION, TARGET = "project", "criterion", "target"
KINDS = (PROJECT, CRITERION, TARGET)
_TEMPLATES = Path(__file__).parent / "templates"
_LIKE = "nucleo-f446re"


def template(kind: str) -> dict[str, bytes]:
    """A project; a package of a criterion of one's own, with its test; or a target's file, with its test."""
    if kind == CRITERION:
        folder = _TEMPLATES / kind
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    if kind == TARGET:
        (like,) = shipped("targets").rglob(f"{_LIKE}.toml")
        text = like.read_text(encoding="utf-8")
        own = text.replace(f'name = "{_LIKE}"', 'name = "my-board"', 1)
        head = "# Begun as a copy of a NUCLEO-F446RE's: put your board's facts in, each with its source.\n"
        test = (_TEMPLATES / "target_test.py.txt").read_bytes()
        return {"my-board.toml": (head + own).encode(), "test_my_board.py": test}
    return project_template()
