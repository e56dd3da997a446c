"""A resumed run goes on with notes about one network, data and target: whatever they depended on must be the same."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

from edgeprune.errors import UsageError
from edgeprune.fitting.job import Job

_WORDS = {
    "network": "the network's layers or weights are others",
    "data": "samples or targets are others",
    "target": "the target's file says something else",
    "project": "edgeprune.toml says something else",
}

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # of objects a module's text shows: another in each process
_INSTALLED = {"site-packages", "dist-packages"}


def check_same_work(job: Job, module: nn.Module) -> None:
    """Notes what the run depends on, or holds it against what an earlier attempt noted.

    Raises:
        UsageError: something changed; all of it is named.
    """
    now = {
        "network": _digest(module.state_dict().items(), _ADDRESS.sub("", repr(module))),
        "data": _digest(_tensors(job), f"{job.splits.class_names} {job.splits.form}"),
        "target": hashlib.sha256(job.target.model_dump_json().encode()).hexdigest(),
        "project": hashlib.sha256(job.project.model_dump_json().encode()).hexdigest(),
    }
    root = job.project.root
    before = job.workspace.once("depends on", lambda: now | {"code": _own_code(root)})
    changed = [words for name, words in _WORDS.items() if before.get(name) != now[name]]
    changed += [f"{name} says something else" for name, known in before["code"].items() if _code(root / name) != known]
    if changed:
        raise UsageError(
            f"this run was begun on something else: {'; '.join(changed)}",
            hint="bring back what it was then, or start a new run without --resume",
        )


def _tensors(job: Job) -> Iterable[tuple[str, Tensor]]:
    splits = job.splits
    for name in ("train", "calibration", "validation", "test"):
        split = getattr(splits, name)
        yield f"{name} inputs", split.inputs
        yield f"{name} targets", split.targets
        yield f"{name} scale", torch.as_tensor(split.take(1).tensor())


def _own_code(root: Path) -> Mapping[str, str]:
    """Digests of the Python files in the project's folder that were imported: its network, data, loss and metric, and
    what these import from there. Weights and samples alone do not show another forward() or another metric."""
    loaded = ((name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items()))
    paths = {Path(file) for name, file in loaded if file and name.partition(".")[0] != "edgeprune"}
    paths = {path for path in paths if path.is_absolute()}  # some of torch's are not, and lie nowhere
    root = root.resolve()
    names = (path.resolve().relative_to(root) for path in paths if path.resolve().is_relative_to(root))
    return {name.as_posix(): _code(root / name) for name in sorted(names) if not _INSTALLED & set(name.parts)}


def _code(path: Path) -> str:
    """Digest of what a Python file says, comments and layout aside; of its bytes where it is none."""
    try:
        content = path.read_bytes()
    except OSError:
        return "not there"
    with suppress(SyntaxError, ValueError, RecursionError):
        content = ast.dump(ast.parse(content)).encode()
    return hashlib.sha256(content).hexdigest()


def _digest(tensors: Iterable[tuple[str, Tensor]], words: str) -> str:
    digest = hashlib.sha256(words.encode())
    for name, value in tensors:
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
