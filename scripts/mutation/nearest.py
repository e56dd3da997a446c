"""Which test files are nearest to a module (those that import it, those called like it), and how long they take."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Sequence
from pathlib import Path

_IMPORTED = 4  # times what one of its folders in the name of a test counts


class Nearest:
    """Test files by module, each measured once as the code is.

    Args:
        tree: the repository's copy.
        tests: folders and files that are looked at.
        measure: (test file) -> seconds of processor time it takes, None where it fails or takes too long.
        kept: where these are kept from call to call.
    """

    def __init__(self, tree: Path, tests: Sequence[str], measure: Callable[[str], float | None], kept: Path):
        self._imports = {
            str(file.relative_to(tree)): _imports(file) for place in tests for file in _files(tree / place)
        }
        self._measure = measure
        self._kept = kept
        self._seconds: dict[str, float | None] = json.loads(kept.read_text()) if kept.is_file() else {}

    def files(self, path: str, limit_s: float) -> list[str]:
        """Those nearest to the module at `path`, up to `limit_s` together, the nearest first and always one."""
        module = ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")
        near = {
            file: _IMPORTED * (module in imports) + _likeness(path, file) for file, imports in self._imports.items()
        }
        chosen: list[str] = []
        spent_s = 0.0
        for file in sorted(near, key=lambda file: (-near[file], len(self._imports[file]), file)):
            if near[file] < 2 or spent_s >= limit_s:
                break
            seconds = self.seconds(file)
            if seconds is not None and (not chosen or spent_s + seconds <= limit_s):
                chosen.append(file)
                spent_s += seconds
        return chosen

    def seconds(self, file: str) -> float | None:
        if file not in self._seconds:
            self._seconds[file] = self._measure(file)
            self._kept.write_text(json.dumps(self._seconds, indent=1))
        return self._seconds[file]


def _files(place: Path) -> list[Path]:
    return sorted(place.rglob("test_*.py")) if place.is_dir() else [place]


def _imports(file: Path) -> set[str]:
    """Modules the file names in its imports; of `from package import module` both."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def _likeness(path: str, test_file: str) -> int:
    """How many of the module's folders and names the test's path has."""
    return sum(part in test_file for part in Path(path).with_suffix("").parts[1:])
