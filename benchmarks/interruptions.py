"""Fits that are interrupted: what they leave is no result, or one that is true.

    python benchmarks/interruptions.py [--count 220] [--seed 1] [--jobs 1] [--write]

Kinds in turn, at random moments: killed (-9) once to three times and resumed; the disk full, then resumed with space;
the run's folder not writable, then resumed; the clock set back or forward between and during attempts; two at once on
one run, and two builds into one folder. Every fit is a process of its own, forked off one that has imported what fits
import and compiled the kernels. Whatever ends with 0 is judged by `outside.py`, which imports nothing of EdgePrune, and
its record is the one of a fit that nobody interrupted; whatever does not must say so in words with a hint. Exits with 1
where anything is untrue. Needs Linux; the full disk needs root (else file sizes are limited), the clock Debian's
package `faketime`.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import forked
import kept
from forked import Started
from hindrances import LIBRARY, disk, leap, obey_modes, temporary_files_in, with_clock
from trials import FIT, Trials


def killed(trials: Trials, runs: str) -> Iterator[str]:
    untrue = []
    begun = trials.start(*FIT, "--runs", runs)
    for _ in range(trials.random.randint(1, 3)):
        begun.wait(trials.moment())
        begun.kill()
        untrue.append(trials.judged(begun))
        begun = trials.start("fit", "--resume", "--runs", runs, "--json")
    begun.wait()
    untrue.append(trials.judged(begun))
    ending, found = trials.resumed(runs)
    yield ending
    yield from [*untrue, found, *_orphans(trials.folder / runs)]


def full(trials: Trials, runs: str) -> Iterator[str]:
    """The disk of the runs, and in every other trial that of temporary files too."""
    size_kib = int(2 ** trials.random.uniform(2, 9.5))
    place = trials.folder / runs
    place.mkdir()
    if os.geteuid() != 0:
        done = trials.start(
            *FIT, "--runs", runs,
            prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size_kib * 256, resource.RLIM_INFINITY)),
        )  # fmt: skip
        done.wait()
        ending, found = trials.resumed(runs)
        yield f"{_code(done)}, then {ending}"
        yield from (trials.judged(done), found)
        return
    is_tight = trials.random.random() < 0.5
    with disk(place, size_kib):
        temporary = place / "tmp"
        temporary.mkdir()
        done = trials.start(*FIT, "--runs", runs, prepare=lambda: temporary_files_in(temporary) if is_tight else None)
        done.wait()
        first = trials.judged(done)
        subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
        ending, found = trials.resumed(runs)
        yield f"{_code(done)}, then {ending}"
        yield from (first, found)


def unwritable(trials: Trials, runs: str) -> Iterator[str]:
    """The run's folder, from a random moment on; root gives up its right to write anywhere."""
    place = trials.folder / runs
    place.mkdir()
    done = trials.start(*FIT, "--runs", runs, prepare=obey_modes)
    done.wait(trials.moment())
    folders = [place, *(path for path in place.rglob("*") if path.is_dir() and not path.is_symlink())]
    for folder in folders:
        folder.chmod(0o555)
    done.wait()
    denied = trials.resumed(runs, prepare=obey_modes)
    for folder in folders:
        folder.chmod(0o755)
    ending, found = trials.resumed(runs, prepare=obey_modes)
    yield f"{_code(done)}, then {ending}"
    yield from (trials.judged(done), denied[1], found)


def clock(trials: Trials, runs: str) -> Iterator[str]:
    """Killed at a random moment and resumed in another year, the files dated in a third.

    In every fourth trial the whole process has the other clock (libfaketime), which leaps again while it works.
    """
    leaps_days = [trials.random.randint(-20000, 20000) for _ in range(2)]
    if LIBRARY.is_file() and trials.random.random() < 0.25:
        note = trials.folder / f"{runs}.clock"
        note.write_text(f"{leaps_days[0]:+}d")
        begun = with_clock(trials, note, *FIT, "--runs", runs)
        while not trials.is_begun(runs) and begun.wait(0.2) is None:
            pass
        begun.wait(trials.moment())
        note.write_text(f"{leaps_days[1]:+}d")
        begun.wait()
    else:
        begun = trials.start(*FIT, "--runs", runs)
        begun.wait(trials.moment())
        begun.kill()
    for path in (trials.folder / runs).rglob("*"):
        os.utime(path, ns=(0, trials.random.randint(0, 2**62)), follow_symlinks=False)
    ending, found = trials.resumed(runs, prepare=lambda: leap(leaps_days[1]))
    yield ending
    yield from (trials.judged(begun), found)


