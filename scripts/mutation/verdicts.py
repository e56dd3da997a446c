"""Verdicts on faults as files keep them, and what they come to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutation.faults import Fault

_VERDICT = re.compile(r"^\d+/\d+ (\S+):(\d+)  (.*)  \[([^,\]]+), (\d+) of (\d+) tests(.*)\]$", re.M)
DRAWN, AGAIN = "# drawn: ", "# again: "  # what begins a part of such a file
_LOOKED_AT = Path(__file__).with_name("looked_at.txt")
KILLED, SURVIVED, NO_TEST, ENDLESS = "killed", "survived", "no test near it", "killed: endless"
GONE = "gone: the line is another now"


@dataclass(frozen=True)
class Verdict:
    fault: Fault
    ended: str
    tests: int
    near: int
    by: str = ""

    @property
    def survived(self) -> bool:
        return self.ended in (SURVIVED, NO_TEST)

    def text(self) -> str:
        seen = f"{self.ended}, {self.tests} of {self.near} tests{self.by}"
        return f"{self.fault.path}:{self.fault.line}  {self.fault.what}  [{seen}]"


def verdicts_in(held: str) -> list[tuple[Verdict, Verdict]]:
    """The first and the last verdict on each fault of a file of verdicts."""
    found: dict[tuple[str, int, str], tuple[Verdict, Verdict]] = {}
    for path, line, what, ended, count, near, by in _VERDICT.findall(held):
        verdict = Verdict(Fault(path, int(line), what, ""), ended, int(count), int(near), by)
        found[named(verdict.fault)] = (found.get(named(verdict.fault), (verdict,))[0], verdict)
    return list(found.values())


def figures(pieces: Sequence[Path], commit: str) -> list[str]:
    """What the files of one draw come to."""
    texts = [piece.read_text() for piece in pieces]
    verdicts = verdicts_in("\n".join(texts))
    first = [before for before, _ in verdicts if before.survived]
    last = [now for _, now in verdicts if now.survived]
    begins: dict[str, None] = {}
    for text in texts:
        parts = [line[2:] for line in text.splitlines() if line.startswith((DRAWN, AGAIN))]
        begins |= dict.fromkeys([*parts[:1], *parts[1:][-1:]])  # where it was drawn, where it was judged last
    looked_at = dict(_looked_at())
    lines = [f"# scripts/mutate.py --join, at commit {commit}", *(f"# {line}" for line in begins)]
    lines.append(
        f"{len(verdicts)} faults: {_share(first, verdicts)} survive the tests there were when they were drawn, "
        f"{_share(last, verdicts)} those there are now"
    )
    for room in sorted({_room(before) for before, _ in verdicts}):
        drawn, before, now = (
            sum(_room(one) == room for one in some) for some in ([a for a, _ in verdicts], first, last)
        )
        lines.append(f"  {room:<8} {drawn:>4} faults, {before:>3} survived at first, {now:>3} now")
    for verdict in last:
        found = looked_at.get((verdict.fault.path, verdict.fault.what.strip()), "not looked at")
        lines.append(f"survivor: {verdict.text()} {found}")
    killed = [now for before, now in verdicts if before.survived and not now.survived]
    return [*lines, *(f"since then: {verdict.text()}" for verdict in killed)]


def _looked_at() -> Iterator[tuple[tuple[str, str], str]]:
    """Path and change -> what somebody found who looked; a tab between."""
    for line in _LOOKED_AT.read_text().splitlines():
        path, what, found = line.split("\t")
        yield (path, what.strip()), found.strip()


def _share(some: Sequence[Verdict], verdicts: Sequence[object]) -> str:
    return f"{len(some)} ({100 * len(some) / max(1, len(verdicts)):.1f} %)"


def _room(verdict: Verdict) -> str:
    return Path(verdict.fault.path).parts[1]


def named(fault: Fault) -> tuple[str, int, str]:
    return fault.path, fault.line, fault.what
