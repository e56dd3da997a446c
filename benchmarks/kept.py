"""What benchmarks that keep their output share: the commit they ran on, and `--write`."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def commit() -> str:
    """Of this tree, with `-dirty` behind it where something is not committed."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    return described or "unknown"


def parser(description: str, script: str) -> argparse.ArgumentParser:
    """With `--write`, which names the text file of `script` in `results/`."""
    made = argparse.ArgumentParser(description=description)
    text = Path(script).parent / "results" / f"{Path(script).stem}.txt"
    made.add_argument("--write", action="store_const", const=text, help=f"keep the output in results/{text.name}")
    return made


def publish(lines: Sequence[str], write: Path | None) -> None:
    print("\n".join(lines))
    if write is not None:
        write.write_text("\n".join(lines) + "\n")
