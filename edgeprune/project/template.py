"""What `edgeprune init` writes, by kind: file name -> content, working as it is written."""

from __future__ import annotations

from pathlib import Path

from edgeprune.files.shipped import shipped
from edgeprune.project.file import project_template

PROJECT, CRITERION, TARGET, BOARD, LINK = "project", "criterion", "target", "board", "link"
KINDS = (PROJECT, CRITERION, TARGET, BOARD, LINK)
_TEMPLATES = Path(__file__).parent / "templates"
_LIKE = "nucleo-f446re"


def template(kind: str) -> dict[str, bytes]:
    """A project; a target's file; or a package of a criterion, a board or a link. All but the first have their test."""
    if kind in (CRITERION, BOARD, LINK):
        folder = _TEMPLATES / kind
        files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    if kind == TARGET:
        (like,) = shipped("targets").rglob(f"{_LIKE}.toml")
        text = like.read_text(encoding="utf-8")
        own = text.replace(f'name = "{_LIKE}"', 'name = "my-board"', 1)
        head = "# Begun as a copy of a NUCLEO-F446RE's: put your board's facts in, each with its source.\n"
        test = (_TEMPLATES / "target_test.py.txt").read_bytes()
        return {"my-board.toml": (head + own).encode(), "test_my_board.py": test}
    return project_template()
