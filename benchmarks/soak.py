"""Daily life: random small networks, targets and limits through `edgeprune fit --epochs 0`, judged from the outside.

    python benchmarks/soak.py [--count 200] [--seed 1] [--jobs 1] [--write]

Every one must end in a "fits" that is true, a "does not fit", or a refusal with a hint; none in a fault. A "fits" is
judged by `outside.py`, a process that imports nothing of EdgePrune: flash and RAM from the segments and sections of the
ELF, accuracy and samples by LiteRT, the bytes of the image itself on QEMU. Exits with 1 where something is untrue.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import forked
import kept
import numpy as np
from kept import ROOT

MACHINES = {
    "cortex-m0plus": "mps2-an385", "cortex-m3": "mps2-an385", "cortex-m4": "mps2-an386", "cortex-m7": "mps2-an500",
    "cortex-m33": "mps2-an505", "cortex-m55": "mps3-an547", "nucleo-f446re": "mps2-an386",
}  # fmt: skip
MODEL = """import torch
from tests.random_modules import random_module


def build():
    torch.manual_seed({seed})
    return random_module({seed})[0].eval()
"""
PROJECT = """[model]
entry = "model.py:build"
input = {shape}
name = "soak"

[data]
path = "data.npz"

[task]
loss = "{loss}"
metric = "{metric}"
"""


@dataclass(frozen=True)
class Ending:
    """verdict: fits, does not fit, refused or fault; untrue: what is not so."""

    verdict: str
    untrue: str = ""


def project(seed: int, folder: Path) -> list[str]:
    """Writes the project and gives the options of its fit."""
    import torch

    from tests.random_modules import random_module

    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    module, shape = random_module(seed)
    with torch.no_grad():
        outputs = module.eval()(torch.randn(2, *shape[1:]))
    is_vector = outputs.ndim == 2 and outputs.shape[1] > 1
    inputs = rng.normal(0, 1, (120, *shape[1:])).astype(np.float32)
    with torch.no_grad():
        given = module(torch.from_numpy(inputs)).numpy()
    targets = given.argmax(1) if is_vector else given
    np.savez(folder / "data.npz", x_train=inputs[:80], y_train=targets[:80], x_test=inputs[80:], y_test=targets[80:])
    (folder / "model.py").write_text(MODEL.format(seed=seed))
    loss, metric = ("cross_entropy", "accuracy") if is_vector else ("mse", "mse")
    (folder / "edgeprune.toml").write_text(PROJECT.format(shape=list(shape[1:]), loss=loss, metric=metric))
    options = ["--target", str(rng.choice(list(MACHINES))), "--epochs", "0", "--samples", "5"]
    if rng.random() < 0.6:
        options += ["--flash", f"{int(rng.integers(10, 40))}KiB"]
    if rng.random() < 0.6:
        options += ["--ram", f"{int(rng.integers(4, 24))}KiB"]
    return options


def ending(seed: int, folder: Path) -> Ending:
    options = project(seed, folder)
    done = forked.start(["fit", *options, "--runs", "runs", "--json"], folder, "fit")
    if done.wait() is None:
        done.kill()
        return Ending("fault", "it hangs")
    error = done.err.read_text(errors="replace")
    if "Traceback" in error or done.code not in (0, 1, 2, 3, 6):
        return Ending("fault", error.strip()[-300:] or f"exit {done.code} without a word")
    if done.code == 0:
        return Ending("fits", untrue(json.loads(done.out.read_text()), options, folder))
    if "hint:" not in error or "fault of EdgePrune" in error:
        return Ending("fault", error.strip()[-300:])
    return Ending("does not fit" if done.code == 3 else "refused")


def untrue(record: dict[str, Any], options: list[str], folder: Path) -> str:
    """What of a "fits" is not so, by other programs."""
    limits = {name: value.removesuffix("KiB") for name, value in itertools.pairwise(options) if value.endswith("KiB")}
    asked = [word for name, value in limits.items() for word in (name, str(1024 * int(value)))]
    judge = [sys.executable, "-I", str(ROOT / "benchmarks" / "outside.py"), str(folder / record["run"])]
    done = subprocess.run(
        [*judge, str(folder / "data.npz"), *asked, "--boot", MACHINES[record["target"]]], capture_output=True, text=True
    )
    return "" if done.returncode == 0 else done.stdout.strip() or done.stderr.strip()[-300:]


def worked(numbers: range, first: int) -> Iterator[dict[str, Any]]:
    for number in numbers:
        folder = Path(tempfile.mkdtemp(prefix="edgeprune-soak-"))
        found = ending(first + number, folder)
        yield {"number": number, **asdict(found)}
        if not found.untrue:
            shutil.rmtree(folder)


def main() -> int:
    parser = kept.parser(__doc__ or "", __file__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    found = forked.in_jobs(given.count, given.jobs, lambda numbers: worked(numbers, given.seed))
    counted = Counter(one["verdict"] for one in found)
    wrong = [f"seed {given.seed + one['number']}: {one['verdict']}: {one['untrue']}" for one in found if one["untrue"]]
    lines = [
        f"commit {kept.commit()}; python benchmarks/soak.py --count {given.count} --seed {given.seed}",
        "",
        f"{len(found)} fits: " + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counted.items())),
        f"{len(wrong)} untrue or faults",
        *wrong,
    ]
    kept.publish(lines, given.write)
    return 1 if wrong or len(found) < given.count else 0


if __name__ == "__main__":
    sys.exit(main())
