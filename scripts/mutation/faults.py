"""One-line faults of a Python file: operators, bounds, constants, conditions, dropped statements."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPARED = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}  # fmt: skip
_COMPUTED = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "+"), ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"), ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"), ast.Pow: ("**", "*"), ast.BitXor: ("^", "|"),
}  # fmt: skip
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "amin": "amax", "amax": "amin"}
_EPSILON = 1e-6  # what keeps a quotient or a logarithm finite; twice that does the same
_SAID = re.compile(r"(^|\.)(progress\.|logging\.|print$)")  # what only tells the user how far it got


@dataclass(frozen=True)
class Fault:
    """path: relative to the tree; line: from 1; what: before -> after; text: the whole file with the fault in it."""

    path: str
    line: int
    what: str
    text: str


def faults_of(root: Path, path: Path) -> list[Fault]:
    """Every fault this module knows to put into the file; of what is no Python then, too (`compiles`)."""
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    raw = text.encode()
    found = {}
    for start, end, after in _changes(ast.parse(text), raw, starts):
        before = raw[start:end].decode()
        changed = (raw[:start] + after.encode() + raw[end:]).decode()
        line = raw[:start].count(b"\n") + 1
        what = f"{_short(before)} -> {_short(after.strip())}"
        alike = sum((one.line, one.what.partition(" #")[0]) == (line, what) for one in found.values())
        what += f" #{alike + 1}" if alike else ""  # of several on one line
        found[start, end, after] = Fault(str(path.relative_to(root)), line, what, changed)
    return list(found.values())


def compiles(fault: Fault) -> bool:
    try:
        compile(fault.text, fault.path, "exec")
    except SyntaxError:
        return False
    return True


def _short(text: str) -> str:
    return " ".join(text.split())[:70]


def _changes(tree: ast.AST, raw: bytes, starts: list[int]) -> Iterator[tuple[int, int, str]]:
    """(start byte, end byte, replacement)."""

    def at(line: int, column: int) -> int:
        return starts[line - 1] + column

    def span(node: ast.AST) -> tuple[int, int]:
        return at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def between(left: ast.AST, right: ast.AST, token: str, after: str) -> Iterator[tuple[int, int, str]]:
        start, end = span(left)[1], span(right)[0]
        match = re.search(rf"(?<![\w*/<>]){re.escape(token)}(?![\w*/<>=])", raw[start:end].decode())
        if match:
            yield start + match.start(), start + match.end(), after

    for node in _walk(tree):
        match node:
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                for a, op, b in zip([left, *comparators], ops, comparators, strict=False):
                    yield from between(a, b, *_COMPARED[type(op)])
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTED:
                yield from between(left, right, *_COMPUTED[type(op)])
            case ast.BoolOp(op=op, values=values):
                token = "and" if isinstance(op, ast.And) else "or"
                yield from between(values[0], values[1], token, "or" if token == "and" else "and")
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
                yield span(node)[0], span(operand)[0], ""
            case ast.Constant(value=bool() as value):
                yield *span(node), str(not value)
            case ast.Constant(value=int() as value):
                yield *span(node), str(value + 1)
            case ast.Constant(value=float() as value) if not 0 < abs(value) < _EPSILON:
                yield *span(node), repr(value * 2 if value else 1.0)
            case ast.Call(func=ast.Name(id=name) as func) if name in _CALLED:
                yield *span(func), _CALLED[name]
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                start, end = span(test)
                yield start, end, f"not ({raw[start:end].decode()})"
            case ast.AugAssign() | ast.Continue() | ast.Break() | ast.Raise():
                yield from _dropped(node, raw, span)
            case ast.Expr(value=ast.Call(func=func)) if not _SAID.search(ast.unparse(func)):
                yield from _dropped(node, raw, span)
            case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
                yield from _dropped(node, raw, span)


def _dropped(node: ast.AST, raw: bytes, span) -> Iterator[tuple[int, int, str]]:
    start, end = span(node)
    yield start, end, "pass" + "\n" * raw[start:end].count(b"\n")


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those nobody's bytes depend on: annotations, texts, assertions, imports for type checkers."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.JoinedStr | ast.Assert) or not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.keyword) and child.arg == "strict":  # of zip: an assertion, too
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            yield from _walk(child)
