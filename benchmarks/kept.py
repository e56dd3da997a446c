"""What benchmarks that keep their output share: the commit they ran on, `--write`, and pieces of a run that go on."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def commit() -> str:
    """Of this tree, with `-dirty` behind it where something is not committed."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    return described or "unknown"


class Pieces:
    """Results of a long run in a JSON file, so that one cut short goes on where it was; of one commit alone."""

    def __init__(self, path: Path | None):
        self._path, self._held = path, dict[str, Any]()
        if path is not None and path.is_file():
            held = json.loads(path.read_text())
            self._held = held["pieces"] if held["commit"] == commit() else {}

    def measured(self, name: str, measure: Callable[[], Any]) -> Any:
        """What `measure` gave, now or before: what JSON holds."""
        if name not in self._held:
            self._held[name] = measure()
            if self._path is not None:
                self._path.write_text(json.dumps({"commit": commit(), "pieces": self._held}))
        return self._held[name]


def parser(description: str, script: str) -> argparse.ArgumentParser:
    """With `--write`, which names the text file of `script` in `results/`, and `--pieces`."""
    made = argparse.ArgumentParser(description=description)
    text = Path(script).parent / "results" / f"{Path(script).stem}.txt"
    made.add_argument("--write", action="store_const", const=text, help=f"keep the output in results/{text.name}")
    made.add_argument("--pieces", type=Path, help="file of what is measured already; a run that is cut short goes on")
    return made


def publish(lines: Sequence[str], write: Path | None) -> None:
    print("\n".join(lines))
    if write is not None:
        write.write_text("\n".join(lines) + "\n")
