"""What an installation unpacks, without and with the other converter, and how long the first commands take.

    python benchmarks/environment.py --write

Bytes are those of the files that the installed packages list, over everything a requirement brings with it; the
packages of the `litert-torch` extra have to be installed, as they are for development. Seconds are of CPU, user and
system, medians of fresh interpreters. Exit code 1 where pip finds a conflict.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from kept import ROOT, commit, parser, publish
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

sys.path.insert(0, str(ROOT))

_RUNS = 3
_COMMANDS = {
    "edgeprune --help": ["-m", "edgeprune", "--help"],
    "import of the export": ["-c", "import edgeprune.export.tflite"],
    "import of the other converter": ["-c", "import litert_torch, ai_edge_quantizer"],
}


def main() -> int:
    given = parser("What an installation unpacks.", __file__).parse_args()
    plain = closure(wanted("dependencies"))
    both = closure([*wanted("dependencies"), *wanted("litert-torch")])
    check = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    lines = [
        f"commit {commit()}, Python {sys.version.split()[0]}",
        f"plain: {len(plain)} packages, {sum(plain.values()) / 1e6:,.0f} MB",
        f"with the other converter: {len(both)} packages, {sum(both.values()) / 1e6:,.0f} MB, "
        f"{(sum(both.values()) - sum(plain.values())) / 1e6:,.0f} MB more",
        "largest of those: " + largest({name: size for name, size in both.items() if name not in plain}),
        *(f"{name}: {seconds(command):.2f} s of CPU" for name, command in _COMMANDS.items()),
        f"pip check: {(check.stdout + check.stderr).strip()}",
    ]
    publish(lines, given.write)
    return check.returncode


def wanted(part: str) -> list[Requirement]:
    """The project's own requirements, or an extra's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = project["dependencies"] if part == "dependencies" else project["optional-dependencies"][part]
    return [Requirement(one) for one in listed]


def closure(requirements: Sequence[Requirement]) -> dict[str, int]:
    """Installed package -> bytes, of all that these bring with them."""
    found: dict[str, int] = {}
    left = [(one, frozenset({""})) for one in requirements]
    while left:
        requirement, extras = left.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        if name in found:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:  # of another system, or of an extra that nobody asked for
            continue
        places = [Path(str(package.locate_file(file))) for file in package.files or ()]
        found[name] = sum(place.stat().st_size for place in places if place.is_file())
        own = frozenset({"", *requirement.extras})
        left += [(Requirement(line), own) for line in package.requires or ()]
    return found


def largest(sizes: dict[str, int]) -> str:
    ordered = sorted(sizes.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in ordered[:6])


def seconds(command: Sequence[str]) -> float:
    taken = []
    for _ in range(_RUNS):
        before = os.times()
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True)
        after = os.times()
        taken.append(sum(after[2:4]) - sum(before[2:4]))  # of children
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
