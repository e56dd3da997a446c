"""The user's network: built by their function, filled with their weights, checked before use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgeprune.errors import ModelError
from edgeprune.model.checkpoints.names import NamedWeights, network_weights
from edgeprune.model.checkpoints.read import read_checkpoint
from edgeprune.model.following.lazy import refuse_lazy
from edgeprune.model.inputs import with_inputs, with_whole_numbers
from edgeprune.model.plain_weights import with_plain_weights
from edgeprune.progress import Progress, Silent
from edgeprune.project.entry import load_entry, user_code
from edgeprune.project.file import Project

_SHOWN = 4


def project_module(project: Project, progress: Progress | None = None) -> nn.Module:
    """`load_module` of what the project file names.

    Raises:
        ModelError: as `load_module`.
    """
    model = project.model
    return project_module_of(project, model.weights, progress)


def project_module_of(project: Project, weights: Path | None, progress: Progress | None = None) -> nn.Module:
    """As `project_module`, with other weights."""
    model = project.model
    module = load_module(model.entry, weights, project.root, model.arguments, progress)
    taking = module if model.inputs is None else with_inputs(module, model.inputs)
    return with_whole_numbers(taking, model.sample_shape)


def load_module(
    entry: str,
    weights: Path | None,
    root: Path,
    arguments: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> nn.Module:
    """Builds the network, loads its weights, and returns it in evaluation mode, float32, on the CPU, its weights plain.

    Args:
        entry: `model.py:build` or `package.module:factory`, a function that returns an `nn.Module`.
        weights: a checkpoint (`checkpoints/read.py` says which), relative to `root`; None keeps what `entry` made.
        root: folder of the project file.
        arguments: by name, for `entry`.
        progress: told how the checkpoint was read where its names are not the network's.

    Raises:
        ModelError: no such file or function, it raised, the checkpoint is broken or does not match, weights that are
            not finite.
    """
    build = load_entry(entry, root, ModelError)
    with user_code(entry, ModelError):
        module = build(**(arguments or {}))
    if not isinstance(module, nn.Module):
        raise ModelError(
            f"{entry} returned a {type(module).__name__}, not a torch.nn.Module", hint="return the network"
        )
    refuse_lazy(module)
    module = module.float().cpu()
    if weights is not None:
        path = root / weights
        _fill(module, read_checkpoint(path), path.name, progress or Silent())
    _refuse_non_finite(module, str(weights or entry))
    return with_plain_weights(module.eval())


def _fill(module: nn.Module, content: Mapping[str, Any], name: str, progress: Progress) -> None:
    expected = {key: value for key, value in module.state_dict().items() if not key.endswith("num_batches_tracked")}
    found = network_weights(content, expected)
    if found is None:
        raise ModelError(
            f"{name} holds {_listed(list(map(str, content)))}, no tensors",
            hint="save it with torch.save(model.state_dict(), path)",
        )
    weights = found.tensors
    shapes = [
        f"{key} is {tuple(weights[key].shape)}, the model has {tuple(value.shape)}"
        for key, value in expected.items()
        if key in weights and weights[key].shape != value.shape
    ]
    missing = [key for key in expected if key not in weights]
    unexpected = [key for key in weights if key not in expected and not key.endswith("num_batches_tracked")]
    problems = [
        f"{len(keys)} {title}: {_listed(keys)}"
        for keys, title in ((missing, "missing"), (unexpected, "not in the model"), (shapes, "of another shape"))
        if keys
    ]
    if problems:
        raise ModelError(
            f"{name} does not match the model ({len(expected)} tensors)\n" + "\n".join(problems),
            hint="build() must make the network the checkpoint was saved from",
        )
    module.load_state_dict(dict(weights), strict=False)
    for line in _told(found):
        progress.note(f"{name}: {line}")


def _told(found: NamedWeights) -> list[str]:
    """How the names were made the network's."""
    prefix = f"names without their '{found.prefix}'" if found.prefix else ""
    where = f"the tensors under '{found.where}'" if found.where else ""
    lines = [", ".join(part for part in (where, prefix) if part)] if where or prefix else []
    if found.others:
        lines.append(f"'{found.where}' was taken; {_listed(found.others)} would fit as well")
    if found.aside:
        lines.append(f"left aside: {_listed(found.aside)}")
    return lines


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}"


def _refuse_non_finite(module: nn.Module, name: str) -> None:
    for key, value in module.state_dict().items():
        bad_count = int((~torch.isfinite(value)).sum()) if value.is_floating_point() else 0
        if bad_count:
            raise ModelError(
                f"{name}: {bad_count:,} of {value.numel():,} values of {key} are NaN or infinite",
                hint="the training that made this checkpoint diverged: take an earlier one",
            )
