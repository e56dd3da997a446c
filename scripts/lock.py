"""Writes the lock files of `requirements/` from pyproject.toml: every package with its version and digests.

    python scripts/lock.py [--upgrade] [--like FREEZE]

`run.lock` is what EdgePrune needs, `NAME.lock` what the extra NAME needs beyond that, `build.lock` what builds an
editable install. They hold for CPython 3.11 to 3.14 on Linux and macOS and name no index. torch is left out: its CPU
wheels stand in `torch.lock`, kept by hand. Needs `uv`. Versions stay what they were, but for what pyproject.toml no
longer admits; `--upgrade` takes the newest, `--like` those of a file of `pip freeze`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "requirements"
BUILD = ("hatchling", "editables")
_OF_CUDA = re.compile(r"(nvidia|cuda)-|triton==")
_ENVIRONMENT = re.compile(r" ; python_full_version < '3\.15'( and sys_platform != 'win32')?(?= \\$)", re.MULTILINE)
_HEADER = "# Written by scripts/lock.py; torch is in torch.lock.\n"


def blocks(text: str) -> dict[str, str]:
    """Package -> its lines in a requirements file with hashes, without CUDA: PyTorch's CPU wheels need none."""
    found = re.split(r"\n(?=\S)", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    kept = [_ENVIRONMENT.sub("", block.strip()) for block in found if block.strip() and not _OF_CUDA.match(block)]
    return {block.partition("==")[0]: block for block in kept if not block.startswith("torch==")}


def compiled(extras: list[str], versions: str, upgrade: bool) -> dict[str, str]:
    """What the project with these extras, or (`build`) the build, resolves to."""
    with tempfile.TemporaryDirectory() as folder:
        constraints, build = Path(folder) / "versions.txt", Path(folder) / "build.in"
        constraints.write_text("" if upgrade else versions)
        build.write_text("\n".join(BUILD))
        source = [str(build)] if extras == ["build"] else ["pyproject.toml"]
        named = [] if extras == ["build"] else [word for extra in extras for word in ("--extra", extra)]
        command = ["uv", "pip", "compile", *source, *named, "--universal", "--python-version", "3.11", "--no-header"]
        command += ["--no-annotate", "--generate-hashes", "--no-emit-index-url", "-c", str(constraints), "-q"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    return blocks(done.stdout)


def pins(text: str) -> str:
    """`name==version`, a line each."""
    return "\n".join(re.findall(r"^[A-Za-z0-9._-]+==[^\s;\\]+", text, re.MULTILINE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("--like", type=Path)
    given = parser.parse_args()
    locked = "\n".join(path.read_text() for path in sorted(LOCKS.glob("*.lock")) if path.name != "torch.lock")
    versions = pins(given.like.read_text() if given.like else locked)
    versions = "\n".join(sorted({line for line in versions.splitlines() if not line.startswith("torch==")}))
    extras = sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    everything = compiled(extras, versions, given.upgrade) | compiled(["build"], versions, given.upgrade)
    versions = pins("\n".join(everything.values()))
    run = compiled([], versions, upgrade=False)
    parts = {"run": run} | {name: compiled([name], versions, upgrade=False) for name in (*extras, "build")}
    for name, found in parts.items():
        kept = found if name == "run" else {package: block for package, block in found.items() if package not in run}
        (LOCKS / f"{name}.lock").write_text(_HEADER + "".join(f"{block}\n" for block in kept.values()))


if __name__ == "__main__":
    main()
