"""The networks of ../shared/networks by `edgeprune fit`, to a verified image or the words they are refused with.

    python benchmarks/fits.py --work FOLDER --write     # all of them; keeps the output
    python benchmarks/fits.py --work FOLDER unet tcn    # some of them

Each is trained by ../shared/networks/make.py (kept in FOLDER for the next time) and fitted to the limits of its index
by the command a user types, in a process of its own. float: the metric before; int8: of the image's file on the whole
test split; board: on the samples replayed on the emulated board, whose bytes were the host's; flash and arena: of the
linked image, and how far the prediction was off. lost: in points, or percent of an error. A network passes with exit
code 0, the board's bytes equal, and at most 2 points (3 % of an error) lost. Exit code 1 where one does not.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kept import ROOT, commit, parser, publish

SHARED = ROOT.parent / "shared" / "networks"
MOST_POINTS, MOST_PERCENT = 2.0, 3.0
ERRORS = frozenset({"mse", "mae"})
HEADER = (
    f"{'network':<18} {'float':>8} {'int8':>8} {'board':>8} {'lost':>6} {'flash B':>8} {'off':>6} {'arena B':>8} "
    f"{'off':>5} {'s':>5}"
)


@dataclass(frozen=True)
class Row:
    text: str
    passed: bool


def main() -> int:
    options = parser("The networks of ../shared/networks by `edgeprune fit`.", __file__)
    options.add_argument("--work", type=Path, required=True, help="folder of the projects and runs")
    options.add_argument("names", nargs="*", help="networks; all without")
    given = options.parse_args()
    if not SHARED.is_dir():
        print(f"{SHARED} is not there: nothing to fit", file=sys.stderr)
        return 2
    index = tomllib.loads((SHARED / "index.toml").read_text())
    rows = []
    for name in given.names or index:
        rows.append(_fitted(name, given.work / name))
        print(rows[-1].text, file=sys.stderr, flush=True)
    passed = sum(row.passed for row in rows)
    lines = [
        f"commit {commit()}, `edgeprune fit` of each project; emulated boards",
        HEADER,
        *(row.text for row in rows),
        f"{passed} of {len(rows)} end in a verified fit that loses at most {MOST_POINTS:g} points ({MOST_PERCENT:g} %)",
    ]
    publish(lines, given.write)
    return 0 if passed == len(rows) else 1


def _fitted(name: str, folder: Path) -> Row:
    if not list(folder.glob("weights.*")):
        made = _ran([sys.executable, str(SHARED / "make.py"), name, str(folder)], SHARED)
        if made.returncode != 0:
            return Row(f"{name:<18} not made: {made.stderr.strip().splitlines()[-1]}", False)
    started = time.monotonic()
    command = [sys.executable, "-m", "edgeprune", "fit", "--project", str(folder), "--json"]
    ended = _ran([*command, "--runs", str(folder / "runs")], ROOT)
    seconds = time.monotonic() - started
    try:
        record: dict[str, Any] = json.loads(ended.stdout)
    except json.JSONDecodeError:
        return Row(f"{name:<18} exit {ended.returncode}: {ended.stderr.strip()[-300:]}", False)
    if "accuracy" not in record:
        return Row(f"{name:<18} exit {ended.returncode}: {record.get('error', record)}", False)
    return _row(name, record, ended.returncode, seconds)


def _row(name: str, record: dict[str, Any], code: int, seconds: float) -> Row:
    accuracy, predicted, after = record["accuracy"], record["predicted"], record["after"]
    lost, allowed = record["drop_points"], MOST_PERCENT if accuracy["metric"] in ERRORS else MOST_POINTS
    passed = code == 0 and record["fits"] and round(lost, 2) <= allowed
    arena, arena_predicted = after["ram_parts"]["arena"], predicted["ram_parts"]["arena"]
    text = (
        f"{name:<18} {accuracy['float_before']:>8.4g} {accuracy['int8']:>8.4g} {accuracy['device']:>8.4g} {lost:>6.2f} "
        f"{after['flash_bytes']:>8,} {predicted['flash_bytes'] - after['flash_bytes']:>6,} {arena:>8,} "
        f"{arena_predicted - arena:>5,} {seconds:>5.0f}"
    )
    return Row(text if passed else f"{text}  exit {code}, no pass", passed)


def _ran(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


if __name__ == "__main__":
    raise SystemExit(main())
