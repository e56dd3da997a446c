"""A check that nobody calls protects nobody: every function and method of the package is used somewhere in it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "edgeprune"
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FOR_USERS = {"fit", "widths_of"}  # of Python: a fit, and what a thinned module's channel counts are
FRAMEWORK = {
    # called by name by the libraries they are written for
    "forward", "run_node", "format_help", "list_commands", "get_command", "invoke", "parse_args", "resolve_command",
    "_should_skip_dynamo", "_repr_html_", "convert", "get_metavar", "shell_complete", "main", "format_commands",
    "setup_context", "Get",
}  # fmt: skip


def defined() -> list[tuple[str, str]]:
    """(file, name) of functions that are neither registered by a decorator nor called by the language."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if {"bundled", "templates"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("__") and not _is_registered(node):
                found.append((str(path.relative_to(PACKAGE)), node.name))
    return found


def _is_registered(node: ast.FunctionDef) -> bool:
    plain = {"property", "cached_property", "staticmethod", "classmethod", "cache", "lru_cache", "contextmanager"}
    plain |= {"abstractmethod", "overload"}
    names = []
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        names.append(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
    return any(name not in plain for name in names)


def test_every_function_is_used_by_the_package_itself() -> None:
    words: Counter[str] = Counter()
    for path in PACKAGE.rglob("*.py"):
        words.update(_WORD.findall(path.read_text(encoding="utf-8")))
    known = FOR_USERS | FRAMEWORK
    unused = [f"{file}: {name}" for file, name in defined() if words[name] == 1 and name not in known]
    assert not unused, "nothing in the package calls these:\n" + "\n".join(unused)
