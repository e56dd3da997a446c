"""Puts one-line faults into the code, one at a time, and runs the tests that reach it: which would nobody notice?

    python scripts/mutate.py --record FILE TESTS ...           which tests reach which line, in pieces where it is long
    python scripts/mutate.py --reached FILE ... --pieces FILE [--count 200] [--seed 1] [--rooms prune fitting]
                                                               draws faults and judges them; goes on where FILE ends
    python scripts/mutate.py --reached FILE ... --pieces FILE --again    those that survive in FILE once more
    python scripts/mutate.py --join FILE ... [--reached FILE ...] --write
                                                               the figures of these pieces, in benchmarks/results/

Works in a copy of the tree, never in the checkout. The tests that reach a fault's line, those that see least of the
code first and up to --tests-s seconds of them, run in a process forked from one that has the large libraries loaded,
until one fails. Faults: operators, comparisons, bounds, constants, conditions turned round, statements dropped; not:
texts, annotations, assertions, notes of progress. A fault that no test reaches survives. With --join each fault has two
verdicts: of the tests there were when it was drawn, and of those that came since. What was found of survivors that
were looked at is in scripts/mutation/looked_at.txt.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np
from mutation.faults import Fault, compiles, faults_of
from mutation.reached import Reached, Recorder
from mutation.verdicts import (
    AGAIN,
    DRAWN,
    ENDLESS,
    GONE,
    KILLED,
    NO_TEST,
    SURVIVED,
    Verdict,
    figures,
    named,
    verdicts_in,
)

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("prune", "fitting", "engine", "device")
_WAITS = 4  # times the processor time a test may take, on a busy machine
TESTS_S = [6.0, 30.0]  # of tests: a few, and where none of them fails, more


def copy_of_the_tree(folder: Path) -> Path:
    """What git knows or would add."""
    names = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    ).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, names)):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def sample(tree: Path, rooms: Sequence[str], count: int, seed: int) -> list[Fault]:
    """`count` faults, as many from each room and in turn, files drawn by their length."""
    rng = np.random.default_rng(seed)
    chosen: list[list[Fault]] = []
    for place, room in enumerate(rooms):
        faults = [
            fault for path in sorted((tree / "edgeprune" / room).rglob("*.py")) for fault in faults_of(tree, path)
        ]
        share = count // len(rooms) + (place < count % len(rooms))
        drawn = (faults[index] for index in rng.permutation(len(faults)))
        chosen.append(list(islice(filter(compiles, drawn), share)))
    return [fault for turn in zip_longest(*chosen) for fault in turn if fault is not None]


def again(tree: Path, survivors: Sequence[Verdict], drawn_at: str) -> list[tuple[Fault, Fault | None]]:
    """Faults as they were drawn at a commit, and the same change of the same line now; None where that is gone."""
    found: list[tuple[Fault, Fault | None]] = []
    for before in (verdict.fault for verdict in survivors):
        then = subprocess.run(["git", "show", f"{drawn_at}:{before.path}"], cwd=ROOT, capture_output=True, check=True)
        line = then.stdout.decode().splitlines()[before.line - 1]
        now = (tree / before.path).read_text().splitlines() if (tree / before.path).is_file() else []
        alike = [one for one in _faults_at(tree, before.path) if one.what == before.what and now[one.line - 1] == line]
        alike.sort(key=lambda fault, at=before.line: abs(fault.line - at))  # type: ignore[misc]
        found.append((before, next(filter(compiles, alike), None)))
    return found


def _faults_at(tree: Path, path: str) -> list[Fault]:
    return faults_of(tree, tree / path) if (tree / path).is_file() else []


def forked(tree: Path, arguments: Sequence[str], limit_s: float, log: Path) -> int:
    """pytest's exit status in a child that ends after `limit_s` of its own time, or where it waits for something, of a
    few times that; negative: the signal that ended it."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.chdir(tree)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s), int(limit_s) + 1))
        import pytest

        os._exit(int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--no-header", "--tb=line", *arguments])))
    end = time.monotonic() + _WAITS * limit_s
    try:
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() > end:
                os.killpg(child, signal.SIGKILL)
            time.sleep(0.02)
    except KeyboardInterrupt:
        os.killpg(child, signal.SIGKILL)
        raise
    return os.waitstatus_to_exitcode(ended[1])


def judged(fault: Fault, tree: Path, reached: Reached, log: Path, tests_s: Sequence[float]) -> Verdict:
    """The verdict of the tests that reach the fault, a few at first."""
    path = tree / fault.path
    whole = path.read_text()
    near, passed = reached.tests(fault.path, fault.line), 0
    for limit_s in tests_s:
        tests = near[passed : _until(near, reached, limit_s)]
        if not tests:
            continue
        path.write_text(fault.text)
        try:
            ended = forked(tree, tests, 20 + 3 * sum(map(reached.seconds, tests)), log)
        finally:
            path.write_text(whole)
        passed += len(tests)
        if ended < 0:
            return Verdict(fault, ENDLESS, passed, len(near))
        if ended > 0:
            failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", log.read_text("utf-8", "replace"), re.M)
            by = f", by {failed[0].split('::', 1)[-1]}" if failed else ""
            return Verdict(fault, KILLED, passed, len(near), by)
    return Verdict(fault, SURVIVED if passed else NO_TEST, passed, len(near))


def _until(tests: Sequence[str], reached: Reached, limit_s: float) -> int:
    """How many of the first take so long together; always one."""
    spent_s = 0.0
    for number, test in enumerate(tests):
        spent_s += reached.seconds(test)
        if spent_s > limit_s:
            return max(1, number)
    return len(tests)


def record(tree: Path, tests: Sequence[str], made: Path) -> int:
    """Runs the tests and writes what they reach."""
    import pytest

    recorder = Recorder(tree)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was recorded by then is kept
    os.chdir(tree)
    ended = pytest.main(["-q", "-p", "no:cacheprovider", "-m", "not slow", "--tb=line", *tests], [recorder])
    recorder.save(made)
    return int(ended)


def warm_up() -> None:
    """Loads what takes seconds and is none of ours."""
    import ai_edge_litert.interpreter
    import hypothesis
    import pytest
    import scipy.optimize
    import sklearn.linear_model
    import torch
    import torch.fx

    assert ai_edge_litert.interpreter and hypothesis and pytest and scipy.optimize and sklearn.linear_model and torch.fx
    torch.set_num_threads(1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rooms", nargs="+", default=list(ROOMS))
    parser.add_argument("--record", nargs="+", metavar=("FILE", "TESTS"), help="writes to FILE which lines TESTS reach")
    parser.add_argument("--reached", type=Path, nargs="+", default=[], help="what --record wrote")
    parser.add_argument("--tests-s", type=float, nargs="+", default=TESTS_S, help="seconds of tests, a few and more")
    parser.add_argument("--until-s", type=float, default=float("inf"), help="judge no further fault after so long")
    parser.add_argument("--part", default="1/1", help="K/N: every N-th fault from the K-th on, for N calls at once")
    parser.add_argument("--pieces", type=Path, help="verdicts so far, added to; what is judged there is not again")
    parser.add_argument("--again", action="store_true", help="judge the survivors of --pieces alone, of any commit")
    parser.add_argument("--join", type=Path, nargs="+", help="files of --pieces; judges none")
    parser.add_argument("--write", action="store_const", const=ROOT / "benchmarks" / "results" / "mutation.txt")
    given = parser.parse_args()
    if given.record:
        with tempfile.TemporaryDirectory(prefix="edgeprune-mutate-") as folder:
            made = Path(given.record[0]).resolve()
            return record(_ready(Path(folder)), given.record[1:], made)
    if given.join:
        lines = figures(given.join, _commit())
        if given.reached:
            lines.insert(1, f"# tests looked at: {Reached(given.reached, ROOT).folders()}")
        print("\n".join(lines))
        if given.write:
            given.write.write_text("\n".join(lines) + "\n")
        return 0
    if not given.reached or not given.pieces:
        parser.error("--reached FILE and --pieces FILE: what --record wrote, and where verdicts go")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the child that runs tests ends, too
    with tempfile.TemporaryDirectory(prefix="edgeprune-mutate-") as folder:
        return _judge(given, _ready(Path(folder)), Path(folder) / "pytest.log")


def _judge(given: argparse.Namespace, tree: Path, log: Path) -> int:
    """Goes on with a file of verdicts; 0 once nothing is left to judge."""
    held = given.pieces.read_text() if given.pieces.is_file() else ""
    begins = f"{DRAWN}--count {given.count} --seed {given.seed} --rooms {' '.join(given.rooms)} --part {given.part}"
    begins = f"{AGAIN if given.again else begins + ', '}commit {_commit()}"
    if not given.again and held and not held.startswith(begins):
        raise SystemExit(f"{given.pieces} holds others: {held.splitlines()[0]}\nhere it would be {begins}")
    verdicts = [last for _, last in verdicts_in(held)]
    faults: list[tuple[Fault, Fault | None]]
    if given.again:
        since = held.partition(begins)[2]
        here = {named(verdict.fault) for _, verdict in verdicts_in(since)}
        left = [verdict for verdict in verdicts if verdict.survived and named(verdict.fault) not in here]
        faults = again(tree, left, re.findall(rf"^{DRAWN}.* commit (\S+)$", held, re.M)[0])
    else:
        part, parts = map(int, given.part.split("/"))
        known = {named(verdict.fault) for verdict in verdicts}
        drawn = sample(tree, given.rooms, given.count, given.seed)[part - 1 :: parts]
        faults = [(fault, fault) for fault in drawn if named(fault) not in known]
    reached, started = Reached(given.reached, tree), time.monotonic()
    with given.pieces.open("a") as kept:
        if begins not in held:
            kept.write(begins + "\n")
        for number, (drawn_as, fault) in enumerate(faults, 1):
            if time.monotonic() - started > given.until_s:
                return 1
            gone = Verdict(drawn_as, GONE, 0, 0)
            verdict = gone if fault is None else judged(fault, tree, reached, log, given.tests_s)
            verdict = replace(verdict, fault=drawn_as)
            line = f"{number}/{len(faults)} {verdict.text()}"
            print(line, file=kept, flush=True)
            print(line, flush=True)
    return 0


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=ROOT, capture_output=True, text=True
    )
    return described.stdout.strip()


def _ready(folder: Path) -> Path:
    """A copy of the tree that this process and its children import."""
    tree = copy_of_the_tree(folder)
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(tree))
    warm_up()
    return tree


if __name__ == "__main__":
    sys.exit(main())
