"""A checkpoint's tensors, as they are nested in the file. Pickled code is never run."""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from edgeprune.errors import ModelError
from edgeprune.files.bounded import ARCHIVE_FAULTS
from edgeprune.model.checkpoints.exported import read_exported_weights
from edgeprune.model.checkpoints.objects import read_with_objects

_COPY_AGAIN = "it may be cut off: copy it again"
_INDEX = ".safetensors.index.json"
_LARGEST_INDEX = 64 * 2**20  # bytes
_SHARD = re.compile(r"-\d{5}-of-(\d{5})\.safetensors$")
_OTHERS = (
    (b"\x89HDF", "an HDF5 file, as Keras writes", "weights come from PyTorch: torch.save(model.state_dict(), path)"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "git lfs pull"),
)  # the first bytes, what it is, the way out


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """What a `.safetensors` file, an index of several (`.safetensors.index.json`) or the folder it lies in, a `.pt2` of
    torch.export or a file of `torch.save` holds: tensors by name, in mappings within mappings for some.

    Raises:
        ModelError: missing, unreadable, or nothing that tensors can be taken from without running its code.
    """
    path = _in_folder(path) if path.is_dir() else path
    if not path.is_file():
        raise ModelError(
            f"the weights {path} are not there", hint="set 'weights' in [model], relative to edgeprune.toml"
        )
    try:
        _refuse_others(path)
        if path.name.endswith(_INDEX):
            return _shards(path)
        if path.suffix == ".safetensors":
            tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
            return tensors
        names = _entries(path)
        if any(name.endswith("/constants.pkl") for name in names):
            raise _refused(path, "a TorchScript program", "torch.save(torch.jit.load(PATH).state_dict(), 'weights.pt')")
        if any(name.endswith("/archive_format") for name in names):
            return read_exported_weights(path)
        content = _saved(path, is_archive=bool(names))
    except ModelError:
        raise
    except safetensors.SafetensorError as problem:
        raise ModelError(f"{path.name} is not a safetensors file: {problem}", hint=_COPY_AGAIN) from problem
    except pickle.UnpicklingError as problem:
        save = "saved = torch.load(PATH, weights_only=False), then torch.save() of the state dict within it"
        raise _refused(path, "not a plain state dict", save) from problem
    except Exception as problem:  # torch's unpickler raises whatever a damaged file leads it to
        first_line = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise ModelError(f"{path.name} cannot be read: {first_line[:200]}", hint=_COPY_AGAIN) from problem
    if isinstance(content, tuple | list):  # (state dict, optimizer, epoch)
        content = {str(place): part for place, part in enumerate(content) if isinstance(part, Mapping)}
    if isinstance(content, Mapping) and content:
        return content
    raise ModelError(
        f"{path.name} holds a {type(content).__name__}, not a state dict of tensors",
        hint="save it with torch.save(model.state_dict(), path)",
    )


def _in_folder(folder: Path) -> Path:
    """The one index of shards in it, or the one `.safetensors`."""
    found = sorted(folder.glob(f"*{_INDEX}")) or sorted(folder.glob("*.safetensors"))
    if len(found) > 1 and all(path.name.endswith(_INDEX) for path in found):
        raise ModelError(
            f"{folder.name} holds {len(found)} indices of shards: {', '.join(path.name for path in found)}",
            hint=f'weights = "{folder / found[0].name}", or another of them',
        )
    if len(found) != 1:
        raise ModelError(
            f"{folder.name} is a folder with {len(found)} files of .safetensors and no index of them",
            hint="name one file as 'weights' in [model]",
        )
    return found[0]


def _refuse_others(path: Path) -> None:
    """Raises ModelError for what other programs write, and for one shard of several."""
    with path.open("rb") as file:
        begin = file.read(64)
    for magic, what, hint in _OTHERS:
        if begin.startswith(magic):
            raise ModelError(f"{path.name} is {what}", hint=hint)
    if path.suffix == ".onnx":
        raise ModelError(f"{path.name} is a graph of ONNX, not weights", hint="name the checkpoint it was made from")
    shard = _SHARD.search(path.name)
    if shard is not None and int(shard[1]) > 1:
        raise ModelError(
            f"{path.name} is one of {int(shard[1])} shards",
            hint=f'weights = "{path.parent / (path.name[: shard.start()] + _INDEX)}", or the folder',
        )
    names = _entries(path)
    if names and all(name.endswith(".npy") for name in names):
        raise ModelError(
            f"{path.name} holds arrays of NumPy",
            hint="torch.save({name: torch.from_numpy(each) for name, each in numpy.load(PATH).items()}, 'weights.pt')",
        )


def _saved(path: Path, *, is_archive: bool) -> Any:
    """A file of torch.save. Objects beside the tensors are read around in archives, the form since PyTorch 1.6."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        if not is_archive:
            raise
    return read_with_objects(path)


def _shards(path: Path) -> dict[str, Tensor]:
    """All tensors of the files that an index names, which lie beside it."""
    if path.stat().st_size > _LARGEST_INDEX:
        raise ModelError(f"{path.name} has {path.stat().st_size:,} B, too much for an index", hint=_COPY_AGAIN)
    index = json.loads(path.read_text())
    files = sorted(set(index["weight_map"].values()))
    tensors: dict[str, Tensor] = {}
    for name in files:
        if not isinstance(name, str) or Path(name).name != name:
            raise ModelError(f"{path.name} names {name!r}, no file beside it", hint=_COPY_AGAIN)
        if not (path.parent / name).is_file():
            raise ModelError(f"{name} is not there; {path.name} needs it", hint="copy every shard beside the index")
        tensors.update(safetensors.torch.load_file(path.parent / name))
    return tensors


def _entries(path: Path) -> list[str]:
    """Names in a zip archive; none of an older file of torch.save, which is no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except ARCHIVE_FAULTS:
        return []


def _refused(path: Path, what: str, code: str) -> ModelError:
    return ModelError(
        f"{path.name} is {what}; EdgePrune does not run code out of checkpoints",
        hint=f"if you trust the file, in its own project: {code.replace('PATH', repr(path.name))}",
    )
