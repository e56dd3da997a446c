"""Which tests run which lines: one run of the tests under coverage, kept for later."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reach:
    """lines: file -> line -> tests that run it; seconds: of each test, as it ran under coverage."""

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]

    def nearest(self, path: str, line: int, limit_s: float) -> list[str]:
        """Tests that run the line: those of the file's own room and name first, then the quickest; whole test files
        where they are quick, since what a fixture ran another test of the file looks at. Up to `limit_s` together."""
        own = self.lines.get(path, {})
        # What runs when a module is imported, its constants say, is any of its tests' to notice.
        covering = own.get(line) or sorted({test for tests in own.values() for test in tests})
        by_file: dict[str, list[str]] = defaultdict(list)
        for test in covering:
            by_file[test.partition("::")[0]].append(test)
        chosen: list[str] = []
        spent = 0.0
        for file in sorted(by_file, key=lambda file: (-_likeness(path, file), self._cost(by_file[file]))):
            whole = [test for test in self.seconds if test.startswith(f"{file}::")]
            tests = whole if self._cost(whole) <= limit_s / 4 else sorted(by_file[file], key=self.seconds.__getitem__)
            for test in tests:
                if not chosen or spent + self.seconds[test] <= limit_s:
                    chosen.append(test)
                    spent += self.seconds[test]
        return chosen

    def _cost(self, tests: Sequence[str]) -> float:
        return sum(self.seconds[test] for test in tests)


def _likeness(path: str, test_file: str) -> int:
    """How many of the module's folders and names the test's path has."""
    return sum(part in test_file for part in Path(path).with_suffix("").parts[1:])


def record(tree: Path, tests: Sequence[str], kept: Path) -> None:
    """Runs `tests` in `tree` under coverage and writes what ran which line to `kept`. In a process of its own."""
    import coverage
    import pytest

    cover = coverage.Coverage(source=[str(tree / "edgeprune")], data_file=None)
    seconds: dict[str, float] = defaultdict(float)

    class Contexts:
        def pytest_runtest_logstart(self, nodeid: str) -> None:
            cover.switch_context(nodeid)

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            seconds[report.nodeid] += report.duration

    cover.start()
    started = time.monotonic()
    pytest.main(["-q", "-p", "no:cacheprovider", *tests], plugins=[Contexts()])
    cover.stop()
    data = cover.get_data()
    lines = {
        str(Path(file).relative_to(tree)): {
            line: sorted(context for context in contexts if context)
            for line, contexts in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    kept.write_text(json.dumps({"lines": lines, "seconds": seconds, "took_s": time.monotonic() - started}))


def load(kept: Path) -> Reach:
    noted = json.loads(kept.read_text())
    lines = {file: {int(line): tests for line, tests in found.items()} for file, found in noted["lines"].items()}
    return Reach(lines, noted["seconds"])