def together(trials: Trials, runs: str) -> Iterator[str]:
    """Two resume one run, or two begin in one folder of runs; or two builds into one folder."""
    kind = trials.random.choice(("resume", "begin", "build"))
    if kind == "build":
        model = str(Path(trials.whole["run"]) / "model.tflite")
        build = ("build", model, "--target", "cortex-m4", "--out", runs, "--no-verify", "--json")
        both = [trials.start(*build, "--optimize", how) for how in ("size", "speed")]
        for one in both:
            one.wait()
        ended = [one for one in both if one.code == 0]
        yield f"{len(ended)} of 2 ended"
        for one in both:
            yield "" if one.code == 0 else _refused(one)
        size_bytes = (trials.folder / runs / "firmware.bin").stat().st_size
        if size_bytes not in [json.loads(one.out.read_text())["flash_bytes"] for one in ended]:
            yield f"{size_bytes} B are there, and nobody reported them"
        return
    if kind == "begin":
        both = [trials.start(*FIT, "--runs", runs) for _ in range(2)]
    else:
        begun = trials.start(*FIT, "--runs", runs)
        begun.wait(max(trials.moment(), 1))
        begun.kill()
        if not trials.is_begun(runs):
            yield "nothing begun"
            return
        both = [trials.start("fit", "--resume", "--runs", runs, "--json") for _ in range(2)]
    for one in both:
        one.wait()
    ended = [one for one in both if one.code == 0]
    yield f"{len(ended)} of 2 ended"
    if kind == "begin" and len({json.loads(one.out.read_text())["run"] for one in ended}) != 2:
        yield "two fits that were begun did not end in two folders"
    if not ended:
        yield "neither ended"
    for one in both:
        yield trials.judged(one)
        yield "" if one.code == 0 else _refused(one)


KINDS = {killed: 80, full: 40, unwritable: 40, clock: 30, together: 30}


def _code(done: Started) -> str:
    return "ended" if done.code == 0 else f"exit {done.code}"


def _refused(one: Started) -> str:
    error = one.err.read_text()
    return "" if "is in use by process " in error else f"refused in other words: {error.strip()[-200:]}"


def _orphans(folder: Path) -> list[str]:
    """Machines that still run an image of the folder when their fit has ended."""
    time.sleep(0.2)
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(f"still runs: {line[:120]}")
    return found


@dataclass(frozen=True)
class Trial:
    """kind, how it ended, and what of that was untrue."""

    number: int
    kind: str
    ending: str
    untrue: Sequence[str]


def worked(numbers: range, seed: int, only: str | None) -> Iterator[dict[str, Any]]:
    """The trials of these numbers, in a folder of their own, which stays where something is untrue."""
    folder = Path(tempfile.mkdtemp(prefix="edgeprune-interruptions-"))
    trials = Trials(folder, seed + numbers.start)
    kinds = [kind for kind, share in KINDS.items() if only in (None, kind.__name__) for _ in range(share)]
    random.Random(seed).shuffle(kinds)
    is_true = True
    for number in numbers:
        kind = kinds[number % len(kinds)]
        runs = f"{kind.__name__}-{number}"
        ending, *found = kind(trials, runs)
        untrue = tuple(one for one in found if one)
        is_true &= not untrue
        yield asdict(Trial(number, kind.__name__, ending, untrue))
        if not untrue:
            shutil.rmtree(folder / runs, ignore_errors=True)
    if is_true:
        shutil.rmtree(folder)


def main() -> int:
    parser = kept.parser(__doc__ or "", __file__)
    parser.add_argument("--count", type=int, default=sum(KINDS.values()))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--kind", choices=[kind.__name__ for kind in KINDS])
    given = parser.parse_args()
    sys.path.insert(0, str(kept.ROOT))
    found = forked.in_jobs(given.count, given.jobs, lambda numbers: worked(numbers, given.seed, given.kind))
    trials = [Trial(**one) for one in found]
    command = f"python benchmarks/interruptions.py --count {given.count} --seed {given.seed}"
    lines = [f"commit {kept.commit()}; {command}", ""]
    for kind in KINDS:
        counted = Counter(trial.ending for trial in trials if trial.kind == kind.__name__)
        told = ", ".join(f"{count} {ending}" for ending, count in sorted(counted.items()))
        lines.append(f"{kind.__name__:11} {counted.total():4}: {told}")
    untrue = [f"trial {trial.number}, {trial.kind}: {one}" for trial in trials for one in trial.untrue]
    lines += ["", f"{len(trials)} trials, {len(untrue)} untrue results", *untrue]
    kept.publish(lines, given.write)
    return 1 if untrue or len(trials) < given.count else 0


if __name__ == "__main__":
    sys.exit(main())
