"""Which tests reach which line: recorded once on the code as it is, and chosen from for each fault.

`python scripts/mutate.py --record FILE tests/unit/engine` runs tests and writes what they reach; pieces of a long run
are several files.
"""

from __future__ import annotations

import ast
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

_SAME_STATEMENT = 12  # lines above the one that holds a fault, where nobody reached its own
_OF_A_HEAD = 30  # lines below: a docstring may be between
_MUCH = 2000  # fewest lines of a test that sees much


class Recorder:
    """A plugin of pytest: lines of `edgeprune/` by test, and how long each test takes."""

    def __init__(self, tree: Path):
        import coverage

        self._tree = tree
        self._coverage = coverage.Coverage(data_file=None, include=[f"{tree}/edgeprune/*"])
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()

    def pytest_sessionstart(self) -> None:
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        started = time.monotonic()
        try:
            return (yield)  # type: ignore[misc]
        finally:
            self._seconds[item.nodeid] = time.monotonic() - started
            self._coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:  # what fails or is left out as the code is would judge nothing
            self._failed.add(report.nodeid)

    def save(self, path: Path) -> None:
        """What was recorded so far."""
        self._coverage.stop()
        data = self._coverage.get_data()
        names = [test for test in self._seconds if test not in self._failed]
        number = {test: index for index, test in enumerate(names)}
        reached: dict[str, dict[int, list[int]]] = {}
        for file in data.measured_files():
            lines = {
                line: sorted(number[test] for test in tests if test in number)
                for line, tests in data.contexts_by_lineno(file).items()
            }
            reached[str(Path(file).relative_to(self._tree))] = {line: tests for line, tests in lines.items() if tests}
        path.write_text(json.dumps({"seconds": {test: self._seconds[test] for test in names}, "reached": reached}))


class Reached:
    """Tests by line, from the files of a `Recorder`."""

    def __init__(self, files: Sequence[Path], tree: Path):
        self._tree = tree
        self._seconds: dict[str, float] = {}
        self._lines: dict[str, dict[int, set[str]]] = {}
        self._seen: dict[str, int] = {}
        for file in files:
            self._add(json.loads(file.read_text()))

    def _add(self, recorded: dict[str, Any]) -> None:
        self._seconds |= recorded["seconds"]
        names = list(recorded["seconds"])
        for path, lines in recorded["reached"].items():
            own = self._lines.setdefault(path, {})
            for line, tests in lines.items():
                own.setdefault(int(line), set()).update(names[test] for test in tests)
                for test in tests:
                    self._seen[names[test]] = self._seen.get(names[test], 0) + 1

    def tests(self, path: str, line: int) -> list[str]:
        """Those that reach the line, or the statements around it, as of a function's head. What runs at import is no
        test's: of that, those around it and all of the test files that name the module. The ones that see least of the
        code come first, quick ones before slow ones among those that see much."""
        lines = self._lines.get(path, {})
        above = next((at for at in range(line, line - _SAME_STATEMENT, -1) if at in lines), None)
        below = next((at for at in range(line, line + _OF_A_HEAD) if at in lines), None)
        around = [lines[at] for at in (above, below) if at is not None]
        found = set[str]().union(*(around or lines.values()))
        if self._runs_at_import(path, line):  # and so in the one test that came first, or in none
            found |= self._of_files_that_name(path.removesuffix(".py").replace("/", "."))
        return sorted(found, key=lambda test: (self._seen.get(test, 0) // _MUCH, self._seconds[test], test))

    def _runs_at_import(self, path: str, line: int) -> bool:
        functions = (
            node
            for node in ast.walk(ast.parse((self._tree / path).read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        return not any(node.body[0].lineno <= line <= (node.end_lineno or 0) for node in functions)

    def _of_files_that_name(self, module: str) -> set[str]:
        files = {test.split("::", 1)[0] for test in self._seconds}
        naming = {file for file in files if (self._tree / file).is_file() and module in (self._tree / file).read_text()}
        return {test for test in self._seconds if test.split("::", 1)[0] in naming}

    def folders(self) -> str:
        """How many tests of which folders were recorded."""
        counts = Counter("/".join(test.split("::", 1)[0].split("/")[:3]).rsplit(".py", 1)[0] for test in self._seconds)
        whole = Counter(name if "/unit/" in name else "/".join(name.split("/")[:2]) for name in counts.elements())
        return ", ".join(f"{count} of {name}" for name, count in sorted(whole.items()))

    def seconds(self, test: str) -> float:
        return self._seconds[test]
