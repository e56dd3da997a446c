"""The parameters and buffers in a `.pt2` archive of torch.export, read without running the program.

The format (torch.export.pt2_archive of PyTorch 2.13): `model_weights_config.json` names each tensor's file, type, sizes
and strides; the file holds its storage.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgeprune.errors import ModelError

_CONFIG = "data/weights/model_weights_config.json"
_DTYPES = {
    1: torch.uint8, 2: torch.int8, 3: torch.int16, 4: torch.int32, 5: torch.int64, 6: torch.float16, 7: torch.float32,
    8: torch.float64, 12: torch.bool, 13: torch.bfloat16,
}  # fmt: skip


def read_exported_weights(path: Path) -> dict[str, Tensor]:
    """Tensor by name.

    Raises:
        ModelError: no weights in it, or one of another size than it says.
        ValueError, KeyError, ...: damaged (`files/bounded.py` ARCHIVE_FAULTS).
    """
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        config = [name for name in archive.namelist() if name.endswith("/" + _CONFIG)]
        if not config:
            raise ModelError(
                f"{path.name} is a torch.export archive without weights",
                hint="save the module's own: torch.save(model.state_dict(), 'weights.pt')",
            )
        folder = config[0].removesuffix("model_weights_config.json")
        return {
            str(name): _tensor(str(name), _bytes(archive, folder + stated["path_name"], size), stated)
            for name, stated in json.loads(_bytes(archive, config[0], size))["config"].items()
        }


def _bytes(archive: zipfile.ZipFile, name: str, file_size: int) -> bytes:
    """An entry, which torch stores as it is: none is larger than its file."""
    if archive.getinfo(name).file_size > file_size:
        raise ValueError(f"{name} claims {archive.getinfo(name).file_size:,} B in a file of {file_size:,} B")
    return archive.read(name)


def _tensor(name: str, data: bytes, stated: dict[str, Any]) -> Tensor:
    meta = stated["tensor_meta"]
    if stated["use_pickle"] or meta["dtype"] not in _DTYPES:
        raise ModelError(
            f"{name} is stored as a pickle or of an unknown type", hint="save torch.save(model.state_dict(), path)"
        )
    sizes, strides = ([int(one["as_int"]) for one in meta[key]] for key in ("sizes", "strides"))
    offset = int(meta["storage_offset"]["as_int"])
    storage = torch.frombuffer(bytearray(data), dtype=_DTYPES[meta["dtype"]]) if data else torch.empty(0)
    furthest = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    values = int(np.prod(sizes, dtype=np.int64))
    if min(sizes + strides + [offset], default=0) < 0 or values > len(storage) or (values and furthest >= len(storage)):
        raise ValueError(f"{name} {tuple(sizes)} reaches beyond its {len(storage):,} values")
    return storage.as_strided(sizes, strides, offset).clone()
