"""Every path that a header, comment, docstring or document names is there.

A path that starts with a folder of the repository is read from its root. Any other path is looked for beside the file
that names it, then in each folder above, `edgeprune/` and the folders of the firmware. A name alone stands for a file
of the same folder, or of one above; C's sources may be named from anywhere, as `#include` does. Documents at the root
speak of `edgeprune/`.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "docs", "edgeprune", "firmware", "scripts", "targets", "tests")
ELSEWHERE = ("edgeprune", "firmware", "firmware/include", "firmware/kernels")
# Written by a user, by the generator or by others: no file of this repository.
FOREIGN = {
    "model.py", "data.py", "file.py",
    "model.c", "model.h", "weights.h", "ep_kernels.h", "kernel_*.c", "key.c", "memory.ld",
    "monocypher.c", "monocypher.h", "setup.py", "main.py", "constants.h",
}  # fmt: skip
ROOTED = re.compile(rf"(?<![\w./>-])(?:{'|'.join(FOLDERS)})/[\w*./<>-]*[\w*>]")
RELATIVE = re.compile(r"(?<![\w./<>*-])(?:[\w*<>-]+/)+[\w*<>-]+\.(?:py|md|c|h|S|ld|toml|txt|json|sh)\b")
ALONE = re.compile(r"(?<![\w./<>*-])[\w*-]+\.(?:py|c|h|S|ld)\b")
C_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def texts() -> Iterator[Path]:
    """Files whose prose is read."""
    yield from ROOT.glob("*.md")
    yield ROOT / "pyproject.toml"
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".md", ".c", ".h", ".S", ".ld", ".toml", ".sh"):
                yield path


def prose(path: Path) -> str:
    text = path.read_text()
    if path.suffix == ".md":
        return text
    if path.suffix in (".c", ".h", ".S", ".ld"):
        return "\n".join(C_COMMENT.findall(text))
    if path.suffix != ".py":
        return "\n".join(re.findall(r"#[^\n]*", text))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, DOCUMENTED))
    return "\n".join([*comments, *(ast.get_docstring(node) or "" for node in nodes)])


def lost(text: str, beside: Path) -> set[str]:
    """The cited paths that lead nowhere; `beside`: the folder of the file that cites them."""
    above = [beside, *(folder for folder in beside.parents if folder.is_relative_to(ROOT))]
    rooted = {path for path in ROOTED.findall(text) if not leads(ROOT, path)}
    relative = {
        path
        for path in set(RELATIVE.findall(text)) - set(ROOTED.findall(text))
        if not any(leads(folder, path) for folder in (*above, *(ROOT / folder for folder in ELSEWHERE)))
    }
    alone = {
        name
        for name in set(ALONE.findall(text)) - FOREIGN
        if not any(leads(folder, name) for folder in above)
        and (name.endswith(".py") or not any((ROOT / "firmware").rglob(name)))
    }
    return rooted | relative | alone


def leads(folder: Path, path: str) -> bool:
    """To something; `<x>` and `*` stand for any name."""
    pattern = re.sub(r"<[^>/]*>", "*", path)
    return any(folder.glob(pattern)) if "*" in pattern else (folder / pattern).exists()


def test_cited_paths_exist() -> None:
    missing = set()
    for path in texts():
        beside = ROOT / "edgeprune" if path.parent == ROOT else path.parent
        missing |= {f"{path.relative_to(ROOT)}: {cited}" for cited in lost(prose(path), beside)}
    assert missing == set()


@pytest.mark.parametrize(
    "text",
    [
        "proved in tests/unit/test_nothing.py", "see `docs/nowhere.md`", "edgeprune/kernels/dsp", "`engine/check.py`",
        "`wiring.py` holds it", "tests/unit/test_<nothing>_at_all.py", "nowhere.h", "(firmware/include/nowhere.h)",
    ],
)  # fmt: skip
def test_paths_that_lead_nowhere_are_found(text: str) -> None:
    assert len(lost(text, ROOT / "edgeprune" / "engine")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "tests/unit/test_cited_paths.py", "`docs/boot.md`.", "edgeprune/engine/plan/place.py", "`plan/validator.py`",
        "`engine/plan/validator.py`", "`compile.py`", "`budget.py`", "docs/*.md", "tests/unit/test_<subject>.py",
        "winograd_row.c", "`dsp/tile.h`", "`model.py:build`", "../shared/facts/kernels.md",
        "https://example.org/docs/x.md", "a/b",
    ],
)  # fmt: skip
def test_paths_that_are_there_are_none_of_them(text: str) -> None:
    assert lost(text, ROOT / "edgeprune" / "engine") == set()
