"""A resumed run goes on with notes about one network, data and target: whatever they depended on must be the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from edgeprune.errors import UsageError
from edgeprune.fitting.job import Job

_WORDS = {
    "network": "the network's weights are others",
    "data": "samples or targets are others",
    "target": "the target's file says something else",
    "project": "edgeprune.toml says something else",
}


def check_same_work(job: Job, module: nn.Module) -> None:
    """Notes what the run depends on, or holds it against what an earlier attempt noted.

    Raises:
        UsageError: something changed; all of it is named.
    """
    now = {
        "network": _digest(module.state_dict().items()),
        "data": _digest(_tensors(job)),
        "target": hashlib.sha256(job.target.model_dump_json().encode()).hexdigest(),
        "project": hashlib.sha256(job.project.model_dump_json().encode()).hexdigest(),
    }
    before = job.workspace.once("depends on", lambda: now)
    changed = [words for name, words in _WORDS.items() if before.get(name) != now[name]]
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


def _digest(tensors: Iterable[tuple[str, Tensor]]) -> str:
    digest = hashlib.sha256()
    for name, value in tensors:
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
