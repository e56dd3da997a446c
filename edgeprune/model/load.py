"""The user's network: built by their function, filled with their weights, checked before anything is done with it."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from edgeprune.entry import load_entry, user_code
from edgeprune.errors import ModelError

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_SHOWN = 4


def load_module(entry: str, weights: Path | None, root: Path) -> nn.Module:
    """Builds the network, loads its weights, and returns it in evaluation mode, float32, on the CPU.

    Args:
        entry: `model.py:build`, a function of no arguments that returns an `nn.Module`.
        weights: `.safetensors` or a `torch.save`d state dict, relative to `root`; None keeps what `build` made.
        root: folder of the project file.

    Raises:
        ModelError: no such file or function, it raised, the checkpoint is broken or does not match, weights that are
            not finite.
    """
    build = load_entry(entry, root, ModelError)
    with user_code(entry, ModelError):
        module = build()
    if not isinstance(module, nn.Module):
        raise ModelError(
            f"{entry} returned a {type(module).__name__}, not a torch.nn.Module", hint="return the network"
        )
    module = module.float().cpu()
    if weights is not None:
        path = root / weights
        _fill(module, read_weights(path), path.name)
    _refuse_non_finite(module, str(weights or entry))
    return module.eval()


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name. Pickled code is never run.

    Raises:
        ModelError: missing, unreadable, or not a state dict.
    """
    if not path.is_file():
        raise ModelError(
            f"the weights {path} are not there", hint="set 'weights' in [model], relative to edgeprune.toml"
        )
    try:
        if path.suffix == ".safetensors":
            tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
            return tensors
        content = torch.load(path, map_location="cpu", weights_only=True)
    except safetensors.SafetensorError as problem:
        raise ModelError(
            f"{path.name} is no safetensors file: {problem}", hint="it may be cut off: copy it again"
        ) from problem
    except pickle.UnpicklingError as problem:
        raise ModelError(
            f"{path.name} is not a plain state dict; EdgePrune does not run code out of checkpoints",
            hint="save it with torch.save(model.state_dict(), path) or safetensors.torch.save_file(...)",
        ) from problem
    except (RuntimeError, EOFError, ValueError, OSError, KeyError) as problem:
        first_line = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise ModelError(
            f"{path.name} cannot be read: {first_line[:200]}", hint="it may be cut off: copy it again"
        ) from problem
    return _state_dict(content, path.name)


def _state_dict(content: Any, name: str) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ModelError(
            f"{name} holds a {type(content).__name__}, not a state dict of tensors",
            hint="save it with torch.save(model.state_dict(), path)",
        )
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def _fill(module: nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    expected = {key: value for key, value in module.state_dict().items() if not key.endswith("num_batches_tracked")}
    missing = [key for key in expected if key not in weights]
    unexpected = [key for key in weights if key not in expected and not key.endswith("num_batches_tracked")]
    shapes = [
        f"{key} is {tuple(weights[key].shape)}, the model has {tuple(value.shape)}"
        for key, value in expected.items()
        if key in weights and weights[key].shape != value.shape
    ]
    problems = [
        f"{len(found)} {title}: {', '.join(found[:_SHOWN])}{', ...' if len(found) > _SHOWN else ''}"
        for found, title in ((missing, "missing"), (unexpected, "not in the model"), (shapes, "of another shape"))
        if found
    ]
    if problems:
        raise ModelError(
            f"{name} does not match the model ({len(expected)} tensors)\n" + "\n".join(problems),
            hint="build() must make the network the checkpoint was saved from",
        )
    module.load_state_dict(dict(weights), strict=False)


def _refuse_non_finite(module: nn.Module, name: str) -> None:
    for key, value in module.state_dict().items():
        bad_count = int((~torch.isfinite(value)).sum()) if value.is_floating_point() else 0
        if bad_count:
            raise ModelError(
                f"{name}: {bad_count:,} of {value.numel():,} values of {key} are NaN or infinite",
                hint="the training that made this checkpoint diverged: take an earlier one",
            )
